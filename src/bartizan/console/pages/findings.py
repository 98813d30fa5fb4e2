"""Weaknesses, filtered."""

from __future__ import annotations

from bartizan.console.page import Context, Page, Visit
from bartizan.console.rows import FindingRow, finding_row
from bartizan.core.finding import Finding, FindingState
from bartizan.core.severity import Severity

_ROWS = 50


class Findings(Context, frozen=True, kw_only=True):
    """A page of findings.

    Attributes:
        severity: The severity that is filtered for.
        state: The state that is filtered for.
        asset: The id of the asset that is filtered for; empty for all.
        rule: The id of the rule or probe that is filtered for; empty for all.
        severities: How many findings in the chosen state have which severity, the worst first.
        states: How many findings are in which state.
        rules: How many findings which rule made.
        total: How many findings the filters leave.
        rows: The findings, latest first.
        older: Where the next page begins; None on the last.
    """

    severity: Severity | None
    state: FindingState | None
    asset: str
    rule: str
    severities: dict[str, int]
    states: dict[str, int]
    rules: dict[str, int]
    total: int
    rows: tuple[FindingRow, ...]
    older: int | None


def context(visit: Visit) -> Findings:
    """Reads one page of findings."""
    ledger, query = visit.ledger, visit.query
    severity, state = query.choice("severity", Severity), query.choice("state", FindingState)
    where = query.where("severity", "state", "asset", "rule")
    entries = ledger.find(Finding, where, limit=_ROWS + 1, before=query.number("before"))
    severities = ledger.tally(Finding, "severity", query.where("state", "asset", "rule"))
    states = ledger.tally(Finding, "state", query.where("severity", "asset", "rule"))
    return Findings(
        severity=severity,
        state=state,
        asset=query.text("asset"),
        rule=query.text("rule"),
        severities={step.value: severities.get(step.value, 0) for step in reversed(Severity)},
        states={step.value: states.get(step.value, 0) for step in FindingState},
        rules=dict(sorted(ledger.tally(Finding, "rule").items())),
        total=ledger.count(Finding, where),
        rows=tuple(finding_row(ledger, entry.sequence, entry.record) for entry in entries[:_ROWS]),
        older=entries[_ROWS - 1].sequence if len(entries) > _ROWS else None,
    )


PAGE = Page(
    title="Findings",
    order=30,
    icon="M12 3 2 20h20zM12 10v4M12 17v.5",
    filters=("severity", "state", "asset", "rule", "before"),
    context=context,
)
