from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.config import StoreConfig
from bartizan.core.event import Event
from bartizan.errors import InputError, StoreError
from bartizan.store import database, key
from bartizan.store.checkpoint import Checkpoint
from bartizan.store.ledger import Ledger
from bartizan.store.verify import verify
from bench.ledger import Tampering, seen, subject


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "state"
    with subject() as made:
        shutil.copytree(made, folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "state"))


@contextmanager
def tampering(folder: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(folder / database.DATABASE_FILE)) as connection, connection:
        yield connection


def test_an_untouched_ledger_is_clean(folder: Path) -> None:
    found = verify(folder, public_key=(folder / key.PUBLIC_KEY_FILE).read_bytes())
    assert found.ok
    assert (found.records, found.unsealed) == (36, 0)
    assert found.checkpoints > 3


def test_an_empty_ledger_is_clean(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    found = verify(tmp_path)
    assert found.ok
    assert (found.records, found.checkpoints) == (0, 1)


def test_a_ledger_in_use_is_clean(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        for number in range(20):
            ledger.append(Event(id=f"e{number}", activity="a.b", outcome="ok")).wait(10)
            assert verify(tmp_path).ok


def test_an_edit_is_named_with_its_number(folder: Path) -> None:
    with tampering(folder) as connection:
        changed = "CAST(replace(CAST(body AS TEXT), 'record', 'recorb') AS BLOB)"
        connection.execute(f"UPDATE entries SET body = {changed} WHERE sequence = 13")
    found = verify(folder)
    assert (found.integrity.ok, found.integrity.first_bad) == (False, 13)
    assert found.completeness.ok


def test_a_deletion_is_named_with_its_number(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("DELETE FROM entries WHERE sequence = 20")
    found = verify(folder)
    assert (found.completeness.ok, found.completeness.first_bad) == (False, 20)


def test_a_cut_tail_is_incomplete(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("DELETE FROM entries WHERE sequence > 30")
    found = verify(folder)
    assert (found.completeness.ok, found.completeness.first_bad) == (False, 31)
    assert found.integrity.ok


def test_a_rolled_back_folder_needs_the_witnessed_checkpoint(folder: Path) -> None:
    witnessed = Checkpoint.parse((folder / "checkpoint").read_text("utf-8"))
    with tampering(folder) as connection:
        Tampering(folder, random.Random(1)).roll_back(connection)
    assert verify(folder).ok, "flawless in itself: this is why one is kept elsewhere"
    found = verify(folder, witnessed=witnessed)
    assert not found.completeness.ok
    assert found.integrity.ok


def test_records_after_the_witnessed_checkpoint_are_counted(folder: Path) -> None:
    witnessed = Checkpoint.parse((folder / "checkpoint").read_text("utf-8"))
    with Ledger.open(folder) as ledger:
        ledger.append(Event(id="later", activity="a.b", outcome="ok")).wait(10)
    found = verify(folder, witnessed=witnessed)
    assert found.ok
    assert found.unwitnessed == 1


def test_a_forged_record_at_the_end_is_unsigned_and_no_process_goes_on_after_it(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("INSERT INTO entries SELECT sequence + 1, body, hash FROM entries WHERE sequence = 36")
    found = verify(folder)
    assert not found.integrity.ok
    assert found.unsealed == 1
    with pytest.raises(StoreError, match="do not end where"):
        Ledger.open(folder)


def test_a_ledger_signed_anew_with_another_key_fails_against_the_key_kept_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    public = (folder / key.PUBLIC_KEY_FILE).read_bytes()
    with Ledger.open(tmp_path / "forged") as ledger:
        ledger.append(Event(id="forged", activity="a.b", outcome="ok")).wait(10)
    assert verify(tmp_path / "forged").ok
    found = verify(tmp_path / "forged", public_key=public)
    assert not found.integrity.ok


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER hide AFTER INSERT ON entries BEGIN DELETE FROM event; END",
        "CREATE TABLE notes (text TEXT)",
        "CREATE VIEW shown AS SELECT * FROM entries",
        "DROP INDEX event_by_id",
        "PRAGMA user_version = 0",
        "PRAGMA application_id = 0",
    ],
)
def test_a_schema_that_is_not_ours_is_told(folder: Path, statement: str) -> None:
    with tampering(folder) as connection:
        connection.execute(statement)
    assert not verify(folder).ok


def test_columns_of_another_type_with_the_same_bytes_are_told(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("CREATE TABLE loose (sequence INTEGER PRIMARY KEY, body, hash)")
        connection.execute("INSERT INTO loose SELECT sequence, CAST(body AS TEXT), hash FROM entries")
        connection.execute("DROP TABLE entries")
        connection.execute("ALTER TABLE loose RENAME TO entries")
    found = verify(folder)
    assert any("types" in reason for reason in found.integrity.reasons)


def test_current_state_that_hides_a_record_is_told_apart_from_the_records(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("DELETE FROM attempt WHERE sequence = (SELECT max(sequence) FROM attempt)")
    found = verify(folder)
    assert (found.integrity.ok, found.completeness.ok, found.view.ok) == (True, True, False)


def test_an_older_version_shown_as_current_is_told(folder: Path) -> None:
    with tampering(folder) as connection:
        connection.execute("UPDATE asset SET sequence = 3 WHERE id = 'model:0'")
    assert not verify(folder).view.ok


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(10_000, 2**63))
def test_no_random_tampering_goes_unseen(original: Path, seed: int) -> None:
    assert seen(original, seed)


def test_what_cannot_be_verified_at_all_is_an_error(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no ledger"):
        verify(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no public key"):
        verify(folder, public_key=b"nonsense")
    (folder / key.PUBLIC_KEY_FILE).unlink()
    with pytest.raises(StoreError, match="public key"):
        verify(folder)


def test_kept_checkpoints_follow_each_other(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, StoreConfig(checkpoint_every=10)) as ledger:
        for number in range(55):
            ledger.append(Event(id=f"e{number}", activity="a.b", outcome="ok")).wait(10)
    with closing(sqlite3.connect(tmp_path / database.DATABASE_FILE)) as connection:
        sizes = [size for (size,) in connection.execute("SELECT size FROM checkpoints ORDER BY size")]
    assert sizes == [10, 20, 30, 40, 50, 55]
    assert verify(tmp_path).ok
