"""The scanner: a path in; assets, findings and skips out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bartizan.config import ScanConfig
from bartizan.core.asset import Asset
from bartizan.core.finding import Finding, Skip


def scan(root: Path, config: ScanConfig) -> Iterator[Asset | Finding | Skip]:
    """Reads every artefact below `root`; an asset comes before its findings."""
    raise NotImplementedError
