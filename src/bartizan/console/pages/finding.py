"""One finding: what proves it, how sure that is, and what to do."""

from __future__ import annotations

from bartizan.console.page import Context, Page, Visit
from bartizan.console.query import missing
from bartizan.console.rows import AssetRow, AttemptRow, TagNote, asset_row, attempt_rows, tag_notes
from bartizan.console.walk import PluginNote, plugin_note, successes
from bartizan.core.asset import Asset
from bartizan.core.attempt import Attempt, Outcome, Run
from bartizan.core.finding import Finding

_SHOWN = 5


class FindingDetail(Context, frozen=True, kw_only=True):
    """A finding with the walk back to the attack.

    Attributes:
        finding: The record itself.
        asset: What has the weakness; None where the inventory does not know it.
        rule: What found it.
        run: The attack run that measured it, where one did.
        attempts: Attempts that succeeded.
        stopped: Attempts of the same probe that the guard stopped.
        stopped_in_all: How many of these there are.
        tags: Where it stands in the public taxonomies.
    """

    finding: Finding
    asset: AssetRow | None
    rule: PluginNote
    run: Run | None
    attempts: tuple[AttemptRow, ...]
    stopped: tuple[AttemptRow, ...]
    stopped_in_all: int
    tags: tuple[TagNote, ...]


def context(visit: Visit) -> FindingDetail:
    """Joins a finding with its asset, its rule and its attempts."""
    ledger = visit.ledger
    finding = ledger.get(Finding, visit.query.needed("id"))
    if finding is None:
        raise missing("finding", visit.query.needed("id"))
    asset = ledger.get(Asset, finding.asset)
    rule = plugin_note(finding.rule)
    blocked = {"probe": finding.rule, "outcome": Outcome.BLOCKED.value}
    stopped = [entry.record for entry in ledger.find(Attempt, blocked, limit=_SHOWN)]
    return FindingDetail(
        finding=finding,
        asset=asset_row(ledger, 0, asset) if asset else None,
        rule=rule,
        run=ledger.get(Run, finding.run) if finding.run else None,
        attempts=attempt_rows(ledger, successes(ledger, finding.id, limit=_SHOWN)),
        stopped=attempt_rows(ledger, stopped),
        stopped_in_all=ledger.count(Attempt, blocked),
        tags=tag_notes([*finding.tags, *rule.tags]),
    )


PAGE = Page(title="Finding", part_of="findings", filters=("id",), context=context)
