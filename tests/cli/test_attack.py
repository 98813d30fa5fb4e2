"""`bartizan attack` as it is typed: exit codes, formats, and errors that say what to do."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bartizan.cli import main

QUICK = ["--probes", "direct.persona,extraction.plain_request", "--mutators", "identity", "--trials", "6"]


def attack(state: Path, *words: str) -> int:
    return main(["attack", *words, "--state", str(state)])


def test_a_weak_target_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(tmp_path, "lab", "--model", "lab-chat", *QUICK) == 1
    shown = capsys.readouterr().out
    assert "direct.persona" in shown
    assert "2 findings" in shown
    assert "run-" in shown


def test_json_sarif_and_junit_are_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "sarif", "junit"):
        assert attack(tmp_path, "lab", *QUICK, "--format", form) == 1
        shown = capsys.readouterr().out
        if form == "json":
            summary = json.loads(shown)
            assert summary["run"]["state"] == "done"
            assert summary["findings"]
        elif form == "sarif":
            log = json.loads(shown)
            rules = {result["ruleId"] for result in log["runs"][0]["results"]}
            assert rules == {"direct.persona", "extraction.plain_request"}
        else:
            suite = ET.fromstring(shown)
            assert suite.get("failures") == "2"
            assert len(suite.findall("testcase/failure")) == 2


def test_a_strong_target_is_clean_and_severity_decides(tmp_path: Path) -> None:
    weak = ["lab", "--model", "lab-chat", "--probes", "direct.persona", "--mutators", "identity"]
    assert attack(tmp_path, *weak, "--fail-on", "high") == 0
    assert attack(tmp_path, *weak, "--fail-on", "medium") == 1
    strong = ["lab", "--model", "lab-rag-strict", "--probes", "poisoned_source"]
    assert attack(tmp_path, *strong, "--trials", "1") == 0


def test_a_dry_run_sends_nothing_and_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(tmp_path / "state", "lab", "--dry-run", "--trials", "2") == 0
    shown = capsys.readouterr().out
    assert "nothing was sent" in shown
    assert "requests" in shown
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["http://127.0.0.1:1/v1", "--model", "m"], "refused"),
        (["ftp://127.0.0.1/v1"], "no address of a web service"),
        (["nothing.toml"], "nothing.toml"),
        (["lab", "--model", "nobody"], "lab-chat"),
        (["lab", "--probes", "plain_reqest"], "plain_request"),
        (["lab", "--mutators", "base65"], "base64"),
        (["lab", "--resume", "last"], "no run"),
        (["lab", "--concurrency", "0"], "concurrency"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], part: str) -> None:
    assert attack(tmp_path, *words) == 2
    assert part in capsys.readouterr().err


def test_a_target_file_and_a_profile_beside_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lab = subprocess.Popen(
        [sys.executable, "-m", "bartizan", "lab", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    try:
        assert lab.stdout
        base = next(line for line in lab.stdout if line.startswith("listening on ")).split()[-1]
        quick = [*QUICK, "--format", "json"]
        assert attack(tmp_path / "a", base, "--model", "lab-chat", *quick) == 1
        known = json.loads(capsys.readouterr().out)
        assert known["asset"]["locator"] == "bartizan:lab/lab-chat"
        assert attack(tmp_path / "a", base, "--profile", base, "--model", "lab-chat", "--guarded", *quick) == 1
        guarded = json.loads(capsys.readouterr().out)
        assert guarded["run"]["guarded"] is True
        assert guarded["asset"]["id"] == known["asset"]["id"]
        assert {each["id"] for each in guarded["findings"]}.isdisjoint(each["id"] for each in known["findings"])
        file = tmp_path / "target.toml"
        file.write_text(f'url = "{base}"\nmodel = "lab-rag"\ncanaries = ["BZN-RAGS-3W8T-ZP6H"]\n')
        assert attack(tmp_path / "b", str(file), *quick) == 1
    finally:
        lab.terminate()
        lab.communicate(timeout=20)
