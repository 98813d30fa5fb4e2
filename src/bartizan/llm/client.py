"""The edge to OpenAI-compatible services: one pooled connection set a service. The proxy environment is not read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from yarl import URL

from bartizan.errors import ConfigError, TargetError
from bartizan.llm import strict_json

MAX_ANSWER_BYTES = 20_000_000
REQUEST_ID = "x-request-id"
_MAX_MODELS = 10_000
_KEEPALIVE_SECONDS = 30.0
_AUTOMATIC = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class TargetTimeoutError(TargetError):
    """The service did not answer in time."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer: status, headers with lower-case names, body, and how long it took in milliseconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed_ms: float


class OpenReply:
    """An answer whose body is still arriving."""

    def __init__(self, response: aiohttp.ClientResponse, *, max_bytes: int, chunk_seconds: float) -> None:
        self.status = response.status
        self._response = response
        self._max_bytes = max_bytes
        self._chunk_seconds = chunk_seconds

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with lower-case names."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    @property
    def content_type(self) -> str:
        """The media type of the body, without parameters, in lower case."""
        return self._response.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def read(self) -> bytes:
        """Returns the whole body.

        Raises:
            TargetError: It is cut off, too long, or silent for too long.
        """
        content = self._response.content
        if content.is_eof() and content.exception() is None and content.total_bytes <= self._max_bytes:
            return content.read_nowait()
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yields the body as it arrives, in pieces of any size.

        Raises:
            TargetError: It is cut off, too long, or silent for too long.
        """
        content, total = self._response.content, 0
        try:
            while not content.at_eof():
                if content.total_bytes == total and not content.is_eof():
                    async with asyncio.timeout(self._chunk_seconds):
                        chunk = await content.readany()
                else:
                    chunk = await content.readany()
                total += len(chunk)
                if total > self._max_bytes:
                    raise TargetError(f"the answer is longer than {self._max_bytes:,} bytes")
                if chunk:
                    yield chunk
        except TimeoutError:
            raise _silent(self._chunk_seconds) from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise TargetError("the answer was cut off", hint="the service closed the connection early") from error

    async def drain(self, seconds: float) -> None:
        """Reads and drops what is left of the body, so that the connection can be used again; stops after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not self._response.content.at_eof():
                    await self._response.content.readany()
        except (TimeoutError, aiohttp.ClientError, ConnectionError):
            self._response.close()


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
        base = _base(base_url)
        self._chat_url, self._models_url = base / "chat" / "completions", base / "models"
        self._headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"
        self._first_byte_seconds = timeout_seconds
        self._chunk_seconds = timeout_seconds if chunk_seconds is None else chunk_seconds
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_seconds, sock_connect=connect_seconds)
        self._connections = connections
        self._max_answer_bytes = max_answer_bytes
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=_KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            raise_for_status=False,
            skip_auto_headers=_AUTOMATIC,
            timeout=self._timeout,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def open(self, body: Mapping[str, Any] | bytes, *, request_id: str = "") -> AbstractAsyncContextManager[OpenReply]:
        """Sends a chat request on entering, and yields the answer as soon as its head is there.

        Leaving the block early closes the connection, which stops the service's work.

        Raises:
            TargetError: The service refused the connection, took too long, or answered with something else than HTTP.
        """
        data = body if isinstance(body, bytes) else strict_json.encode(body)
        return self._request("POST", self._chat_url, data=data, request_id=request_id)

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
        async with self._request("GET", self._models_url, data=None, request_id="") as reply:
            content = await reply.read()
        if reply.status != 200:
            raise TargetError(f"the list of models has status {reply.status}", hint="check the address and the key")
        try:
            parsed = msgspec.json.decode(content, type=_Models)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise TargetError("the list of models cannot be read", hint="is this an OpenAI-compatible API?") from error
        return [model.id for model in parsed.data[:_MAX_MODELS]]

    @asynccontextmanager
    async def _request(self, method: str, url: URL, *, data: bytes | None, request_id: str) -> AsyncIterator[OpenReply]:
        if self._session is None:
            raise TargetError("the client is not open", hint="use it as `async with ChatClient(...) as client`")
        headers = {**self._headers, REQUEST_ID: request_id} if request_id else self._headers
        try:
            async with asyncio.timeout(self._first_byte_seconds):
                response = await self._session.request(method, url, data=data, headers=headers, allow_redirects=False)
        except aiohttp.ConnectionTimeoutError:
            raise TargetTimeoutError(
                "connecting took too long", hint="is the service up and the address right?"
            ) from None
        except TimeoutError:
            raise _silent(self._first_byte_seconds) from None
        except aiohttp.ClientConnectorError as error:
            raise TargetError("the connection was refused", hint="is the service up and the address right?") from error
        except (aiohttp.ClientError, ConnectionError, ValueError) as error:
            raise TargetError(
                "the service answered with something else than HTTP, or not at all", hint="check the address"
            ) from error
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise TargetError("the answer is compressed although that was not offered")
            yield OpenReply(response, max_bytes=self._max_answer_bytes, chunk_seconds=self._chunk_seconds)
        finally:
            # A connection whose answer was read to its end is kept for the next request; any other is closed.
            if response.content.at_eof():
                response.release()
            else:
                response.close()


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


def _base(address: str) -> URL:
    try:
        url = URL(address.rstrip("/"))
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise ConfigError("the address of a model service is no http or https URL", hint="http://127.0.0.1:11434/v1")
    return url


def _silent(seconds: float) -> TargetTimeoutError:
    return TargetTimeoutError(f"the service was silent for {seconds:g} s", hint="is it overloaded?")
