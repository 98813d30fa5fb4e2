"""One attack run and its attempts."""

from __future__ import annotations

from bartizan.console.chart import Bar, stack
from bartizan.console.page import Context, Page, Visit
from bartizan.console.pages.attacks import RunRow, run_row
from bartizan.console.query import missing
from bartizan.console.rows import AttemptRow, attempt_rows
from bartizan.core.attempt import Attempt, Outcome
from bartizan.core.attempt import Run as RunRecord

_ROWS = 25


class RunDetail(Context, frozen=True, kw_only=True):
    """A run.

    Attributes:
        run: What it attacked, how far it came, and how often it succeeded.
        settings: What is needed to repeat it: seed and settings.
        outcomes: Its attempts by outcome.
        probes: How many attempts of which probe the chosen outcome has.
        outcome: The outcome that is filtered for.
        probe: The probe that is filtered for; empty for all.
        rows: The attempts, latest first.
        older: Where the next page begins; None on the last.
    """

    run: RunRow
    settings: dict[str, str | int | float | bool]
    outcomes: tuple[Bar, ...]
    probes: dict[str, int]
    outcome: Outcome | None
    probe: str
    rows: tuple[AttemptRow, ...]
    older: int | None


def context(visit: Visit) -> RunDetail:
    """Reads a run and one page of its attempts."""
    ledger, query = visit.ledger, visit.query
    run = ledger.get(RunRecord, query.needed("id"))
    if run is None:
        raise missing("run", query.needed("id"))
    outcome = query.choice("outcome", Outcome)
    where = {"run": run.id, **query.where("outcome", "probe")}
    entries = ledger.find(Attempt, where, limit=_ROWS + 1, before=query.number("before"))
    row = run_row(ledger, run)
    return RunDetail(
        run=row,
        settings={"seed": run.seed, "plan": run.plan, **run.settings},
        outcomes=stack(row.outcomes, order=[kind.value for kind in Outcome]),
        probes=dict(sorted(ledger.tally(Attempt, "probe", {"run": run.id, **query.where("outcome")}).items())),
        outcome=outcome,
        probe=query.text("probe"),
        rows=attempt_rows(ledger, [entry.record for entry in entries[:_ROWS]]),
        older=entries[_ROWS - 1].sequence if len(entries) > _ROWS else None,
    )


PAGE = Page(title="Run", part_of="attacks", filters=("id", "outcome", "probe", "before"), context=context)
