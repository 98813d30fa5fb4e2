"""One call of the engine: from what the pass saw to signals, through every view of the content."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from types import TracebackType
from typing import NamedTuple

import msgspec

from bartizan.config import DetectConfig
from bartizan.core.record import Record
from bartizan.core.segment import Role, Segment
from bartizan.core.signal import Signal
from bartizan.detect.automaton import Automaton, Places, encode
from bartizan.detect.detector import Detector, Hit, Where, pieces
from bartizan.detect.encodings import Encoding
from bartizan.detect.inner import Inner, is_disguised
from bartizan.detect.memory import MOST_SIGNALS, Matched
from bartizan.detect.models.cascade import Opinion
from bartizan.detect.normalise import Folded, View, around, fold, invisible, table, windows
from bartizan.errors import LimitError

_OVERLAP = 2_048
_MAX_RUNS = 5_000
_RECENT = 64
"""How many places of the same text are compared, so that what stands in the clear is not reported again as decoded."""
_KELVIN, _LONG_S = "\u212a".encode(), "\u017f".encode()
"""A `k` and an `s` in any case for RE2, which the sketches, patterns of bytes, do not take for one."""
_NORMALISER = "engine.normalise"
_ENGINE = "engine"


class Owned(NamedTuple):
    """What a member of the automaton stands for: patterns, by their numbers, and encodings."""

    patterns: frozenset[int]
    encodings: tuple[Encoding, ...]


class Passes(NamedTuple):
    """What is run over every view.

    Attributes:
        automaton: Says which members can occur.
        foldable: Says where there are characters that fold.
        sketches: Says where patterns can occur, by their numbers.
        owned: What each member of `automaton` stands for.
        patterns: The detector of each pattern, with the pattern's number in it.
        looked_at: The numbers of the patterns that are for segments of a role.
    """

    automaton: Automaton
    foldable: Places
    sketches: Places
    owned: Sequence[Owned]
    patterns: Sequence[tuple[Detector, int]]
    looked_at: Mapping[Role, frozenset[int]]


class Failure(Record, frozen=True):
    """Something that was not checked, and why. The guard's failure policy decides what that means."""

    detector: str
    segment: int
    reason: str


def in_order(signal: Signal) -> tuple[int, int, int, str]:
    """The key by which signals are sorted: segment, place, detector."""
    return signal.segment, signal.start, signal.end, signal.detector


class guarded:  # noqa: N801  (reads as what it does)
    """The engine boundary: what goes wrong within is told to `fail` in words, and nothing is raised."""

    __slots__ = ("_fail",)

    def __init__(self, fail: Callable[[str], object]) -> None:
        self._fail = fail

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._fail(error.message if isinstance(error, LimitError) else f"{type(error).__name__}: {error}")
        return True


class Detection(Record, frozen=True):
    """What the detectors saw, in order of segment and place, and what could not be checked.

    Attributes:
        signals: What was seen.
        failures: What was not checked.
        opinions: What the learned stages said, with the index of the segment; more than one where it holds
            encoded text.
    """

    signals: tuple[Signal, ...] = ()
    failures: tuple[Failure, ...] = ()
    opinions: tuple[tuple[int, Opinion], ...] = ()

    def by_segment(self, count: int) -> list[Detection]:
        """Returns what belongs to each of `count` segments, with the indices that it has here.

        A failure that is of none of them is left out.
        """
        signals: list[list[Signal]] = [[] for _ in range(count)]
        failures: list[list[Failure]] = [[] for _ in range(count)]
        opinions: list[list[tuple[int, Opinion]]] = [[] for _ in range(count)]
        for signal in self.signals:
            signals[signal.segment].append(signal)
        for failure in self.failures:
            if 0 <= failure.segment < count:
                failures[failure.segment].append(failure)
        for opinion in self.opinions:
            opinions[opinion[0]].append(opinion)
        return [
            Detection(signals=tuple(seen), failures=tuple(failed), opinions=tuple(said))
            for seen, failed, said in zip(signals, failures, opinions, strict=True)
        ]


