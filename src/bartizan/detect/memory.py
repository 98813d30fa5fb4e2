"""What is remembered between calls: what was seen in a text, under all that it depends on.

A chat is sent again with each of its turns. What was seen in the turns before is remembered, so that only the new ones
cost work. What is kept under a key holds no content: keys are digests, and signals do not repeat what they are about.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from hashlib import blake2b
from threading import Lock
from typing import Final, Generic, NamedTuple, TypeVar

from bartizan.core.segment import Segment
from bartizan.core.signal import Signal
from bartizan.detect.models.cascade import Opinion

REMEMBERED: Final = 16_384
"""Of how many texts what was seen is remembered."""
MOST_SIGNALS: Final = 16
"""What has more signals than this is not remembered."""
_DIGEST: Final = 32
_Value = TypeVar("_Value")


class Matched(NamedTuple):
    """What the patterns saw in a segment, as if it were the first, and what decoding it has used up.

    Attributes:
        signals: What was seen.
        runs: How many runs of encoded text were unwrapped.
        room: To how many characters.
    """

    signals: tuple[Signal, ...] = ()
    runs: int = 0
    room: int = 0


class Seen(NamedTuple):
    """What reading a segment saw, as if it were the first, and what the learned stages said."""

    signals: tuple[Signal, ...] = ()
    opinions: tuple[Opinion, ...] = ()


class Memory(Generic[_Value]):
    """Values by key; beyond a number of them the one is forgotten that was longest not asked for.

    Safe to share between threads. A key must hold all that its value depends on.

    Args:
        size: How many are kept; none where 0.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: OrderedDict[Hashable, _Value] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, keys: Sequence[Hashable]) -> list[_Value | None]:
        """Returns what is kept under each key, None where nothing is."""
        known = self._known
        with self._lock:
            found = [known.get(key) for key in keys]
            for key, value in zip(keys, found, strict=True):
                if value is not None:
                    known.move_to_end(key)
        return found

    def keep(self, kept: Iterable[tuple[Hashable, _Value]]) -> None:
        """Keeps values."""
        with self._lock:
            for key, value in kept:
                self._known[key] = value
                self._known.move_to_end(key)
                if len(self._known) > self._size:
                    self._known.popitem(last=False)


def key_of(segment: Segment) -> bytes:
    """Returns the digest of a segment's role and text: of two segments it is the same where both are."""
    return digest((segment.role, segment.text))


def digest(texts: Iterable[str]) -> bytes:
    """Returns the digest of some texts in order; texts that are cut elsewhere have another."""
    whole = blake2b(digest_size=_DIGEST)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        whole.update(b"%d:" % len(data))
        whole.update(data)
    return whole.digest()
