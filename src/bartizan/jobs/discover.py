"""Discovering what AI a folder holds: run the engine, append what it yields, report progress."""

from __future__ import annotations

from pathlib import Path

from bartizan.config import DiscoverConfig
from bartizan.discover.engine import discover
from bartizan.files import NO_INODES
from bartizan.jobs.harvest import Harvest, gather
from bartizan.jobs.progress import Progress, silent
from bartizan.store.ledger import Ledger


def run(root: Path, config: DiscoverConfig, *, ledger: Ledger | None = None, progress: Progress = silent) -> Harvest:
    """Discovers the assets below `root`, and appends them where there is a ledger.

    Raises:
        InputError: There is nothing at `root`.
        StoreError: The ledger cannot be written.
    """
    return gather(
        "discover",
        discover(root, config, sealed=ledger.inodes() if ledger else NO_INODES),
        ledger=ledger,
        progress=progress,
    )
