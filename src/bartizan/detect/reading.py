"""One call of the readers and of the learned stages: whole texts, with what is known around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import msgspec

from bartizan.config import DetectConfig
from bartizan.core.segment import Role, Segment
from bartizan.core.signal import Signal
from bartizan.detect.automaton import encode
from bartizan.detect.detector import Detector, Learned
from bartizan.detect.examination import Failure, guarded
from bartizan.detect.inner import MOST, is_unseen
from bartizan.detect.memory import MOST_SIGNALS, REMEMBERED, Memory, Seen, digest
from bartizan.detect.models.calibration import score
from bartizan.detect.models.cascade import Ask, Cascade, Opinion
from bartizan.detect.models.limits import limits
from bartizan.detect.normalise import View
from bartizan.detect.reader import CONTENT_ROLES, NOTHING_KNOWN, Context, Reader, Sight

_NEARLY = 1.0
"""By how much, in log odds, a second category may be less likely than the first."""
_Kind = TypeVar("_Kind", bound=Detector)
_MOST_LEARNED = 300_000
"""How many characters the learned stages read: the first alone takes up to 5 microseconds for each."""


class Text(NamedTuple):
    """A segment that is to be read.

    Attributes:
        number: Its place in the content.
        segment: What it says.
        key: The digest of its role and text.
        context: What is known around it.
        suspicious: Whether patterns of attacks have matched in it.
    """

    number: int
    segment: Segment
    key: bytes
    context: Context
    suspicious: bool


class Readers:
    """The detectors that read whole texts, by role.

    Args:
        detectors: All detectors; those that match patterns are passed over.
        cascade: The learned stages, None where they are off.
        remembered: Of how many texts what was seen is remembered.

    Attributes:
        cascade: The learned stages, None where they are off.
        roles: The roles that somebody reads.
        heads: The heads that are asked for, by role.
        memory: What was seen.
    """

    def __init__(self, detectors: Iterable[Detector], cascade: Cascade | None, *, remembered: int = REMEMBERED) -> None:
        found = tuple(detectors)
        self.memory: Memory[Seen] = Memory(remembered)
        self.cascade = cascade
        self._readers = _by_role([one for one in found if isinstance(one, Reader)])
        self._learned = _by_role([one for one in found if isinstance(one, Learned)] if cascade else [])
        self._heeding = frozenset(role for role in Role if any(one.heeds for one in self._readers[role]))
        self.roles = frozenset(role for role in Role if self._readers[role] or self._learned[role])
        self.heads: Mapping[Role, tuple[str, ...]] = MappingProxyType({role: self._heads(role) for role in Role})

    def of(self, role: Role) -> Sequence[Reader]:
        """Returns who reads segments of a role."""
        return self._readers[role]

    def learned(self, role: Role) -> Sequence[Learned]:
        """Returns the learned detectors for a role."""
        return self._learned[role]

    def kinds(self, role: Role) -> tuple[str, ...]:
        """Returns the kinds of attack that are told apart in segments of a role."""
        return tuple(sorted({one.kind for one in self._learned[role] if one.kind}))

    def keys(self, texts: Sequence[Text]) -> list[tuple[bytes, bool, bytes]]:
        """Returns the keys under which it is remembered what was seen in texts.

        They hold all that it depends on: role and text, whether it is suspicious, and what is known around it, as far
        as somebody who reads texts of the role may use that.
        """
        digests = _Digests()
        return [(one.key, one.suspicious, self._around(one, digests)) for one in texts]

    def _around(self, given: Text, digests: _Digests) -> bytes:
        role = given.segment.role
        if role in self._heeding:
            return digests.whole(given.context)
        if role is Role.USER and self._learned[role]:
            return digests.limits(given.context)
        return digests.task(given.context) if role in CONTENT_ROLES else b""

    def clears(self, segment: Segment, context: Context) -> bool:
        """Whether the learned stages answer at once, and there is no slow reader."""
        if any(one.is_slow for one in self._readers[segment.role]):
            return False
        if self.cascade is None or not self._learned[segment.role] or not segment.text:
            return True
        return self.cascade.clears(segment.text, self.ask(self.cascade, segment.role, context))

    def ask(self, cascade: Cascade, role: Role, context: Context, *, suspicious: bool = False) -> Ask:
        """Returns what the learned stages are asked about a segment of a role.

        Content is read in the light of what the user wants, a user's turn in that of what the operator forbids.
        """
        known = limits(context.system) if role is Role.USER else context.task if role in CONTENT_ROLES else ""
        limited = role is Role.USER and bool(known)
        return cascade.ask(self.heads[role], task=known, limited=limited, suspicious=suspicious)

    def _heads(self, role: Role) -> tuple[str, ...]:
        return tuple(sorted({one.head for one in self._learned[role]} | set(self.kinds(role))))


def _by_role(detectors: Sequence[_Kind]) -> Mapping[Role, tuple[_Kind, ...]]:
    return MappingProxyType(
        {role: tuple(one for one in detectors if not one.roles or role in one.roles) for role in Role}
    )


class _Digests:
    """Digests of contexts that come one after another and differ in their tasks, if at all."""

    def __init__(self) -> None:
        self._task: tuple[str, bytes] = ("", digest(("",)))
        self._rest: tuple[Context, bytes] | None = None
        self._limits: tuple[tuple[str, ...], bytes] = ((), digest(("",)))

    def task(self, context: Context) -> bytes:
        """Returns the digest of the task."""
        if context.task is not self._task[0]:
            self._task = (context.task, digest((context.task,)))
        return self._task[1]

    def limits(self, context: Context) -> bytes:
        """Returns the digest of the limits that the operator has set."""
        if context.system is not self._limits[0]:
            self._limits = (context.system, digest((limits(context.system),)))
        return self._limits[1]

    def whole(self, context: Context) -> bytes:
        """Returns the digests of all of it."""
        known = self._rest
        if known is None or known[0].system is not context.system or known[0].sources is not context.sources:
            known = self._rest = (context, digest(context.system) + digest(context.sources))
        return self.task(context) + known[1]


class _Place(NamedTuple):
    """Where a text stands that is read: a segment, and what was decoded of it, None for itself."""

    segment: int
    role: Role
    view: View | None
    suspicious: bool


class Reading:
    """The state of one call: what was seen and what failed.

    Args:
        readers: Who reads.
        config: The limits.
        clock: Seconds that only grow; tests bring their own.
    """

    def __init__(self, readers: Readers, config: DetectConfig, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._readers = readers
        self._config = config
        self._clock = clock
        self._deadline = clock() + config.seconds
        self.signals: list[Signal] = []
        self.failures: list[Failure] = []
        self.opinions: list[tuple[int, Opinion]] = []

    def recall(self, index: int, seen: Seen) -> None:
        """Takes what was seen in the same text before."""
        self.signals += [msgspec.structs.replace(one, segment=index) for one in seen.signals]
        self.opinions += [(index, one) for one in seen.opinions]

    def read(self, given: Text) -> Seen | None:
        """Reads one segment; of a longer one than the limit, its beginning.

        Returns:
            What may be remembered of it: nothing where something failed.
        """
        signals, opinions = len(self.signals), len(self.opinions)
        self._read(given)
        if self.failures or len(self.signals) - signals > MOST_SIGNALS:
            return None
        seen = tuple(msgspec.structs.replace(one, segment=0) for one in self.signals[signals:])
        return Seen(seen, tuple(opinion for _, opinion in self.opinions[opinions:]))

    def _read(self, given: Text) -> None:
        index, segment, _, context, suspicious = given
        text = segment.text if segment.text.isascii() else encode(segment.text).decode()
        if len(text) > self._config.max_chars:
            text = text[: self._config.max_chars]
            for plugin in (*self._readers.of(segment.role), *self._readers.learned(segment.role)):
                self._fail(plugin, index, f"only the first {self._config.max_chars:,} characters were read")
        self._learn(text, _Place(index, segment.role, None, suspicious), context)
        is_clear = not suspicious and self._clears(index)
        for reader in self._readers.of(segment.role):
            if is_clear and reader.only_unclear:
                continue
            with guarded(partial(self._fail, reader, index)):
                for sight in reader.read_until(text, context if reader.heeds else NOTHING_KNOWN, self._late):
                    self.signals.append(_read_signal(reader, index, sight))

    def read_inner(self, index: int, role: Role, view: View) -> None:
        """Reads a text that was decoded from a part of a segment, as the learned stages do.

        What stands in a part of markup that nobody sees is read as content too, whoever sent it.
        """
        self._learn(view.text, _Place(index, role, view, suspicious=False), NOTHING_KNOWN)
        if role not in CONTENT_ROLES and is_unseen(view):
            self._learn(view.text, _Place(index, Role.DOCUMENT, view, suspicious=False), NOTHING_KNOWN)

    def leave(self, index: int, role: Role) -> None:
        """Records that a segment holds more decoded text than is read."""
        self._fail_all(self._readers.learned(role), index, f"only {MOST} decoded texts were read")

    def _learn(self, text: str, place: _Place, context: Context) -> None:
        role = place.role
        cascade, learned = self._readers.cascade, self._readers.learned(role)
        if cascade is None or not learned or not text:
            return
        if len(text) > _MOST_LEARNED:
            text = text[:_MOST_LEARNED]
            self._fail_all(learned, place.segment, f"only the first {_MOST_LEARNED:,} characters were read")
        with guarded(partial(self._fail_all, learned, place.segment)):
            ask = self._readers.ask(cascade, role, context, suspicious=place.suspicious)
            opinion = cascade.read(text, ask._replace(late=self._late))
            self.opinions.append((place.segment, opinion))
            if opinion.late:
                self._fail_all(learned, place.segment, f"not finished within {self._config.seconds:g} seconds")
            kinds = self._readers.kinds(role)
            kind = cascade.kind(opinion, kinds) if kinds else ""
            top = max((opinion.log_odds[one.head] for one in learned if one.gate), default=0.0)
            for one in learned:
                if (not one.kind or one.kind == kind) and _speaks(one, opinion, top):
                    self.signals.append(_learned_signal(one, place, opinion))

    def _clears(self, index: int) -> bool:
        """Whether the linear stage found nothing in what was read last, which is this segment."""
        return bool(self.opinions) and self.opinions[-1][0] == index and self.opinions[-1][1].cleared

    def _late(self) -> bool:
        return self._clock() > self._deadline

    def _fail_all(self, plugins: Iterable[Detector], index: int, reason: str) -> None:
        for plugin in plugins:
            self._fail(plugin, index, reason)

    def _fail(self, plugin: Detector, index: int, reason: str) -> None:
        failure = Failure(detector=plugin.meta.id, segment=index, reason=reason)
        if failure not in self.failures:
            self.failures.append(failure)


def _read_signal(reader: Reader, index: int, sight: Sight) -> Signal:
    return Signal(
        detector=reader.meta.id,
        category=reader.category,
        score=sight.score,
        segment=index,
        start=sight.start,
        end=sight.end,
        severity=reader.meta.severity,
        reason=sight.reason,
    )


def _speaks(learned: Learned, opinion: Opinion, top: float) -> bool:
    """Whether a head is sure enough; one behind a gate names what the gate found, if it is the likeliest or nearly."""
    own = opinion.log_odds[learned.head]
    if learned.gate:
        return score(opinion.log_odds[learned.gate]) >= learned.threshold and own >= top - _NEARLY
    return score(own) >= learned.threshold


def _learned_signal(learned: Learned, place: _Place, opinion: Opinion) -> Signal:
    start, end = opinion.place[learned.head]
    decoded = ""
    if place.view is not None:
        decoded = place.view.decoded(start, end)
        start, end = place.view.span(start, end)
    return Signal(
        detector=learned.meta.id,
        category=learned.category,
        score=round(score(opinion.log_odds[learned.gate or learned.head]), 4),
        segment=place.segment,
        start=start,
        end=end,
        severity=learned.meta.severity,
        reason=f"{learned.meta.title} ({opinion.stage} stage)",
        decoded=decoded,
    )
