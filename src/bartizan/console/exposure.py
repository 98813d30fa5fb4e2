"""Exposure: how often attacks succeed with and without the guard, from the newest runs on each target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from bartizan.console.catalogue import title_of
from bartizan.core.attempt import Attempt, Outcome, Run
from bartizan.core.finding import Confidence, wilson
from bartizan.store.ledger import Ledger

SCORED = (Outcome.SUCCESS, Outcome.RESISTED, Outcome.BLOCKED)
"""What a success rate is taken over; what could not be scored is counted apart, never as safe."""
_MOST_RUNS = 200


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison: the counts by outcome, and the success rate where anything was scored."""

    guarded: bool
    outcomes: Mapping[str, int]
    rate: Confidence | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The same attack without and with the guard in front of the target."""

    id: str
    title: str
    without: Side
    guarded: Side


def newest_runs(ledger: Ledger) -> tuple[Run, ...]:
    """Returns the newest run on each target, one without and one with the guard."""
    found: dict[tuple[str, bool], Run] = {}
    for entry in ledger.find(Run, limit=_MOST_RUNS):
        found.setdefault((entry.record.target, entry.record.guarded), entry.record)
    return tuple(found.values())


def overall(ledger: Ledger, runs: Iterable[Run]) -> Comparison:
    """Returns the comparison over all attempts of these runs."""
    counts: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for run in runs:
        counts[run.guarded] += Counter(ledger.tally(Attempt, "outcome", {"run": run.id}))
    return _comparison("", "All attacks", counts)


def by_probe(ledger: Ledger, runs: Iterable[Run]) -> tuple[Comparison, ...]:
    """Returns a comparison for each probe, the most successful without the guard first."""
    counts: dict[str, dict[bool, Counter[str]]] = {}
    for run in runs:
        for outcome in Outcome:
            where = {"run": run.id, "outcome": outcome.value}
            for probe, count in ledger.tally(Attempt, "probe", where).items():
                counts.setdefault(probe, {False: Counter(), True: Counter()})[run.guarded][outcome.value] += count
    found = [_comparison(probe, title_of(probe), sides) for probe, sides in counts.items()]
    return tuple(sorted(found, key=lambda each: (-_share(each.without), -_share(each.guarded), each.id)))


def rate_of(outcomes: Mapping[str, int]) -> Confidence | None:
    """Returns the success rate with its Wilson interval; None where nothing was scored."""
    trials = sum(outcomes.get(outcome.value, 0) for outcome in SCORED)
    return wilson(outcomes.get(Outcome.SUCCESS.value, 0), trials) if trials else None


def _comparison(probe: str, title: str, counts: Mapping[bool, Mapping[str, int]]) -> Comparison:
    sides = {
        guarded: Side(guarded=guarded, outcomes=dict(outcomes), rate=rate_of(outcomes))
        for guarded, outcomes in counts.items()
    }
    return Comparison(id=probe, title=title, without=sides[False], guarded=sides[True])


def _share(side: Side) -> float:
    return side.rate.share if side.rate else -1.0
