"""HTTP/1.1 as uvicorn speaks it, with the limits that it lacks: how large and how slow the head of a request may be."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Without a bound, one stranger without a key could fill the memory with a header that never ends, and a few could
    hold every connection with requests that never begin (slowloris, R. Hansen, 2009). RFC 6585 section 5 names 431.
    """

    max_head_bytes: ClassVar[int] = 65_536
    """How much may arrive that is no body: request line, headers, trailers, chunk extensions."""
    head_seconds: ClassVar[float] = 20.0
    """How long a head may take, from the connection or its first byte on."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for a head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, unless the head has become too large."""
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._head_bytes:
            return
        if self._head_bytes > self.max_head_bytes:
            self._refuse(b"431 Request Header Fields Too Large", b"The head of the request is too large.")
        elif self._head_timer is None and not self.transport.is_closing():
            self._await_head()

    def on_headers_complete(self) -> None:
        """Begins the request."""
        self._head_bytes = 0
        self._head_came()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Takes a piece of the body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the request."""
        self._head_bytes = 0
        super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing: there are no websockets here, and no package that would bring them should be installed."""

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(
            self.head_seconds, self._refuse, b"408 Request Timeout", b"The request took too long to arrive."
        )

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: bytes, message: bytes) -> None:
        self._head_came()
        if self.transport.is_closing():
            return
        # While an earlier answer is on its way, words between its bytes would be read as part of it.
        if self.cycle is None or self.cycle.response_complete:  # type: ignore[redundant-expr]  # None at first
            head = b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            self.transport.write(head % (status, len(message)) + b"connection: close\r\n\r\n" + message)
        self.transport.close()
