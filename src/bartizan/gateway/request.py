"""One request from a client: its id, its headers, and its body within limits."""

from __future__ import annotations

import asyncio
import re

from bartizan.core.identity import unique_id
from bartizan.gateway.answer import Answer, Receive, Refused, Scope

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_BODY_SECONDS = 60.0
_CLOSE = ((b"connection", b"close"),)


class ClientGone(Exception):  # noqa: N818  (reads as what it is)
    """The client has closed its connection, so there is nobody to answer."""


class Request:
    """What a client sent.

    Attributes:
        id: The client's own request id where it is well-formed, otherwise a new one.
        path: The path.
        method: The method, in capitals.
        principal: The id of the credential, once it was checked.
    """

    __slots__ = ("_headers", "_receive", "id", "method", "path", "principal")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.principal = ""
        self._receive = receive
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        claimed = self._headers.get(b"x-request-id", b"")
        self.id = claimed.decode() if _REQUEST_ID.fullmatch(claimed) else unique_id("req")

    def header(self, name: bytes) -> bytes:
        """Returns a header by its lower-case name, empty where there is none."""
        return self._headers.get(name, b"")

    async def body(self, limit: int) -> bytes:
        """Returns the whole body.

        Raises:
            Refused: It is longer than `limit` bytes, whatever the client announced, or it takes too long to arrive.
            ClientGone: The client closed the connection before the end.
        """
        announced = self._headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        if b"content-encoding" in self._headers and self._headers[b"content-encoding"].lower() != b"identity":
            raise Refused(415, "unsupported_encoding", "Compressed request bodies are not accepted.")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                return await self._read(limit)
        except TimeoutError:
            raise Refused(408, "timeout", "The request body took too long to arrive.", headers=_CLOSE) from None

    async def _read(self, limit: int) -> bytes:
        pieces: list[bytes] = []
        total = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            total += len(piece)
            if total > limit:
                raise _too_large(limit, close=True)
            if not message.get("more_body", False):
                return b"".join([*pieces, piece]) if pieces else piece
            pieces.append(piece)

    async def gone(self) -> None:
        """Returns when the client has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _too_large(limit: int, *, close: bool = False) -> Refused:
    # What was announced is read and dropped by the server; of a body without end nobody knows how much will come.
    message = f"The request body is larger than {limit:,} bytes."
    return Refused(413, "request_too_large", message, headers=_CLOSE if close else ())


class Watch:
    """Cancels what runs inside it when the client closes the connection; an async context manager.

    It begins to watch after a moment only, because most requests are over by then.

    Raises:
        ClientGone: The client closed the connection.
    """

    __slots__ = ("_answer", "_cancelling", "_gone", "_request", "_task", "_timer", "_watcher")
    _AFTER_SECONDS = 0.1

    def __init__(self, request: Request, answer: Answer) -> None:
        self._request = request
        self._answer = answer
        self._watcher: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a watch needs a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._timer = loop.call_later(self._AFTER_SECONDS, self._start, loop)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._gone and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise ClientGone from None

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watcher = loop.create_task(self._watch(), name=f"watch {self._request.id}")

    async def _watch(self) -> None:
        await self._request.gone()
        if not self._answer.complete:
            self._gone = True
            self._task.cancel()
