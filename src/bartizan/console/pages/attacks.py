"""How attacks fare, with and without the guard."""

from __future__ import annotations

from datetime import datetime

import msgspec

from bartizan.console.exposure import Comparison, by_probe, newest_runs, overall, rate_of
from bartizan.console.page import Context, Page, Visit
from bartizan.core.asset import Asset
from bartizan.core.attempt import Attempt, RunState
from bartizan.core.attempt import Run as RunRecord
from bartizan.core.finding import Confidence
from bartizan.store.ledger import Ledger

_ROWS = 25


class RunRow(msgspec.Struct, frozen=True, kw_only=True):
    """One run: how far it came, and how often it succeeded."""

    id: str
    at: datetime
    target: str
    target_name: str
    url: str
    guarded: bool
    state: RunState
    stopped_by: str
    planned: int
    done: int
    outcomes: dict[str, int]
    rate: Confidence | None


class Attacks(Context, frozen=True, kw_only=True):
    """Success rates and runs.

    Attributes:
        overall: All attempts of the newest runs on each target.
        probes: The same for each probe, the most successful without the guard first.
        runs: The latest runs.
        older: Where the next page begins; None on the last.
    """

    overall: Comparison
    probes: tuple[Comparison, ...]
    runs: tuple[RunRow, ...]
    older: int | None


def context(visit: Visit) -> Attacks:
    """Counts outcomes by run and probe; the ledger does the counting."""
    ledger = visit.ledger
    newest = newest_runs(ledger)
    entries = ledger.find(RunRecord, limit=_ROWS + 1, before=visit.query.number("before"))
    return Attacks(
        overall=overall(ledger, newest),
        probes=by_probe(ledger, newest),
        runs=tuple(run_row(ledger, entry.record) for entry in entries[:_ROWS]),
        older=entries[_ROWS - 1].sequence if len(entries) > _ROWS else None,
    )


def run_row(ledger: Ledger, run: RunRecord) -> RunRow:
    """Returns the row of a run."""
    outcomes = ledger.tally(Attempt, "outcome", {"run": run.id})
    target = ledger.get(Asset, run.target)
    return RunRow(
        id=run.id,
        at=run.at,
        target=run.target,
        target_name=target.name if target else run.target,
        url=run.url,
        guarded=run.guarded,
        state=run.state,
        stopped_by=run.stopped_by,
        planned=run.planned,
        done=sum(outcomes.values()),
        outcomes=outcomes,
        rate=rate_of(outcomes),
    )


PAGE = Page(
    title="Attacks",
    order=50,
    icon="M12 2v5M12 17v5M2 12h5M17 12h5M12 12h.01M19 12a7 7 0 1 1-14 0 7 7 0 0 1 14 0z",
    filters=("before",),
    context=context,
)
