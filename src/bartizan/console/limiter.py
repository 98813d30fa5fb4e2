"""How often somebody may present a wrong key: a few times an address, some more from all addresses, then wait."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock

WINDOW_SECONDS = 300.0
MOST_PER_ADDRESS = 10
MOST_IN_ALL = 200
"""Keys have 256 random bits; this bounds the work and the ledger entries that guessing can cause."""
_MOST_ADDRESSES = 1_000


class Limiter:
    """Counts failures in a sliding window; thread-safe, with bounded memory.

    An address that falls out of memory is still held by the count over all addresses.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=MOST_IN_ALL)

    def wait(self, address: str) -> float:
        """Returns how many seconds this address must wait before it may try again; 0 where it may."""
        now = self._clock()
        with self._lock:
            waits = [
                times[0] + WINDOW_SECONDS - now
                for times, most in ((self._failures.get(address), MOST_PER_ADDRESS), (self._all, MOST_IN_ALL))
                if times and len(times) == most
            ]
        return max(0.0, *waits) if waits else 0.0

    def failed(self, address: str) -> None:
        """Counts a failure."""
        now = self._clock()
        with self._lock:
            times = self._failures.setdefault(address, deque(maxlen=MOST_PER_ADDRESS))
            self._failures.move_to_end(address)
            times.append(now)
            self._all.append(now)
            while len(self._failures) > _MOST_ADDRESSES:
                self._failures.popitem(last=False)
