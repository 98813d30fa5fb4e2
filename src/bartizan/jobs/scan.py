"""Scanning a folder: run the scanner, append what it yields, report progress."""

from __future__ import annotations

from pathlib import Path

from bartizan.config import ScanConfig
from bartizan.files import NO_INODES
from bartizan.jobs.harvest import Harvest, gather
from bartizan.jobs.progress import Progress, silent
from bartizan.scan.engine import scan
from bartizan.store.ledger import Ledger


def run(root: Path, config: ScanConfig, *, ledger: Ledger | None = None, progress: Progress = silent) -> Harvest:
    """Scans `root`, and appends its assets and findings where there is a ledger.

    Raises:
        InputError: There is nothing at `root`.
        StoreError: The ledger cannot be written.
    """
    return gather(
        "scan", scan(root, config, sealed=ledger.inodes() if ledger else NO_INODES), ledger=ledger, progress=progress
    )
