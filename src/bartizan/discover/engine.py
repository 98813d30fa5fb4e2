"""The discovery: a folder in; assets, findings and skips out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bartizan.config import DiscoverConfig
from bartizan.core.asset import Asset
from bartizan.core.finding import Finding, Skip


def scan(root: Path, config: DiscoverConfig) -> Iterator[Asset | Finding | Skip]:
    """Finds the AI assets below `root`."""
    raise NotImplementedError
