"""Everything pluggable, as each plugin describes itself."""

from __future__ import annotations

from bartizan.console.catalogue import Group, catalogue
from bartizan.console.page import Context, Page, Visit
from bartizan.errors import InputError
from bartizan.registry import nearest


class Catalogue(Context, frozen=True, kw_only=True):
    """The shelves.

    Attributes:
        shelf: The shelf that is filtered for; empty for all.
        counts: How many plugins stand on which shelf.
        groups: The shelves with their plugins.
    """

    shelf: str
    counts: dict[str, int]
    groups: tuple[Group, ...]


def context(visit: Visit) -> Catalogue:
    """Reads the catalogue, which is made from the plugins' own words."""
    shelf = visit.query.text("shelf")
    counts = {group.name: len(group.entries) for group in catalogue()}
    if shelf and shelf not in counts:
        raise InputError(f"there is no shelf {shelf[:40]!r}", hint=nearest(shelf[:40], counts))
    groups = tuple(group for group in catalogue() if shelf in {"", group.name})
    return Catalogue(shelf=shelf, counts=counts, groups=groups)


PAGE = Page(
    title="Catalogue",
    order=70,
    icon="M4 4h4v16H4zM10 4h4v16h-4zM16 5l4-1 3 15-4 1z",
    filters=("shelf",),
    context=context,
)
