"""What goes through the gateway, as it goes."""

from __future__ import annotations

from enum import StrEnum

from bartizan.console.chart import Timeline, timeline
from bartizan.console.page import Context, Page, Visit
from bartizan.console.rows import CHAT, TrafficRow, traffic_row
from bartizan.core.event import Event

_ROWS = 50
_CHARTED = 500


class Ended(StrEnum):
    """How a request ended, in the order in which a chart stacks it."""

    OK = "ok"
    BLOCKED = "blocked"
    DENIED = "denied"
    FAILED = "failed"


class Traffic(Context, frozen=True, kw_only=True):
    """The latest requests.

    Attributes:
        outcome: The outcome that is filtered for; None shows all.
        outcomes: How many requests ended how, over all time.
        rows: A page of requests, newest first.
        older: Where the next page begins; None on the last.
        live: Whether this is the newest page, which renews itself.
        timeline: The latest requests over time.
    """

    outcome: Ended | None
    outcomes: dict[str, int]
    rows: tuple[TrafficRow, ...]
    older: int | None
    live: bool
    timeline: Timeline


def context(visit: Visit) -> Traffic:
    """Reads one page of requests."""
    ledger = visit.ledger
    outcome, before = visit.query.choice("outcome", Ended), visit.query.number("before")
    where = {"activity": CHAT} | ({"outcome": outcome.value} if outcome else {})
    entries = ledger.find(Event, where, limit=_ROWS + 1, before=before)
    counted = ledger.tally(Event, "outcome", {"activity": CHAT})
    charted = ledger.find(Event, where, limit=_CHARTED)
    return Traffic(
        outcome=outcome,
        outcomes={ended.value: counted.get(ended.value, 0) for ended in Ended},
        rows=tuple(traffic_row(ledger, entry.sequence, entry.record) for entry in entries[:_ROWS]),
        older=entries[_ROWS - 1].sequence if len(entries) > _ROWS else None,
        live=before is None,
        timeline=timeline([(entry.record.at, entry.record.outcome) for entry in charted], order=tuple(Ended)),
    )


PAGE = Page(
    title="Traffic",
    order=20,
    icon="M2 12h4l3-8 5 16 3-8h5",
    filters=("outcome", "before"),
    context=context,
)
