"""Shortcuts for tests of discovery: files in, records out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bartizan.config import DiscoverConfig
from bartizan.core.asset import Asset, AssetKind
from bartizan.core.finding import Skip
from bartizan.discover.engine import discover


class Found:
    """What a discovery yielded."""

    def __init__(self, root: Path, config: DiscoverConfig | None = None) -> None:
        records = list(discover(root, config or DiscoverConfig()))
        self.assets = [record for record in records if isinstance(record, Asset)]
        self.skips = [record for record in records if isinstance(record, Skip)]

    def one(self, kind: AssetKind, locator: str) -> Asset:
        matches = [asset for asset in self.assets if (asset.kind, asset.locator) == (kind, locator)]
        assert len(matches) == 1, [(asset.kind.value, asset.locator) for asset in self.assets]
        return matches[0]

    def locators(self, kind: AssetKind) -> set[str]:
        return {asset.locator for asset in self.assets if asset.kind is kind}


def look(folder: Path, files: Mapping[str, str | bytes], config: DiscoverConfig | None = None) -> Found:
    """Discovers a folder of these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Found(folder, config)
