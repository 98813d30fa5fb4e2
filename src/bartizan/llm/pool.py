"""The connections to one service: opened when they are needed, kept for the next request, never more than so many."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from bartizan.errors import ConfigError, TargetError
from bartizan.llm.connection import Connection, TargetTimeoutError

KEEPALIVE_SECONDS = 30.0
_RACE_SECONDS = 1.0
"""A service that closes an idle connection does so within about the time in which our request travels."""
_PORTS = (("http", 80), ("https", 443))


class Origin(NamedTuple):
    """Where a service is: its host and port, its path without a slash at the end, and whether it speaks TLS.

    Attributes:
        authority: What the `host` header says.
        query: What every request's target ends with, with its question mark; mostly empty.
    """

    host: str
    port: int
    path: str
    tls: bool
    authority: str
    query: str = ""

    @classmethod
    def parse(cls, address: str) -> Origin:
        """Reads a base URL.

        Raises:
            ConfigError: It is no http or https URL, or it holds credentials.
        """
        parts = _split(address)
        port = dict(_PORTS).get(parts.scheme)
        if port is None or not parts.hostname:
            raise ConfigError(
                "the address of a model service is no http or https URL", hint="http://127.0.0.1:11434/v1"
            )
        if parts.username is not None or parts.password is not None:
            raise ConfigError("the address of a model service holds credentials", hint="give the key by itself")
        host = parts.hostname
        named = f"[{host}]" if ":" in host else host
        return cls(
            host=host,
            port=parts.port or port,
            path=parts.path.rstrip("/"),
            tls=parts.scheme == "https",
            authority=named if parts.port in {None, port} else f"{named}:{parts.port}",
            query=f"?{parts.query}" if parts.query else "",
        )


def _split(address: str) -> SplitResult:
    """Returns the parts of a URL, empty ones where it is none."""
    nothing = SplitResult("", "", "", "", "")
    if not (address.isascii() and address.isprintable()) or " " in address:
        return nothing
    try:
        parts = urlsplit(address)
        usable = parts.port != 0
    except ValueError:
        return nothing
    return parts if usable else nothing


class Pool:
    """The connections to one service.

    Args:
        origin: Where it is.
        connections: The most at once.
        connect_seconds: How long it may take to get one.
        loop: The running loop.
    """

    def __init__(
        self, origin: Origin, *, connections: int, connect_seconds: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._origin = origin
        self._connect_seconds = connect_seconds
        self._loop = loop
        self._free = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._tls = _tls() if origin.tls else None
        self._make: Callable[[], Connection] = lambda: Connection(loop)

    async def exchange(self, head: bytes, body: bytes, *, seconds: float, max_bytes: int) -> Connection:
        """Sends a request, and returns the connection once the answer's head is there; to be given back.

        It is sent a second time only where an idle connection turns out to have been closed by the service: no byte
        of an answer came, and the end came so soon that the service had not begun to work on it.

        Raises:
            TargetError: The service refused the connection, took too long, or answered with something else than HTTP.
        """
        connection, used = await self._take()
        answered = False
        try:
            begun = self._loop.time()
            connection.ask(head, body, max_bytes=max_bytes)
            try:
                await connection.head(seconds)
            except TargetError:
                gone = connection.closed and not connection.touched and self._loop.time() - begun < _RACE_SECONDS
                if not (used and gone):
                    raise
                self._open.discard(connection)
                connection = await self._connect()
                connection.ask(head, body, max_bytes=max_bytes)
                await connection.head(seconds)
            answered = True
            return connection
        finally:
            if not answered:
                self.give_back(connection)

    def give_back(self, connection: Connection) -> None:
        """Keeps a connection whose answer was read to its end, and closes any other."""
        if connection.reusable:
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(KEEPALIVE_SECONDS, self._sweep)
        else:
            self._open.discard(connection)
            connection.close()
        self._free.release()

    async def close(self) -> None:
        """Closes all connections."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in self._open:
            connection.close()
        self._idle.clear()
        self._open.clear()
        await asyncio.sleep(0)  # the transports close in the loop's next turn

    async def _take(self) -> tuple[Connection, bool]:
        """Returns a connection, and whether it has been used before."""
        if self._free.locked():
            try:
                async with asyncio.timeout(self._connect_seconds):
                    await self._free.acquire()
            except TimeoutError:
                raise _slow() from None
        else:
            await self._free.acquire()
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and self._loop.time() - connection.idle_since < KEEPALIVE_SECONDS:
                return connection, True
            self._open.discard(connection)
            connection.close()
        connected = False
        try:
            connection = await self._connect()
            connected = True
            return connection, False
        finally:
            if not connected:
                self._free.release()

    async def _connect(self) -> Connection:
        origin = self._origin
        name = origin.host if self._tls else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await self._loop.create_connection(
                    self._make, origin.host, origin.port, ssl=self._tls, server_hostname=name
                )
        except TimeoutError:
            raise _slow() from None
        except ssl.SSLError as error:
            raise TargetError("the connection is not secure", hint="check the certificate and the address") from error
        except (OSError, UnicodeError) as error:
            raise TargetError("the connection was refused", hint="is the service up and the address right?") from error
        self._open.add(connection)
        return connection

    def _sweep(self) -> None:
        """Closes what nobody has used for a while."""
        oldest = self._loop.time() - KEEPALIVE_SECONDS
        for connection in [one for one in self._idle if one.idle_since <= oldest or not one.reusable]:
            self._idle.remove(connection)
            self._open.discard(connection)
            connection.close()
        self._sweeper = self._loop.call_later(KEEPALIVE_SECONDS, self._sweep) if self._idle else None


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _slow() -> TargetTimeoutError:
    return TargetTimeoutError("connecting took too long", hint="is the service up and the address right?")
