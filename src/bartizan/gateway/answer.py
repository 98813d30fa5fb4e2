"""What clients are told: OpenAI-style bodies, constant words, nothing of the inside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from bartizan.core.verdict import Verdict
from bartizan.errors import InputError, LimitError
from bartizan.llm.strict_json import encode

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
_NO_STORE = (b"cache-control", b"no-store")
_MAX_REASONS = 10


class Refused(Exception):  # noqa: N818  (reads as what it is)
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        code: A word for programs.
        message: A sentence for people, without internals.
        kind: OpenAI's `type` of error.
        param: The field at fault.
        detail: More for programs, under `bartizan`.
        headers: Headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        detail: Mapping[str, Any] | None = None,
        headers: Sequence[Header] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers
        error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
        if detail is not None:
            error["bartizan"] = detail
        self.body = encode({"error": error})

    @property
    def event(self) -> bytes:
        """The same as an event of a stream, which official clients raise as an error."""
        return b"data: " + self.body + b"\n\n"


def blocked(verdict: Verdict, request_id: str) -> Refused:
    """Returns what a client is told of a verdict that holds content: which rules and detectors, never the content."""
    reasons = [{"rule": one.rule, "detector": one.detector} for one in verdict.reasons[:_MAX_REASONS]]
    what = "request" if verdict.direction == "input" else "answer"
    held = "is held for review" if verdict.action == "review" else "was blocked"
    return Refused(
        403,
        "blocked",
        f"The {what} {held} by the policy {verdict.policy}.",
        kind="guard_blocked",
        detail={"request": request_id, "verdict": verdict.id, "reasons": reasons},
    )


def bad_request(error: InputError) -> Refused:
    """Returns what a client is told of a request that cannot be read; the message names the place in it."""
    code = "limit_exceeded" if isinstance(error, LimitError) else "invalid_request"
    return Refused(400, code, f"The request cannot be read: {error.message}.")


class Answer:
    """The way back to one client.

    Attributes:
        status: What was sent, 0 before.
    """

    __slots__ = ("_request_id", "_send", "_write_seconds", "complete", "status")

    def __init__(self, send: Send, request_id: str, *, write_seconds: float) -> None:
        self._send = send
        self._request_id = request_id.encode()
        self._write_seconds = write_seconds
        self.status = 0
        self.complete = False

    async def whole(self, body: bytes, *, status: int = 200, headers: Sequence[Header] = (JSON,)) -> None:
        """Sends a whole answer."""
        length = (b"content-length", b"%d" % len(body))
        await self._begin(status, [*headers, length, (b"x-request-id", self._request_id)])
        await self._send({"type": "http.response.body", "body": body})
        self.complete = True

    async def begin_stream(self) -> None:
        """Sends the head of a stream of events."""
        await self._begin(200, [EVENT_STREAM, _NO_STORE, (b"x-request-id", self._request_id)])

    async def piece(self, data: bytes, *, last: bool = False) -> None:
        """Sends a piece of the stream.

        Raises:
            TimeoutError: The client does not read.
        """
        async with asyncio.timeout(self._write_seconds):
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})
        self.complete = last

    async def refuse(self, refused: Refused) -> None:
        """Tells of an error, as a status where nothing was sent yet, otherwise as the last event of the stream."""
        if self.complete:
            return
        if self.status:
            await self.piece(refused.event, last=True)
        else:
            await self.whole(refused.body, status=refused.status, headers=[JSON, *refused.headers])

    async def _begin(self, status: int, headers: list[Header]) -> None:
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
