"""`bartizan scan` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bartizan.cli import main
from bartizan.core.finding import Finding
from bartizan.store.ledger import Ledger
from tests.scan import assembler as make


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "models"
    root.mkdir()
    (root / "bad.pkl").write_bytes(make.call_pickle("os", "system"))
    (root / "odd.pt").write_bytes(b"no model")
    return root


def test_a_finding_is_exit_code_1_and_stands_in_the_table_with_what_was_skipped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(folder)]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "critical malicious: would call" in shown
    assert "odd.pt" in shown
    assert "1 asset: 1 critical; 1 not examined" in shown


def test_nothing_found_is_exit_code_0_and_what_was_skipped_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.pkl").unlink()
    assert main(["scan", str(folder), "--no-ledger"]) == 0
    assert "1 not examined" in capsys.readouterr().out
    assert main(["scan", str(folder), "--no-ledger", "--strict"]) == 1


def test_a_missing_path_is_exit_code_2(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", str(folder / "missing"), "--no-ledger"]) == 2
    assert "nothing at" in capsys.readouterr().err


def test_milder_findings_than_asked_for_are_exit_code_0(folder: Path) -> None:
    (folder / "bad.pkl").write_bytes(make.pickle(make.name("inhouse", "Model") + b")\x81"))
    assert main(["scan", str(folder), "--no-ledger", "--fail-on", "high"]) == 0
    assert main(["scan", str(folder), "--no-ledger", "--fail-on", "medium"]) == 1


def test_findings_go_to_the_ledger_of_the_state_folder(folder: Path, tmp_path: Path) -> None:
    main(["scan", str(folder), "--state", str(tmp_path / "kept")])
    with Ledger.open(tmp_path / "kept") as ledger:
        assert ledger.count(Finding) == 1


def test_no_ledger_leaves_no_state_behind(folder: Path, tmp_path: Path) -> None:
    main(["scan", str(folder), "--no-ledger"])
    assert {path.name for path in tmp_path.iterdir()} == {"models"}


def test_json_holds_all_three(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["scan", str(folder), "--no-ledger", "--format", "json"])
    shown = json.loads(capsys.readouterr().out)
    assert [len(shown[key]) for key in ("assets", "findings", "skips")] == [1, 1, 1]
    assert shown["findings"][0]["asset"] == shown["assets"][0]["id"]


def test_output_goes_to_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.sarif"
    assert main(["scan", str(folder), "--no-ledger", "--format", "sarif", "--output", str(target)]) == 1
    assert json.loads(target.read_text())["version"] == "2.1.0"
    assert "1 critical" in capsys.readouterr().out
    assert main(["scan", str(folder), "--no-ledger", "--output", str(tmp_path / "no" / "x")]) == 2


def test_names_from_a_file_cannot_steer_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "x\x1b[2J.pkl").write_bytes(make.call_pickle("evil\x1b]0;x\x07", "[red]run"))
    main(["scan", str(folder), "--no-ledger"])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
