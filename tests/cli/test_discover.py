"""`bartizan discover` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bartizan.cli import main


def test_assets_are_no_weakness_and_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app.py").write_text("import openai\n")
    assert main(["discover", str(tmp_path), "--no-ledger"]) == 0
    shown = capsys.readouterr().out
    assert "openai" in shown
    assert "3 assets: no findings; 0 not examined" in shown


def test_json_lists_assets_with_links(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app.py").write_text("import openai\n")
    assert main(["discover", str(tmp_path), "--no-ledger", "--format", "json"]) == 0
    assets = json.loads(capsys.readouterr().out)["assets"]
    assert {asset["kind"] for asset in assets} == {"library", "service", "application"}


def test_a_missing_path_is_exit_code_2(tmp_path: Path) -> None:
    assert main(["discover", str(tmp_path / "missing"), "--no-ledger"]) == 2
