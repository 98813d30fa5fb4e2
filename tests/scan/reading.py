"""Shortcuts for tests of the scanner: bytes in, records out."""

from __future__ import annotations

from pathlib import Path

from bartizan.config import ScanConfig
from bartizan.core.asset import Asset
from bartizan.core.finding import Finding, Skip
from bartizan.scan.engine import scan


class Result:
    """What a scan yielded, by kind."""

    def __init__(self, root: Path, config: ScanConfig | None = None) -> None:
        records = list(scan(root, config or ScanConfig()))
        self.assets = [record for record in records if isinstance(record, Asset)]
        self.findings = [record for record in records if isinstance(record, Finding)]
        self.skips = [record for record in records if isinstance(record, Skip)]

    @property
    def verdict(self) -> str:
        assert len(self.assets) == 1, (self.assets, self.skips)
        return self.assets[0].attributes["verdict"]

    @property
    def titles(self) -> str:
        return "\n".join(finding.title for finding in self.findings)


def read(folder: Path, content: bytes, name: str = "model.pkl", config: ScanConfig | None = None) -> Result:
    """Scans one file of this content."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return Result(path, config)