class Examination:
    """The state of one call: what was seen, what failed, and how much time and room is left.

    Args:
        passes: What is run over every view.
        config: The limits.
        clock: Seconds that only grow; tests bring their own.
    """

    def __init__(
        self,
        passes: Passes,
        config: DetectConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._passes = passes
        self._config = config
        self._clock = clock
        self._deadline = clock() + config.seconds
        self._room = 4 * config.max_chars
        self._runs = _MAX_RUNS
        self._index = 0
        self._role = Role.USER
        self._is_late = False
        self._seen: dict[str, list[Signal]] = {}  # of the segment that is looked at
        self._signals: list[Signal] = []
        self._places: dict[tuple[int, str, str], list[tuple[int, int]]] = {}
        self.failures: list[Failure] = []
        self.inner = Inner()

    def detection(self) -> Detection:
        """Returns what was seen and what failed."""
        return Detection(signals=self.signals(), failures=tuple(self.failures))

    def signals(self) -> tuple[Signal, ...]:
        """Returns what was seen, in order of segment and place."""
        return tuple(sorted(self._signals, key=in_order))

    def recall(self, index: int, matched: Matched) -> bool:
        """Takes what was seen in the same text before; returns whether there is room for what that decoded."""
        if matched.runs > self._runs or matched.room > self._room:
            return False
        self._runs -= matched.runs
        self._room -= matched.room
        self._signals += [msgspec.structs.replace(one, segment=index) for one in matched.signals]
        return True

    def look(self, index: int, segment: Segment, fired: Sequence[int] | None = None) -> Matched | None:
        """Examines one segment. What goes wrong becomes a failure; nothing is raised, nothing is dropped silently.

        Args:
            index: The segment's place in the content.
            segment: What to look at.
            fired: What the pass says of the whole segment, where it is known.

        Returns:
            What may be remembered of it: nothing where something failed, or where it holds texts that are to be read.
        """
        runs, room, offered = self._runs, self._room, self.inner.offered
        self._look(index, segment, fired)
        kept = tuple(_widest(self._seen.values()))
        self._seen = {}
        self._signals += kept
        if self.failures or self.inner.offered > offered or len(kept) > MOST_SIGNALS:
            return None
        signals = tuple(msgspec.structs.replace(one, segment=0) for one in kept)
        return Matched(signals, runs - self._runs, room - self._room)

    def _look(self, index: int, segment: Segment, fired: Sequence[int] | None) -> None:
        self._index, self._role = index, segment.role
        text = segment.text if segment.text.isascii() else encode(segment.text).decode()
        size = self._config.max_chars
        for view in windows(text, size, min(_OVERLAP, size // 2)):
            try:
                self._view(view, self._config.decode_depth, fired)
            except LimitError as error:
                self._fail(_NORMALISER, error.message)
            except Exception as error:  # noqa: BLE001  (the engine boundary: recorded, and the guard decides)
                self._fail(_ENGINE, f"{type(error).__name__}: {error}")
            if self._late():
                return

    def _view(self, view: View, depth: int, fired: Sequence[int] | None = None) -> None:
        numbers: set[int] = set()
        encodings: dict[tuple[str, str, str], Encoding] = {}
        data = view.text.encode()
        for member in self._passes.automaton.fired(data) if fired is None else fired:
            owned = self._passes.owned[member]
            numbers |= owned.patterns
            encodings |= {one.key: one for one in owned.encodings}
        numbers &= self._passes.looked_at[self._role]
        if numbers:
            for plugin, where in self._wanted(data, numbers).items():
                self._locate(view, plugin, where)
        if not isinstance(view, Folded) and len(data) != len(view.text):
            self._fold(view, data, depth)
        for encoding in encodings.values():
            if self._late():
                return
            if depth:
                self._unwrap(view, encoding, depth - 1)
            elif encoding.runs and self._holds(view, encoding):
                self._fail(_NORMALISER, f"more than {self._config.decode_depth} layers of encoding in each other")
                return

    def _fold(self, view: View, data: bytes, depth: int) -> None:
        """Looks at the text near the characters that fold; further away it is what it was.

        Invisible characters are taken away without folding the letters around them too, so that a text in a script
        that looks Latin is read in its own.
        """
        found = self._passes.foldable.found(data)
        for kind, folding in enumerate((invisible(), table())):
            spots = () if found is None else found.get(kind, ())
            if spots or found is None:
                stretches = pieces(spots, _OVERLAP if spots else None, len(data))
                for part in around(view, data, stretches):
                    folded = fold(part, folding)
                    if is_disguised(part.text):
                        self.inner.offer(self._index, folded)
                    self._view(folded, depth)

    def _wanted(self, data: bytes, numbers: Collection[int]) -> Mapping[Detector, Where]:
        """Returns where each detector is worth trying, given the patterns that have a word in the text."""
        found = None if _KELVIN in data or _LONG_S in data else self._passes.sketches.found(data)
        wanted: dict[Detector, dict[int, Sequence[int]]] = {}
        for number in numbers if found is None else found.keys() & numbers:
            plugin, pattern = self._passes.patterns[number]
            wanted.setdefault(plugin, {})[pattern] = () if found is None else found[number]
        return wanted

    def _locate(self, view: View, plugin: Detector, where: Where) -> None:
        if self._late():
            return
        try:
            for hit in plugin.locate(view.text, where, late=self._late):
                self._add(view, plugin, hit)
        except LimitError as error:
            self._fail(plugin.meta.id, error.message)
        except Exception as error:  # noqa: BLE001  (the engine boundary: recorded, and the guard decides)
            self._fail(plugin.meta.id, f"{type(error).__name__}: {error}")

    def _unwrap(self, view: View, encoding: Encoding, depth: int) -> None:
        inner: list[View] = []
        with guarded(partial(self._fail, _NORMALISER)):
            for one in self._decoded(view, encoding):
                self.inner.offer(self._index, one)
                inner.append(one)
        joined = "\n".join(one.text for one in inner)
        if not inner or (joined.isascii() and not self._passes.automaton.fired(joined.encode())):
            return
        for one in inner:
            if self._late():
                return
            self._view(one, depth)

    def _holds(self, view: View, encoding: Encoding) -> bool:
        """Whether there is more to decode."""
        found: list[View] = []
        with guarded(partial(self._fail, _NORMALISER)):
            found += islice(self._decoded(view, encoding), 1)
        return bool(found)

    def _decoded(self, view: View, encoding: Encoding) -> Iterable[View]:
        for inner in encoding.views(view):
            if self._late():
                return
            self._runs -= 1
            self._room -= len(inner.text)
            if self._runs < 0 or self._room < 0:
                raise LimitError(f"more encoded text than is unwrapped ({encoding.name})")
            yield inner

    def _add(self, view: View, plugin: Detector, hit: Hit) -> None:
        if isinstance(view, Folded) and view.is_frayed(hit.start, hit.end):
            return
        start, end = view.span(hit.start, hit.end)
        places = self._places.setdefault((self._index, plugin.meta.id, view.text[hit.start : hit.end]), [])
        if any(start <= first and last <= end for first, last in places[-_RECENT:]):
            return
        places.append((start, end))
        self._seen.setdefault(plugin.meta.id, []).append(
            Signal(
                detector=plugin.meta.id,
                category=plugin.category,
                score=plugin.score,
                segment=self._index,
                start=start,
                end=end,
                severity=plugin.meta.severity,
                reason=hit.reason,
                decoded=view.decoded(hit.start, hit.end),
            )
        )

    def _late(self) -> bool:
        if self._clock() <= self._deadline:
            return False
        if not self._is_late:
            self._is_late = True
            self._fail(_ENGINE, f"not finished within {self._config.seconds:g} seconds")
        return True

    def _fail(self, detector: str, reason: str) -> None:
        failure = Failure(detector=detector, segment=self._index, reason=reason)
        if failure not in self.failures:
            self.failures.append(failure)


def _widest(found: Iterable[Sequence[Signal]]) -> Iterator[Signal]:
    """Yields the signals of each detector; of those inside each other the widest."""
    for signals in found:
        reached = -1
        for signal in sorted(signals, key=lambda one: (one.start, -one.end, len(one.decoded))):
            if signal.end > reached:
                yield signal
                reached = signal.end
