"""The posture at a glance."""

from __future__ import annotations

from bartizan.console.chart import Bar, Timeline, bars, stack, timeline
from bartizan.console.exposure import Comparison, newest_runs, overall
from bartizan.console.page import Context, Page, Visit
from bartizan.console.pages.ledger import Stamp, newest, stamp
from bartizan.console.rows import CHAT, FindingRow, TrafficRow, finding_row, traffic_row
from bartizan.core.asset import Asset
from bartizan.core.event import Event
from bartizan.core.finding import Finding, FindingState
from bartizan.core.severity import Severity
from bartizan.store.ledger import Ledger

_CHARTED = 500
_BLOCKED_SHOWN = 6
_FINDINGS_SHOWN = 6
TONES = ("ok", "blocked", "denied", "failed")
WORST_FIRST = tuple(severity.value for severity in reversed(Severity))


class Overview(Context, frozen=True, kw_only=True):
    """How things stand.

    Attributes:
        requests: How many chat requests came to the gateway.
        blocked: How many of them the guard blocked, on the way in or out.
        timeline: The latest requests over time, by outcome.
        exposure: How often attacks succeed without and with the guard, in the newest runs.
        runs: How many runs that was taken from.
        open_findings: How many findings are open.
        severities: The open findings by severity, the worst first.
        worst: The worst open findings.
        assets: How many assets are known.
        kinds: The assets by kind.
        records: How many records were ever appended to the ledger.
        checkpoint: The last signed checkpoint; None before the first.
        healthy: Whether the ledger can write.
        latest_blocked: The requests that were blocked last.
    """

    requests: int
    blocked: int
    timeline: Timeline
    exposure: Comparison
    runs: int
    open_findings: int
    severities: tuple[Bar, ...]
    worst: tuple[FindingRow, ...]
    assets: int
    kinds: tuple[Bar, ...]
    records: int
    checkpoint: Stamp | None
    healthy: bool
    latest_blocked: tuple[TrafficRow, ...]


def context(visit: Visit) -> Overview:
    """Reads the posture off the ledger: counts are made by the ledger, lists are short."""
    ledger = visit.ledger
    outcomes = ledger.tally(Event, "outcome", {"activity": CHAT})
    latest = [entry.record for entry in ledger.find(Event, {"activity": CHAT}, limit=_CHARTED)]
    severities = ledger.tally(Finding, "severity", {"state": FindingState.OPEN.value})
    kinds = ledger.tally(Asset, "kind")
    runs = newest_runs(ledger)
    blocked = ledger.find(Event, {"activity": CHAT, "outcome": "blocked"}, limit=_BLOCKED_SHOWN)
    return Overview(
        requests=sum(outcomes.values()),
        blocked=outcomes.get("blocked", 0),
        timeline=timeline([(event.at, event.outcome) for event in latest], order=TONES),
        exposure=overall(ledger, runs),
        runs=len(runs),
        open_findings=sum(severities.values()),
        severities=stack(severities, order=WORST_FIRST),
        worst=_worst(ledger),
        assets=sum(kinds.values()),
        kinds=bars(kinds),
        records=newest(ledger),
        checkpoint=stamp(ledger),
        healthy=ledger.healthy(),
        latest_blocked=tuple(traffic_row(ledger, entry.sequence, entry.record) for entry in blocked),
    )


def _worst(ledger: Ledger) -> tuple[FindingRow, ...]:
    found: list[FindingRow] = []
    for severity in WORST_FIRST:
        where = {"severity": severity, "state": FindingState.OPEN.value}
        entries = ledger.find(Finding, where, limit=_FINDINGS_SHOWN - len(found))
        found += [finding_row(ledger, entry.sequence, entry.record) for entry in entries]
        if len(found) >= _FINDINGS_SHOWN:
            break
    return tuple(found)


PAGE = Page(
    title="Overview",
    order=10,
    icon="M3 13h6V3H3zM15 21h6V11h-6zM3 21h6v-4H3zM15 3v4h6V3z",
    context=context,
)
