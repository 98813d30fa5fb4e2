"""The edge to OpenAI-compatible services: one pooled connection set a service. The proxy environment is not read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec

from bartizan.errors import ConfigError, InputError, TargetError
from bartizan.llm import strict_json
from bartizan.llm.connection import Connection, header
from bartizan.llm.pool import Origin, Pool

MAX_ANSWER_BYTES = 20_000_000
REQUEST_ID = "x-request-id"
_MAX_MODELS = 10_000


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer: status, headers with lower-case names, body, and how long it took in milliseconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: float


class OpenReply:
    """An answer whose body is still arriving."""

    __slots__ = ("_chunk_seconds", "_connection", "status")

    def __init__(self, connection: Connection, *, chunk_seconds: float) -> None:
        self.status = connection.status
        self._connection = connection
        self._chunk_seconds = chunk_seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with lower-case names."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in self._connection.headers}

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters, in lower case."""
        return header(self._connection.headers, b"content-type").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """Returns the whole body.

        Raises:
            TargetError: It is cut off, too long, or silent for too long.
        """
        body = await self._connection.piece(self._chunk_seconds)
        if self._connection.whole:
            return body
        pieces = [body]
        while piece := await self._connection.piece(self._chunk_seconds):
            pieces.append(piece)
        return b"".join(pieces)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields the body as it arrives, in pieces of any size.

        Raises:
            TargetError: It is cut off, too long, or silent for too long.
        """
        while piece := await self._connection.piece(self._chunk_seconds):
            yield piece

    async def drain(self, seconds: float) -> None:
        """Reads and drops what is left of the body, so that the connection can be used again; stops after `seconds`."""
        if self._connection.whole:
            return
        try:
            async with asyncio.timeout(seconds):
                while await self._connection.piece(seconds):
                    pass
        except (TimeoutError, TargetError):
            self._connection.close()


class ChatClient:
    """A client of one service; an async context manager that owns its connections.

    Args:
        base_url: The address up to and without `/chat/completions`.
        key: The API key in clear; empty where the service needs none.
        timeout_seconds: How long an answer may take to begin, and how long it may be silent.
        connections: The most connections at once.
        connect_seconds: How long connecting may take.
        chunk_seconds: How long an answer may be silent once it has begun; `timeout_seconds` where None.
        max_answer_bytes: The longest answer that is read.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str = "",
        timeout_seconds: float = 60.0,
        connections: int = 256,
        connect_seconds: float = 5.0,
        chunk_seconds: float | None = None,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._origin = Origin.parse(base_url)
        self._head = _head(self._origin, key)
        self._limits = _Limits(
            first_byte_seconds=timeout_seconds,
            chunk_seconds=timeout_seconds if chunk_seconds is None else chunk_seconds,
            max_answer_bytes=max_answer_bytes,
        )
        self._connect_seconds = connect_seconds
        self._connections = connections
        self._pool: Pool | None = None

    async def __aenter__(self) -> Self:
        self._pool = Pool(
            self._origin,
            connections=self._connections,
            connect_seconds=self._connect_seconds,
            loop=asyncio.get_running_loop(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    def open(self, body: Mapping[str, Any] | bytes, *, request_id: str = "") -> AbstractAsyncContextManager[OpenReply]:
        """Sends a chat request on entering, and yields the answer as soon as its head is there.

        Leaving the block early closes the connection, which stops the service's work.

        Raises:
            TargetError: The service refused the connection, took too long, or answered with something else than HTTP.
        """
        data = body if isinstance(body, bytes) else strict_json.encode(body)
        return self._request("POST", "/chat/completions", data=data, request_id=request_id)

    async def chat(self, body: Mapping[str, Any] | bytes, *, request_id: str = "") -> Reply:
        """Sends a chat request and returns the whole answer, whatever its status.

        Raises:
            TargetError: The service refused, took too long, was cut off, or answered with something else than HTTP.
        """
        begun = time.perf_counter()
        async with self.open(body, request_id=request_id) as reply:
            content = await reply.read()
            headers = reply.headers
        elapsed = (time.perf_counter() - begun) * 1000
        return Reply(status=reply.status, headers=headers, body=content, elapsed_ms=elapsed)

    async def models(self) -> list[str]:
        """Returns the names of the models that the service advertises.

        Raises:
            TargetError: It cannot be reached or its list is not one.
        """
        async with self._request("GET", "/models", data=b"", request_id="") as reply:
            content = await reply.read()
        if reply.status != 200:
            raise TargetError(f"the list of models has status {reply.status}", hint="check the address and the key")
        try:
            parsed = msgspec.json.decode(content, type=_Models)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise TargetError("the list of models cannot be read", hint="is this an OpenAI-compatible API?") from error
        return [model.id for model in parsed.data[:_MAX_MODELS]]

    def _request(self, method: str, path: str, *, data: bytes, request_id: str) -> _Exchange:
        """Returns the exchange, ready to be entered."""
        if self._pool is None:
            raise TargetError("the client is not open", hint="use it as `async with ChatClient(...) as client`")
        if not _is_plain(request_id):
            raise InputError("the request id holds characters that a header cannot carry")
        named = f"{REQUEST_ID}: {request_id}\r\n" if request_id else ""
        length = f"content-length: {len(data)}\r\n" if data else ""
        target = f"{method} {self._origin.path}{path}{self._origin.query} HTTP/1.1\r\n"
        return _Exchange(self._pool, f"{target}{self._head}{named}{length}\r\n".encode("ascii"), data, self._limits)


class _Limits(NamedTuple):
    """How long an answer may take to begin, how long it may be silent then, and how long it may be."""

    first_byte_seconds: float
    chunk_seconds: float
    max_answer_bytes: int


class _Exchange(AbstractAsyncContextManager[OpenReply]):
    """One request and its answer: sent on entering, its connection given back on leaving."""

    __slots__ = ("_connection", "_limits", "_pool", "_request")

    def __init__(self, pool: Pool, head: bytes, body: bytes, limits: _Limits) -> None:  # noqa: PLR0917  (made in one place)
        self._pool = pool
        self._request = (head, body)
        self._limits = limits

    async def __aenter__(self) -> OpenReply:
        limits = self._limits
        connection = await self._pool.exchange(
            *self._request, seconds=limits.first_byte_seconds, max_bytes=limits.max_answer_bytes
        )
        if header(connection.headers, b"content-encoding").lower() not in {"", "identity"}:
            connection.close()
            self._pool.give_back(connection)
            raise TargetError("the answer is compressed although that was not offered")
        self._connection = connection
        return OpenReply(connection, chunk_seconds=limits.chunk_seconds)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.give_back(self._connection)


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


def _head(origin: Origin, key: str) -> str:
    """Returns the headers that all requests have."""
    if not _is_plain(key):
        raise ConfigError(
            "the API key of a model service holds characters that no key has", hint="look at its reference"
        )
    authorization = f"authorization: Bearer {key}\r\n" if key else ""
    return f"host: {origin.authority}\r\ncontent-type: application/json\r\naccept-encoding: identity\r\n{authorization}"


def _is_plain(value: str) -> bool:
    """Whether a header can carry it as it is: printable ASCII, so that it cannot begin another header."""
    return value.isascii() and value.isprintable()
