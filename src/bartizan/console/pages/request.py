"""One request, and the walk from it back to the attack that taught us to block it."""

from __future__ import annotations

from bartizan.console.page import Context, Page, Visit
from bartizan.console.query import missing
from bartizan.console.rows import AttemptRow, TrafficRow, attempt_rows, traffic_row, verdicts_of
from bartizan.console.walk import Walk, walk
from bartizan.core.attempt import Attempt
from bartizan.core.event import Event
from bartizan.core.verdict import Verdict


class RequestDetail(Context, frozen=True, kw_only=True):
    """A request and all that the ledger ties to it.

    Attributes:
        request: Its id.
        row: What came to the gateway; None where only a verdict or an attempt is known.
        verdicts: What the guard decided, the strictest first.
        attempt: The attack attempt that sent it, where one did.
        walk: The way back from the verdicts.
    """

    request: str
    row: TrafficRow | None
    verdicts: tuple[Verdict, ...]
    attempt: AttemptRow | None
    walk: Walk


def context(visit: Visit) -> RequestDetail:
    """Joins everything on the request's id."""
    request = visit.query.needed("id")
    events = visit.ledger.find(Event, {"request": request}, limit=1)
    verdicts = verdicts_of(visit.ledger, request)
    attempts = visit.ledger.find(Attempt, {"request": request}, limit=1)
    if not (events or verdicts or attempts):
        raise missing("request", request)
    return RequestDetail(
        request=request,
        row=traffic_row(visit.ledger, events[0].sequence, events[0].record) if events else None,
        verdicts=verdicts,
        attempt=next(iter(attempt_rows(visit.ledger, [entry.record for entry in attempts])), None),
        walk=walk(visit.ledger, request, verdicts),
    )


PAGE = Page(title="Request", part_of="traffic", filters=("id",), context=context)
