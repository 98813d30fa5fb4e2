"""One asset, what it is tied to, and what is wrong with it."""

from __future__ import annotations

import msgspec

from bartizan.console.page import Context, Page, Visit
from bartizan.console.query import missing
from bartizan.console.rows import FindingRow, finding_row
from bartizan.core.asset import Asset
from bartizan.core.attempt import Run
from bartizan.core.finding import Finding
from bartizan.store.ledger import Ledger

_FINDINGS = 50
_RUNS = 10
_MOST_EDGES = 12
_SEARCHED = 2_000


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A link to or from another asset, and the height at which a drawing of all of them has it, 0 to 100."""

    relation: str
    asset: str
    name: str
    kind: str
    height: float


class AssetDetail(Context, frozen=True, kw_only=True):
    """An asset in its place.

    Attributes:
        asset: The record itself.
        outgoing: What it is tied to.
        incoming: What is tied to it, looked for among the latest assets.
        findings: What is wrong with it, latest first.
        runs: The latest attacks on it.
    """

    asset: Asset
    outgoing: tuple[Edge, ...]
    incoming: tuple[Edge, ...]
    findings: tuple[FindingRow, ...]
    runs: tuple[Run, ...]


def context(visit: Visit) -> AssetDetail:
    """Joins an asset with its neighbours, its findings and the attacks on it."""
    ledger, asset_id = visit.ledger, visit.query.needed("id")
    asset = ledger.get(Asset, asset_id)
    if asset is None:
        raise missing("asset", asset_id)
    findings = ledger.find(Finding, {"asset": asset_id}, limit=_FINDINGS)
    return AssetDetail(
        asset=asset,
        outgoing=_edges([(link.relation.value, _known(ledger, link.target)) for link in asset.links]),
        incoming=_edges(_pointing_at(ledger, asset_id)),
        findings=tuple(finding_row(ledger, entry.sequence, entry.record) for entry in findings),
        runs=tuple(entry.record for entry in ledger.find(Run, {"target": asset_id}, limit=_RUNS)),
    )


def _known(ledger: Ledger, asset_id: str) -> tuple[str, str, str]:
    asset = ledger.get(Asset, asset_id)
    return (asset_id, asset.name, asset.kind.value) if asset else (asset_id, asset_id, "")


def _pointing_at(ledger: Ledger, asset_id: str) -> list[tuple[str, tuple[str, str, str]]]:
    return [
        (link.relation.value, (entry.record.id, entry.record.name, entry.record.kind.value))
        for entry in ledger.find(Asset, limit=_SEARCHED)
        for link in entry.record.links
        if link.target == asset_id
    ]


def _edges(found: list[tuple[str, tuple[str, str, str]]]) -> tuple[Edge, ...]:
    shown = found[:_MOST_EDGES]
    return tuple(
        Edge(
            relation=relation.replace("_", " "),
            asset=asset_id,
            name=name,
            kind=kind,
            height=round((place + 0.5) / len(shown) * 100, 2),
        )
        for place, (relation, (asset_id, name, kind)) in enumerate(shown)
    )


PAGE = Page(title="Asset", part_of="assets", filters=("id",), context=context)
