"""The state of the ledger, and whether it can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

import msgspec

from bartizan.console.page import Context, Page, Visit
from bartizan.core.record import LedgerRecord, kind_of, kinds
from bartizan.store.ledger import Entry, Ledger
from bartizan.store.verify import Verification, verify
from bartizan.store.writer import read_checkpoint

_ROWS = 25


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """The last signed checkpoint: how many records it covers, and their Merkle root as hex."""

    origin: str
    size: int
    root: str
    at: datetime


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the ledger, its place in the chain, and the page that shows it (empty where none does)."""

    sequence: int
    kind: str
    id: str
    at: datetime
    hash: str
    page: str
    page_id: str


class LedgerState(Context, frozen=True, kw_only=True):
    """How the ledger stands.

    Attributes:
        records: How many records were appended, all versions counted.
        kinds: How many things of each kind are known, each counted once.
        healthy: Whether the ledger can write.
        checkpoint: The last signed checkpoint; None before the first.
        verification: The answers of a verification; None until one is asked for.
        rows: Records, newest first.
        older: Where the next page begins; None on the last.
    """

    records: int
    kinds: dict[str, int]
    healthy: bool
    checkpoint: Stamp | None
    verification: Verification | None
    rows: tuple[EntryRow, ...]
    older: int | None


def context(visit: Visit) -> LedgerState:
    """Reads how the ledger stands, without verifying it."""
    return _state(visit, None)


def verify_now(visit: Visit) -> LedgerState:
    """Verifies the ledger from its files, as an outsider would. Takes longer the larger the ledger is."""
    return _state(visit, verify(visit.ledger.folder))


def _state(visit: Visit, verification: Verification | None) -> LedgerState:
    ledger, before = visit.ledger, visit.query.number("before")
    records = newest(ledger)
    last = min(records, before - 1) if before is not None else records
    entries = ledger.entries(max(0, last - _ROWS), min(last, _ROWS))
    return LedgerState(
        records=records,
        kinds={kind: count for kind, record in sorted(kinds().items()) if (count := ledger.count(record))},
        healthy=ledger.healthy(),
        checkpoint=stamp(ledger),
        verification=verification,
        rows=tuple(_row(entry) for entry in reversed(entries)),
        older=last - _ROWS + 1 if last > _ROWS else None,
    )


def stamp(ledger: Ledger) -> Stamp | None:
    """Returns the last checkpoint that the ledger published."""
    last = read_checkpoint(ledger.folder)
    return None if last is None else Stamp(origin=last.origin, size=last.size, root=last.root.hex(), at=last.at)


def newest(ledger: Ledger) -> int:
    """Returns the number of the newest record, which is how many were ever appended; 0 in an empty ledger."""
    return max((entry.sequence for record in kinds().values() for entry in ledger.find(record, limit=1)), default=0)


def _row(entry: Entry[LedgerRecord]) -> EntryRow:
    kind, record = kind_of(entry.record), entry.record
    field = _FIELD.get(kind, "")
    page_id = str(getattr(record, field)) if field else ""
    return EntryRow(
        sequence=entry.sequence,
        kind=kind,
        id=record.id,
        at=record.at,
        hash=entry.hash,
        page=_PAGES.get(kind, "") if page_id else "",
        page_id=page_id,
    )


_PAGES: Mapping[str, str] = MappingProxyType(
    {"asset": "asset", "finding": "finding", "run": "run", "attempt": "run", "verdict": "request", "event": "request"}
)
"""The page that shows a kind of record, found by the id that the field named in `_FIELD` holds."""
_FIELD: Mapping[str, str] = MappingProxyType(
    {"asset": "id", "finding": "id", "run": "id", "attempt": "run", "verdict": "request", "event": "request"}
)

PAGE = Page(
    title="Ledger",
    order=60,
    icon="M10 13a5 5 0 0 0 7 0l3-3a5 5 0 0 0-7-7l-1 1M14 11a5 5 0 0 0-7 0l-3 3a5 5 0 0 0 7 7l1-1",
    filters=("before",),
    context=context,
    actions=MappingProxyType({"verify": verify_now}),
)
