"""One plugin: what it looks for, what it takes for it by mistake, and what it has to do with this ledger."""

from __future__ import annotations

from starlette.exceptions import HTTPException

from bartizan.console.catalogue import Entry, index
from bartizan.console.page import Context, Page, Visit
from bartizan.console.rows import FindingRow, TagNote, finding_row, tag_notes
from bartizan.core.attempt import Attempt
from bartizan.core.finding import Finding

_FINDINGS = 10


class PluginDetail(Context, frozen=True, kw_only=True):
    """A plugin.

    Attributes:
        entry: What it says of itself.
        tags: Where it stands in the public taxonomies.
        findings: What it found, latest first.
        attempts: Its attack attempts by outcome, where it is a probe.
    """

    entry: Entry
    tags: tuple[TagNote, ...]
    findings: tuple[FindingRow, ...]
    attempts: dict[str, int]


def context(visit: Visit) -> PluginDetail:
    """Joins a plugin with what the ledger holds of it."""
    entry = index().get(visit.query.needed("id"))
    if entry is None:
        raise HTTPException(404, "The catalogue has no such plugin; it may have been removed since it was recorded.")
    findings = visit.ledger.find(Finding, {"rule": entry.id}, limit=_FINDINGS)
    return PluginDetail(
        entry=entry,
        tags=tag_notes(entry.tags),
        findings=tuple(finding_row(visit.ledger, found.sequence, found.record) for found in findings),
        attempts=visit.ledger.tally(Attempt, "outcome", {"probe": entry.id}),
    )


PAGE = Page(title="Plugin", part_of="catalogue", filters=("id",), context=context)
