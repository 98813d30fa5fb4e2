"""How many requests are under way at once: found out by trying, additive up and multiplicative down.

Up by one for each full round of answers, doubling until the first trouble (V. Jacobson, Congestion Avoidance and
Control, SIGCOMM 1988). Down by half on trouble, at most once a round; down by a tenth where answers become much slower
than in the long run (after Netflix's Gradient2 limiter). A `Retry-After` stops everything until it is over.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

_FIRST_LIMIT = 4
_SHORT, _LONG = 0.2, 0.01
_MUCH_SLOWER = 3.0
_LONGEST_PAUSE = 300.0


@dataclass(kw_only=True)
class Pace:
    """The adaptive limit of one run; for one event loop.

    Attributes:
        most: The limit is never higher.
        limit: How many requests may be under way now.
    """

    most: int
    limit: float = field(init=False)
    _under_way: int = field(default=0, init=False)
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque, init=False)
    _paused_until: float = field(default=0.0, init=False)
    _round: int = field(default=0, init=False)
    _rising: bool = field(default=True, init=False)
    _short: float = field(default=0.0, init=False)
    _long: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.limit = float(min(_FIRST_LIMIT, self.most))

    async def enter(self) -> None:
        """Waits until one more request may be under way."""
        while self._under_way >= int(self.limit):
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                await place
            except asyncio.CancelledError:
                self._wake()
                raise
        self._under_way += 1
        try:
            await self.pause()
        except asyncio.CancelledError:
            self.leave()
            raise

    def leave(self) -> None:
        """Says that one is no longer under way."""
        self._under_way -= 1
        self._wake()

    async def pause(self) -> None:
        """Waits as long as the target asked for."""
        while (left := self._paused_until - time.monotonic()) > 0:  # noqa: ASYNC110  (the end may move while waiting)
            await asyncio.sleep(left)

    def answered(self, seconds: float) -> None:
        """Learns from an answer and how long it took."""
        self._short += (seconds - self._short) * (_SHORT if self._short else 1.0)
        self._long += (seconds - self._long) * (_LONG if self._long else 1.0)
        self._round += 1
        if self._round < self.limit:
            return
        self._round = 0
        if self._short > _MUCH_SLOWER * self._long:
            self._lower(0.9)
            return
        self.limit = min(float(self.most), self.limit * 2 if self._rising else self.limit + 1)
        self._wake()

    def troubled(self, retry_after: float = 0.0) -> None:
        """Learns from a refusal, a time-out or a broken connection; stops for `retry_after` seconds."""
        if retry_after > 0:
            self._paused_until = max(self._paused_until, time.monotonic() + min(retry_after, _LONGEST_PAUSE))
        if self._round >= 0:
            self._round = -int(self.limit)
            self._lower(0.5)

    def _lower(self, factor: float) -> None:
        self._rising = False
        self.limit = max(1.0, self.limit * factor)

    def _wake(self) -> None:
        free = int(self.limit) - self._under_way
        while free > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                free -= 1
