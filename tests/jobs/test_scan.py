"""Scanning into the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from bartizan.config import ScanConfig
from bartizan.core.asset import Asset
from bartizan.core.event import Event
from bartizan.core.finding import Finding
from bartizan.errors import InputError
from bartizan.jobs import scan
from bartizan.jobs.progress import Step
from bartizan.store.ledger import Ledger
from tests.scan import assembler as make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "models"
    root.mkdir()
    (root / "bad.pkl").write_bytes(make.call_pickle("os", "system"))
    (root / "good.pkl").write_bytes(make.pickle(b"}"))
    (root / "odd.pt").write_bytes(b"no model")
    return root


def test_what_was_found_is_in_the_ledger_and_in_the_harvest(folder: Path, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "state") as ledger:
        harvest = scan.run(folder, ScanConfig(), ledger=ledger)
        finding = harvest.findings[0]
        assert ledger.get(Finding, finding.id) == finding
        assert ledger.count(Asset) == len(harvest.assets) == 2
        assert finding.asset in {asset.id for asset in harvest.assets}
        event = ledger.find(Event, {"activity": "scan.run"})[0].record
    assert event.attributes == {"bartizan.assets": 2, "bartizan.findings": 1, "bartizan.skipped": 1}
    assert harvest.skipped == 1


def test_a_second_scan_makes_new_versions_and_no_new_things(folder: Path, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "state") as ledger:
        scan.run(folder, ScanConfig(), ledger=ledger)
        scan.run(folder, ScanConfig(), ledger=ledger)
        assert (ledger.count(Asset), ledger.count(Finding)) == (2, 1)


def test_without_a_ledger_nothing_is_kept(folder: Path) -> None:
    assert len(scan.run(folder, ScanConfig()).findings) == 1


def test_progress_is_told_for_each_asset_and_ends(folder: Path) -> None:
    steps: list[Step] = []
    scan.run(folder, ScanConfig(), progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(1, None), (2, None), (2, 2)]


def test_a_path_that_is_not_there_leaves_no_trace(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "state") as ledger:
        with pytest.raises(InputError):
            scan.run(tmp_path / "missing", ScanConfig(), ledger=ledger)
        assert ledger.count(Event) == 0
