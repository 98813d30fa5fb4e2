"""The inventory: what AI there is."""

from __future__ import annotations

from bartizan.console.page import Context, Page, Visit
from bartizan.console.rows import AssetRow, asset_row
from bartizan.core.asset import Asset, AssetKind

_ROWS = 50


class Assets(Context, frozen=True, kw_only=True):
    """A page of the inventory.

    Attributes:
        kind: The kind that is filtered for.
        kinds: How many assets there are of each kind that occurs.
        rows: The assets, latest first.
        older: Where the next page begins; None on the last.
    """

    kind: AssetKind | None
    kinds: dict[str, int]
    rows: tuple[AssetRow, ...]
    older: int | None


def context(visit: Visit) -> Assets:
    """Reads one page of the inventory."""
    kind = visit.query.choice("kind", AssetKind)
    before = visit.query.number("before")
    entries = visit.ledger.find(Asset, visit.query.where("kind"), limit=_ROWS + 1, before=before)
    kinds = visit.ledger.tally(Asset, "kind")
    return Assets(
        kind=kind,
        kinds=dict(sorted(kinds.items(), key=lambda item: (-item[1], item[0]))),
        rows=tuple(asset_row(visit.ledger, entry.sequence, entry.record) for entry in entries[:_ROWS]),
        older=entries[_ROWS - 1].sequence if len(entries) > _ROWS else None,
    )


PAGE = Page(
    title="Assets",
    order=40,
    icon="M12 2 3 7v10l9 5 9-5V7zM3 7l9 5 9-5M12 12v10",
    filters=("kind", "before"),
    context=context,
)
