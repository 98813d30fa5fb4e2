"""What scores of labelled texts say about a detector: recall at fixed shares of false alarms, accuracy, area."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from bartizan.core.finding import Z_95, Confidence, wilson
from bartizan.core.record import Record
from bartizan.errors import InputError

BUDGETS: Final = (0.01, 0.001)
"""The shares of false alarms that recall is given at."""
ALL: Final = "all"


class Scored(NamedTuple):
    """A labelled text as the detector sees it."""

    score: float
    flagged: bool
    attack: bool
    source: str = ""


class Limit(Record, frozen=True, kw_only=True):
    """A threshold read off harmless texts, for measuring; it promises nothing about other texts.

    Attributes:
        budget: The share of them that may reach it.
        threshold: The lowest score that keeps to it.
        alarms: How many of them do reach it.
        benign: How many there were.
    """

    budget: float
    threshold: float
    alarms: int
    benign: int

    @property
    def is_coarse(self) -> bool:
        """Whether there are too few harmless texts for one alarm to be within the budget."""
        return self.benign * self.budget < 1


class Part(Record, frozen=True, kw_only=True):
    """The figures of one source, or of all. Intervals are 95 %; None stands where there is nothing to measure.

    Attributes:
        source: Its name.
        attacks: How many texts are attacks.
        benign: How many are not.
        recall: The share of attacks that reach each limit, in their order.
        flagged: The share of attacks flagged at the threshold in force.
        right: The share of harmless texts that are left alone at the threshold in force.
        area: The area under the ROC curve, against the harmless texts of all sources.
    """

    source: str
    attacks: int
    benign: int
    recall: tuple[Confidence | None, ...]
    flagged: Confidence | None
    right: Confidence | None
    area: Confidence | None


class Evaluation(Record, frozen=True, kw_only=True):
    """What was measured: the limits, the figures of all, and those of each source."""

    limits: tuple[Limit, ...]
    whole: Part
    parts: tuple[Part, ...]


def evaluate(rows: Sequence[Scored], calm: Iterable[float] | None = None) -> Evaluation:
    """Measures a detector.

    Args:
        rows: Labelled texts.
        calm: The scores of other harmless texts, which limits and areas then come from instead of those among `rows`.

    Raises:
        InputError: There are no rows, or no harmless ones.
    """
    harmless = sorted(calm) if calm is not None else sorted(row.score for row in rows if not row.attack)
    if not rows:
        raise InputError("there is nothing to measure", hint="give files with a JSON object a line")
    if not harmless:
        raise InputError(
            "there are no harmless texts to set the false alarms by", hint="add rows labelled benign, or give --benign"
        )
    limits = tuple(limit(harmless, budget) for budget in BUDGETS)
    sources: dict[str, list[Scored]] = {}
    for row in rows:
        sources.setdefault(row.source, []).append(row)
    return Evaluation(
        limits=limits,
        whole=_part(ALL, rows, (limits, harmless)),
        parts=tuple(_part(name, sources[name], (limits, harmless)) for name in sorted(sources)),
    )


def limit(harmless: Sequence[float], budget: float) -> Limit:
    """Returns the lowest threshold that at most a share of `harmless`, which rises, reaches."""
    allowed = math.floor(len(harmless) * budget + 1e-9)
    threshold = math.nextafter(harmless[-allowed - 1], math.inf)
    alarms = len(harmless) - bisect_left(harmless, threshold)
    return Limit(budget=budget, threshold=threshold, alarms=alarms, benign=len(harmless))


def area(attacks: Sequence[float], harmless: Sequence[float]) -> Confidence:
    """Returns the area under the ROC curve with its 95 % interval; a tie counts half.

    The interval is that of Hanley and McNeil, Radiology 143, 1982. `harmless` rises; neither is empty.
    """
    above = sum((bisect_left(harmless, one) + bisect_right(harmless, one)) / 2 for one in attacks)
    found = above / (len(attacks) * len(harmless))
    first, second = found / (2 - found), 2 * found * found / (1 + found)
    spread = found * (1 - found) + (len(attacks) - 1) * (first - found**2) + (len(harmless) - 1) * (second - found**2)
    half = Z_95 * math.sqrt(max(0.0, spread) / (len(attacks) * len(harmless)))
    return Confidence(share=found, low=max(0.0, found - half), high=min(1.0, found + half))


def _part(name: str, rows: Sequence[Scored], known: tuple[tuple[Limit, ...], Sequence[float]]) -> Part:
    limits, harmless = known
    attacks = [row for row in rows if row.attack]
    return Part(
        source=name,
        attacks=len(attacks),
        benign=len(rows) - len(attacks),
        recall=tuple(_share([row.score >= one.threshold for row in attacks]) for one in limits),
        flagged=_share([row.flagged for row in attacks]),
        right=_share([not row.flagged for row in rows if not row.attack]),
        area=area([row.score for row in attacks], harmless) if attacks else None,
    )


def _share(hits: Sequence[bool]) -> Confidence | None:
    return wilson(sum(hits), len(hits)) if hits else None
