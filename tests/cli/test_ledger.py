from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bartizan.cli import main
from bartizan.core.event import Event
from bartizan.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FOUND
from bartizan.store.ledger import Ledger

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def state(tmp_path: Path) -> str:
    with Ledger.open(tmp_path / "state") as ledger:
        ledger.append(*(Event(id=f"e{number}", activity="a.b", outcome="ok") for number in range(5))).wait(10)
    return str(tmp_path / "state")


def run(*words: str) -> int:
    return main(["ledger", *words])


def test_a_clean_ledger_gives_two_separate_answers(state: str, capsys: Capture) -> None:
    assert run("verify", "--state", state) == EXIT_CLEAN
    out = capsys.readouterr().out
    assert "integrity" in out
    assert "completeness" in out
    assert "--checkpoint FILE" in out


def test_a_checkpoint_that_was_kept_elsewhere_finds_a_rolled_back_ledger(
    state: str, tmp_path: Path, capsys: Capture
) -> None:
    assert run("checkpoint", "--state", state) == EXIT_CLEAN
    kept = tmp_path / "kept"
    kept.write_text(capsys.readouterr().out, encoding="utf-8")
    words = ("verify", "--state", state, "--checkpoint", str(kept), "--public-key", f"{state}/ledger.pub", "--json")
    assert run(*words) == EXIT_CLEAN
    assert json.loads(capsys.readouterr().out)["ok"] is True
    with closing(sqlite3.connect(f"{state}/ledger.db")) as connection, connection:
        connection.execute("DELETE FROM entries WHERE sequence > 3")
    assert run(*words) == EXIT_FOUND
    found = json.loads(capsys.readouterr().out)
    assert found["completeness"]["ok"] is False
    assert found["completeness"]["first_bad"] == 4
    assert run("verify", "--state", state) == EXIT_FOUND
    assert "NO" in capsys.readouterr().out


def test_show_prints_a_record_of_any_kind(state: str, capsys: Capture) -> None:
    assert run("show", "e3", "--state", state) == EXIT_CLEAN
    assert json.loads(capsys.readouterr().out)["id"] == "e3"
    assert run("show", "e99", "--state", state) == EXIT_BROKEN
    assert "no record 'e99'" in capsys.readouterr().err
    assert run("show", "--state", state) == EXIT_BROKEN


def test_rebuild_mends_current_state(state: str, capsys: Capture) -> None:
    with closing(sqlite3.connect(f"{state}/ledger.db")) as connection, connection:
        connection.execute("DELETE FROM event")
    assert run("verify", "--state", state) == EXIT_FOUND
    assert "rebuild" in capsys.readouterr().out
    assert run("rebuild", "--state", state) == EXIT_CLEAN
    assert run("verify", "--state", state) == EXIT_CLEAN


@pytest.mark.parametrize("what", ["verify", "checkpoint", "rebuild"])
def test_where_there_is_no_ledger_none_is_made(tmp_path: Path, what: str, capsys: Capture) -> None:
    assert run(what, "--state", str(tmp_path / "nowhere")) == EXIT_BROKEN
    assert "there is no ledger" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_files_that_cannot_be_read_are_told(state: str, tmp_path: Path, capsys: Capture) -> None:
    assert run("verify", "--state", state, "--checkpoint", str(tmp_path / "none")) == EXIT_BROKEN
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / "wrong").write_bytes(b"\xff no checkpoint")
    assert run("verify", "--state", state, "--checkpoint", str(tmp_path / "wrong")) == EXIT_BROKEN
    assert run("verify", "--state", state, "--public-key", str(tmp_path / "wrong")) == EXIT_BROKEN
