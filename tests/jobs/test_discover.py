"""Discovering into the ledger."""

from __future__ import annotations

from pathlib import Path

from bartizan.config import DiscoverConfig, ScanConfig
from bartizan.core.asset import Asset, AssetKind
from bartizan.jobs import discover, scan
from bartizan.store.ledger import Ledger
from tests.scan import assembler as make


def test_assets_and_their_links_are_in_the_ledger(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    (root / "app.py").write_text("import openai\n")
    with Ledger.open(tmp_path / "state") as ledger:
        discover.run(root, DiscoverConfig(), ledger=ledger)
        application = ledger.find(Asset, {"kind": AssetKind.APPLICATION.value})[0].record
        targets = [ledger.get(Asset, link.target) for link in application.links]
    assert {target.name for target in targets if target} == {"openai", "OpenAI"}


def test_seeing_a_scanned_model_again_keeps_its_verdict(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    model = root / "bad.pkl"
    model.write_bytes(make.call_pickle("os", "system"))
    with Ledger.open(tmp_path / "state") as ledger:
        scanned = scan.run(root, ScanConfig(), ledger=ledger).assets[0]
        discover.run(root, DiscoverConfig(), ledger=ledger)
        kept = ledger.get(Asset, scanned.id)
        model.write_bytes(make.pickle(b"}"))
        discover.run(root, DiscoverConfig(), ledger=ledger)
        changed = ledger.get(Asset, scanned.id)
    assert kept is not None
    assert (kept.attributes["verdict"], kept.sha256) == ("malicious", scanned.sha256)
    assert changed is not None
    assert "verdict" not in changed.attributes
