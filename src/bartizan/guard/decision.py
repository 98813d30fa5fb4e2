"""How a verdict is made of what fired: order-free, by the strictest action, with every reason in words."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import msgspec

from bartizan.core.segment import Segment
from bartizan.core.signal import Signal
from bartizan.core.verdict import Action, Reason, Verdict
from bartizan.guard.policy import Rule

MAX_SIGNALS = 100
"""The most signals that a verdict lists; those of the strictest actions first. Redaction knows no such limit."""
_REASON_CHARS = 300
RANK: Mapping[Action, int] = MappingProxyType({action: action.rank for action in Action})
ALLOWED = frozenset({Action.ALLOW, Action.REDACT, Action.FLAG})
NO_TEXTS: Mapping[int, str] = MappingProxyType({})

K = TypeVar("K", bound=Hashable)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict, and what the content becomes.

    Attributes:
        verdict: What was decided and why.
        texts: The redacted text by segment index, for the segments in which something is redacted.
    """

    verdict: Verdict
    texts: Mapping[int, str] = NO_TEXTS

    @property
    def allowed(self) -> bool:
        """Whether the content may pass, with `texts` in the place of what they redact. Review and block hold it."""
        return self.verdict.action in ALLOWED


class Fired(NamedTuple):
    """A rule that fired on a signal, or on the failure of a detector, where `signal` is None."""

    rule: Rule
    action: Action
    detector: str
    because: str
    signal: Signal | None = None

    @property
    def order(self) -> tuple[int, float, int, int, int, str, str, str]:
        """The place in the order of importance: strictest, surest, first; total, so that no input order shows."""
        seen = self.signal
        where = (-seen.score, seen.segment, seen.start, seen.end) if seen else (-1.0, 0, 0, 0)
        return (-RANK[self.action], *where, self.rule.id, self.detector, self.because)

    def moved(self, place: Callable[[int], tuple[int, int]], segment: int) -> Fired:
        """Returns it in other coordinates; `place` gives the first and last new index that a character stands for."""
        if self.signal is None:
            return self
        start, end = place(self.signal.start)[0], place(self.signal.end - 1)[1] + 1
        return self._replace(signal=msgspec.structs.replace(self.signal, start=start, end=end, segment=segment))


def fired_by_signal(rule: Rule, signal: Signal, segment: Segment) -> Fired:
    """Returns a rule's firing on a signal, explained."""
    hidden = f", hidden as {signal.decoded}" if signal.decoded else ""
    because = f"{signal.reason}{hidden}, in {_name(segment)}: {rule.why}"
    return Fired(rule, rule.action, signal.detector, because, signal)


def fired_by_failure(rule: Rule, action: Action, failure: tuple[str, str, Segment]) -> Fired:
    """Returns a rule's firing on a failure (detector, reason, segment), explained."""
    detector, reason, segment = failure
    because = f"{_name(segment)} could not be checked ({reason[:_REASON_CHARS]}); on_failure is {action.value}"
    return Fired(rule, action, detector, because)


def combine(fired: Iterable[Fired], verdict: Verdict) -> Verdict:
    """Returns `verdict` with the strictest action of what fired, a reason a rule and detector, and the signals.

    A flag on a signal for which another rule holds the content is no reason of its own.
    """
    ranked = sorted(fired, key=lambda one: one.order)
    if not ranked:
        return verdict
    reasons: dict[tuple[str, str, Action], Reason] = {}
    signals: dict[Signal, None] = {}
    held = {one.signal for one in ranked if one.action not in ALLOWED}
    for one in ranked:
        key = (one.rule.id, one.detector, one.action)
        echo = one.action is Action.FLAG and one.signal is not None and one.signal in held
        if key not in reasons and not echo:
            reasons[key] = Reason(rule=one.rule.id, action=one.action, because=one.because, detector=one.detector)
        if one.signal is not None and len(signals) < MAX_SIGNALS:
            signals[one.signal] = None
    return msgspec.structs.replace(
        verdict, action=ranked[0].action, reasons=tuple(reasons.values()), signals=tuple(signals)
    )


def important(fired: Mapping[K, Fired]) -> dict[K, Fired]:
    """Returns what a verdict would list: the first of each rule and detector, and the first `MAX_SIGNALS`."""
    kept: dict[K, Fired] = {}
    seen: set[tuple[str, str, Action]] = set()
    for key, one in sorted(fired.items(), key=lambda item: item[1].order):
        kind = (one.rule.id, one.detector, one.action)
        if kind not in seen or len(kept) < MAX_SIGNALS:
            kept[key] = one
        seen.add(kind)
    return kept


def _name(segment: Segment) -> str:
    return f"{segment.role.value} content from {segment.source}"
