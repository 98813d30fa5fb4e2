"""One HTTP/1.1 connection to a service: a request out, its answer in, then the next. No pool and no retry here.

Strict, after RFC 9112 (HTTP/1.1, June 2022): what is no response, has two lengths, or goes on after its end costs the
connection. Redirects, upgrades, cookies and compression are not offered. The parser is llhttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import httptools

from bartizan.errors import TargetError

MAX_HEAD_BYTES = 65_536
_FRAMING_PER_BYTE = 8
"""How many bytes of framing a byte of the body may have; the smallest chunks have five."""
_MAX_HEADERS = 256
_MAX_INTERIM = 16
_MOST_WAITING = 262_144
"""How many bytes of a body may wait to be read before the service is made to wait."""
_MERGED_BYTES = 65_536
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class TargetTimeoutError(TargetError):
    """The service did not answer in time."""


class Connection(asyncio.Protocol):
    """One connection. An exchange is `ask`, then `head`, then `piece` until it returns nothing.

    Attributes:
        status: The answer's status, 0 before its head has come.
        headers: The answer's headers, with lower-case names, as they came.
        touched: Whether any byte of the answer has come.
        whole: Whether the answer has come to its end.
        closed: Whether the connection is gone.
        fault: What went wrong, None while nothing did.
        idle_since: When it was put aside, on the loop's clock.
    """

    __slots__ = (
        "_asked",
        "_framed",
        "_interim",
        "_loop",
        "_max_bytes",
        "_overhead",
        "_parser",
        "_paused",
        "_pieces",
        "_spoilt",
        "_total",
        "_transport",
        "_waiter",
        "_waiting",
        "closed",
        "fault",
        "headers",
        "idle_since",
        "status",
        "touched",
        "whole",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._asked = self._spoilt = False
        self.idle_since = 0.0
        self.closed = False
        self._begin(0)

    def _begin(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.status = self._total = self._waiting = self._overhead = self._interim = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._pieces: list[bytes] = []
        self.touched = self.whole = self._framed = self._paused = False
        self.fault: TargetError | None = None

    @property
    def reusable(self) -> bool:
        """Whether another exchange may follow: the last one ended cleanly, and both sides keep the connection."""
        return self.whole and not self._spoilt and not self.closed and not self._transport.is_closing()

    def ask(self, head: bytes, body: bytes, *, max_bytes: int) -> None:
        """Sends a request; the answer's body may have up to `max_bytes`."""
        self._begin(max_bytes)
        self._parser = httptools.HttpResponseParser(self)
        self._asked = True
        if len(body) <= _MERGED_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))

    async def head(self, seconds: float) -> None:
        """Returns when the answer's head is there.

        Raises:
            TargetTimeoutError: It did not come in time.
            TargetError: It is none, or the connection was closed.
        """
        while not self.status and self.fault is None:
            await self._wait(seconds)
        if self.fault is not None:
            raise self.fault

    async def piece(self, seconds: float) -> bytes:
        """Returns what has come of the body since the last call, and nothing at its end.

        Raises:
            TargetTimeoutError: The service was silent for `seconds`.
            TargetError: The answer was cut off, is too long, or is garbled.
        """
        while not self._pieces and not self.whole and self.fault is None:
            await self._wait(seconds)
        if self._pieces:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            self._pieces.clear()
            self._waiting = 0
            self._resume()
            return data
        if self.fault is not None:
            raise self.fault
        return b""

    def close(self) -> None:
        """Closes the connection at once, which stops the service's work."""
        self._asked = False
        self._transport.abort()

    # --- what the transport calls -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Notes the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Takes bytes of the service; outside of an exchange there must be none."""
        if not self._asked or self.whole:
            self._spoilt = True
            self._transport.abort()
            return
        self.touched = True
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail("the service answered with something else than HTTP", hint="check the address")
        if self._overhead > MAX_HEAD_BYTES + _FRAMING_PER_BYTE * self._total:
            self._fail(f"the answer has more than {MAX_HEAD_BYTES:,} bytes of headers")
        self._wake()

    def eof_received(self) -> None:
        """Ends a body whose length was not announced; any other end is told by `connection_lost`."""
        if self.status and not self._framed and self.fault is None:
            self._spoilt = self.whole = True
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (the interface of protocols)
        """Notes the end of the connection."""
        self.closed = True
        if self._asked and not self.whole:
            what = "the answer was cut off" if self.status else "the connection was closed without an answer"
            self._fail(what, hint="the service closed the connection early")
        self._wake()

    # --- what the parser calls ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Notes that an answer begins; one that follows the answer was not asked for."""
        if self.whole:
            self._spoilt = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Notes a header; what comes after the body (RFC 9110 section 6.5, trailers) is dropped."""
        if not self.status:
            self.headers.append((name.lower(), value))
            if len(self.headers) > _MAX_HEADERS:
                self._fail(f"the answer has more than {_MAX_HEADERS} headers")

    def on_headers_complete(self) -> None:
        """Notes the status, unless this is an interim answer (RFC 9110 section 15.2)."""
        if self.whole:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            self._interim += 1
            self.headers.clear()
            if status == 101 or self._interim > _MAX_INTERIM:
                self._fail("the service answered with something else than HTTP", hint="check the address")
            return
        self._check_framing(status)
        self.status = status

    def on_body(self, data: bytes) -> None:
        """Keeps a piece of the body."""
        if self.whole or self.fault is not None:
            return
        size = len(data)
        self._total += size
        self._waiting += size
        self._overhead -= size
        if self._total > self._max_bytes:
            self._too_long()
            return
        self._pieces.append(data)
        if self._waiting > _MOST_WAITING and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """Notes the end of the answer."""
        if self.status and self.fault is None and not self.whole:
            self.whole = True
            self._resume()
            # What is still being sent belongs to a request that the service has answered without reading it.
            if not self._parser.should_keep_alive() or self._transport.get_write_buffer_size():
                self._spoilt = True

    # ------------------------------------------------------------------------------------------------------------------

    def _check_framing(self, status: int) -> None:
        """Lets one length through at most: two readers that see two lengths see two answers (RFC 9112 section 6.3)."""
        framing = [(name, value) for name, value in self.headers if name in _FRAMING]
        if len(framing) > 1:
            self._fail("the answer has two lengths")
        elif framing:
            name, value = framing[0]
            self._framed = True
            if name == b"transfer-encoding" and value.strip().lower() != b"chunked":
                self._fail("the answer has an unknown transfer encoding")
            elif name == b"content-length" and int(value) > self._max_bytes:  # the parser lets digits through only
                self._too_long()
        else:
            self._framed = status in {204, 304}

    def _too_long(self) -> None:
        self._fail(f"the answer is longer than {self._max_bytes:,} bytes")

    def _fail(self, message: str, *, hint: str = "") -> None:
        self._spoilt = True
        if not self.whole and self.fault is None:
            self.fault = TargetError(message, hint=hint)
        self._transport.abort()

    def _resume(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, seconds: float) -> None:
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._expire, seconds)
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _expire(self, seconds: float) -> None:
        if not self.whole and self.fault is None:
            self.fault = TargetTimeoutError(f"the service was silent for {seconds:g} s", hint="is it overloaded?")
            self._spoilt = True
            self._transport.abort()
        self._wake()


def header(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    """Returns a header's last value, empty where there is none."""
    return next((value.decode("latin-1") for key, value in reversed(headers) if key == name), "")
