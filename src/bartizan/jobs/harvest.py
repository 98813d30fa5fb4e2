"""What a job brings in from an engine that looks at files, and how it gets into the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from bartizan.core.asset import Asset
from bartizan.core.event import Event
from bartizan.core.finding import Finding, Skip
from bartizan.core.identity import unique_id
from bartizan.core.record import Record
from bartizan.core.severity import Severity
from bartizan.jobs.progress import Progress, Step
from bartizan.store.ledger import Ledger

_BATCH = 500
_KEPT_SKIPS = 10_000


class Harvest(Record, frozen=True):
    """What a run brought in.

    Attributes:
        assets: Every asset, in the order found.
        findings: Every finding, in the order found.
        skips: What was not examined and why, at most ten thousand of them.
        skipped: How many things were not examined.
    """

    assets: tuple[Asset, ...]
    findings: tuple[Finding, ...]
    skips: tuple[Skip, ...]
    skipped: int

    @property
    def severities(self) -> dict[Severity, int]:
        """How many findings there are of each severity that occurs."""
        return dict(Counter(finding.severity for finding in self.findings))


def gather(
    job: str, records: Iterable[Asset | Finding | Skip], *, ledger: Ledger | None, progress: Progress
) -> Harvest:
    """Takes all that an engine yields, appends assets and findings, and closes with an event that holds the counts.

    A batch is appended while the next is being looked for; only the last is waited for, and when this returns all is
    durable.

    Raises:
        StoreError: The ledger cannot be written.
    """
    assets: list[Asset] = []
    findings: list[Finding] = []
    skips: list[Skip] = []
    skipped = 0
    batch: list[Asset | Finding] = []
    for record in records:
        if isinstance(record, Skip):
            skipped += 1
            if len(skips) < _KEPT_SKIPS:
                skips.append(record)
            continue
        if isinstance(record, Asset):
            asset = _informed(record, ledger)
            assets.append(asset)
            batch.append(asset)
            progress(Step(job=job, done=len(assets), note=asset.locator))
        else:
            findings.append(record)
            batch.append(record)
        if ledger is not None and len(batch) >= _BATCH:
            ledger.append(*batch)
            batch.clear()
    harvest = Harvest(assets=tuple(assets), findings=tuple(findings), skips=tuple(skips), skipped=skipped)
    if ledger is not None:
        ledger.append(*batch, _event(job, harvest)).wait()
    progress(Step(job=job, done=len(assets), total=len(assets), note="done"))
    return harvest


def _informed(asset: Asset, ledger: Ledger | None) -> Asset:
    """Returns an asset with what an earlier scan read from the same bytes, which a mere sighting must not wipe out."""
    if ledger is None or asset.sha256 is not None or "bytes" not in asset.attributes:
        return asset
    known = ledger.get(Asset, asset.id)
    if known is None or known.sha256 is None or known.attributes.get("bytes") != asset.attributes["bytes"]:
        return asset
    attributes = {**asset.attributes, **known.attributes}
    return msgspec.structs.replace(asset, source=known.source, sha256=known.sha256, attributes=attributes)


def _event(job: str, harvest: Harvest) -> Event:
    return Event(
        id=unique_id("event"),
        activity=f"{job}.run",
        outcome="ok",
        attributes={
            "bartizan.assets": len(harvest.assets),
            "bartizan.findings": len(harvest.findings),
            "bartizan.skipped": harvest.skipped,
        },
    )
