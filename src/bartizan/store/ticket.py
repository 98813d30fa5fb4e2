"""Tickets: a promise that records are durable, shared by all that are written in one group."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import suppress

from bartizan.errors import StoreError


class Ticket:
    """What `append` returns. Every record of one group commit shares it, so a commit wakes each waiter once.

    Args:
        hurry: Called when somebody begins to wait, so that the writer does not let the group grow any longer.
    """

    __slots__ = ("_error", "_event", "_hurry", "_lock", "_loops")

    def __init__(self, hurry: Callable[[], None]) -> None:
        self._hurry = hurry
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._error: StoreError | None = None
        self._loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}

    @property
    def done(self) -> bool:
        """Whether the records were written, or failed to be."""
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Waits until the records are durable.

        Raises:
            StoreError: They could not be written, or not within `timeout` seconds. The writer keeps them and goes on
                trying until the ledger is closed.
        """
        if not self._event.is_set():
            self._hurry()
        if not self._event.wait(timeout):
            raise StoreError("the ledger has not written the records in time", hint="they may still be written")
        self._raise()

    def __await__(self) -> Generator[object, None, None]:
        if not self._event.is_set():
            loop = asyncio.get_running_loop()
            future: asyncio.Future[None] | None = None
            with self._lock:
                if not self._event.is_set():
                    future = loop.create_future()
                    self._loops.setdefault(loop, []).append(future)
            if future is not None:
                self._hurry()
                yield from future
        self._raise()

    def settle(self, error: StoreError | None = None) -> None:
        """Tells all who wait how it ended; for the writer."""
        with self._lock:
            self._error = error
            self._event.set()
            waiting, self._loops = self._loops, {}
        for loop, futures in waiting.items():
            with suppress(RuntimeError):  # the loop was closed while its task waited
                loop.call_soon_threadsafe(_release, futures)

    def _raise(self) -> None:
        if self._error is not None:
            raise StoreError(self._error.message, hint=self._error.hint) from self._error


def _release(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
