from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bartizan.config import StoreConfig
from bartizan.core.event import Event
from bartizan.errors import StoreError
from bartizan.store import database
from bartizan.store.ledger import Ledger, rebuild
from bartizan.store.verify import verify


def event(identity: str, text: str = "") -> Event:
    return Event(id=identity, activity="test.append", outcome="ok", attributes={"text": text})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Ledger.open(tmp_path / "state") as ledger:
        ledger.append(*(event(f"e{number}") for number in range(500))).wait(10)
    return tmp_path / "state"


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize(
    "garbage", [b"this is no database, whatever its name says" * 100, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(folder: Path, garbage: bytes) -> None:
    path = folder / database.DATABASE_FILE
    path.write_bytes(garbage)
    for act in (Ledger.open, verify, rebuild):
        with pytest.raises(StoreError, match=r"no database|damaged|disk") as caught:
            act(folder)
        assert caught.value.hint
    assert path.read_bytes() == garbage


def test_a_damaged_database_is_told_and_never_made_anew(folder: Path) -> None:
    path = folder / database.DATABASE_FILE
    data = bytearray(path.read_bytes())
    data[database._PAGE_BYTES : 20 * database._PAGE_BYTES] = b"\xa5" * (19 * database._PAGE_BYTES)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        Ledger.open(folder)
    assert path.read_bytes() == bytes(data)
    found = verify(folder)
    assert not found.integrity.ok


@pytest.mark.parametrize("emptied", [True, False])
def test_a_database_that_vanished_is_not_silently_replaced(folder: Path, emptied: bool) -> None:
    path = folder / database.DATABASE_FILE
    path.write_bytes(b"") if emptied else path.unlink()
    with pytest.raises(StoreError, match="is gone"):
        Ledger.open(folder)


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no ledger"):
        Ledger.open(tmp_path / "state", create=False)
    assert not (tmp_path / "state").exists()
    with pytest.raises(StoreError, match="there is no ledger"):
        rebuild(tmp_path)


def test_a_newer_schema_is_refused(folder: Path) -> None:
    with closing(sqlite3.connect(folder / database.DATABASE_FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version") as caught:
        Ledger.open(folder)
    assert caught.value.hint == "update Bartizan"


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / database.DATABASE_FILE)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match="no ledger"):
        Ledger.open(tmp_path)


def test_a_database_that_another_process_holds_is_told_and_can_be_read(folder: Path) -> None:
    with (
        Ledger.open(folder, StoreConfig(busy_seconds=0.2)) as ledger,
        closing(sqlite3.connect(folder / database.DATABASE_FILE, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds"):
            ledger.append(event("late")).wait(10)
        assert not ledger.healthy()
        assert ledger.count(Event) == 500
        other.execute("ROLLBACK")
        assert until(ledger.healthy)
        ledger.append(event("after")).wait(10)
        assert ledger.count(Event) == 502, "what was late is written as soon as it can be"
    assert verify(folder).ok


def test_a_database_that_is_locked_outright_cannot_be_opened(folder: Path) -> None:
    with closing(sqlite3.connect(folder / database.DATABASE_FILE, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another process holds"):
            Ledger.open(folder, StoreConfig(busy_seconds=0.2))


def test_what_nobody_waits_for_is_written_once_the_disk_takes_it(folder: Path) -> None:
    with Ledger.open(folder) as ledger:
        connection = ledger._writer._connection
        connection.execute(f"PRAGMA max_page_count = {database.pragma(connection, 'page_count') + 2}")
        for number in range(5):
            ledger.append(event(f"kept-{number}", "x" * 100_000))
            assert until(lambda: not ledger.healthy())
        assert ledger.count(Event) == 500
        late = ledger.append(event("told", "x"))
        with pytest.raises(StoreError, match="disk is full"):
            late.wait(10)
        assert not ledger.healthy(), "a small record does not make a disk work that has no room for the large ones"
        connection.execute("PRAGMA max_page_count = 1000000")
        assert until(ledger.healthy)
        ledger.append(event("after")).wait(10)
        assert [entry.record.id for entry in ledger.find(Event, limit=7)] == [
            "after",
            "told",
            *(f"kept-{number}" for number in reversed(range(5))),
        ]
        late.wait(10)
    assert verify(folder).ok


def test_a_ledger_that_is_deleted_while_open_takes_nothing_more(folder: Path) -> None:
    with Ledger.open(folder) as ledger:
        ledger.append(event("before")).wait(10)
        (folder / database.DATABASE_FILE).rename(folder / "aside.db")
        with pytest.raises(StoreError, match="gone or was replaced"):
            ledger.append(event("kept")).wait(10)
        assert not ledger.healthy()
        (folder / "aside.db").rename(folder / database.DATABASE_FILE)
        assert until(ledger.healthy)
        assert ledger.get(Event, "kept")
    assert verify(folder).ok


def test_a_walk_that_breaks_off_vouches_for_nothing(folder: Path) -> None:
    Ledger.open(folder).close()
    with (folder / database.DATABASE_FILE).open("r+b") as file:
        file.seek(8192 + 100)
        file.write(b"\xff" * 20_000)
    found = verify(folder)
    assert not found.integrity.ok
    assert not found.completeness.ok
    assert not found.view.ok


def test_a_full_database_fails_tickets_and_recovers(folder: Path) -> None:
    ledger = Ledger.open(folder)
    with ledger:
        connection = ledger._writer._connection
        pages = database.pragma(connection, "page_count")
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError, match="disk is full"):
            ledger.append(event("large", "x" * 1_000_000)).wait(10)
        assert ledger.count(Event) == 500
        connection.execute("PRAGMA max_page_count = 1000000")
        assert until(ledger.healthy)
        ledger.append(event("large", "x" * 1_000_000)).wait(10)
        assert ledger.count(Event) == 501
    assert verify(folder).ok


_FULL_DISK = """
import resource, sys, time
from pathlib import Path
from bartizan.core.event import Event
from bartizan.errors import StoreError
from bartizan.store.ledger import Ledger

def event(number):
    return Event(id=f"e{number}", activity="test.append", outcome="ok", attributes={"text": "x" * 20_000})

with Ledger.open(Path(sys.argv[1])) as ledger:
    ledger.append(event(0)).wait()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    number, failed = 1, False
    while not failed and number < 1000:
        try:
            ledger.append(event(number)).wait()
            number += 1
        except StoreError as error:
            failed = bool(error.hint)
    assert failed and not ledger.healthy()
    assert ledger.count(Event) == number, "what was acknowledged can be read"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    end = time.monotonic() + 20
    while not ledger.healthy() and time.monotonic() < end:
        time.sleep(0.05)
    assert ledger.healthy(), "it recovers by itself"
    ledger.append(event(number)).wait()
    print(number + 1)
"""


def test_a_disk_that_takes_no_more_bytes_loses_nothing_and_recovers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert 1 < int(done.stdout) < 100
    with Ledger.open(tmp_path) as ledger:
        assert ledger.count(Event) == int(done.stdout)
    assert verify(tmp_path).ok


@pytest.mark.parametrize("folder", ["/proc/self", "/proc/no-such-folder"])
def test_a_folder_that_cannot_be_written_is_told(folder: str) -> None:
    with pytest.raises(StoreError, match="cannot be") as caught:
        Ledger.open(Path(folder))
    assert caught.value.hint


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    for folder in (tmp_path / "file", tmp_path / "file" / "state"):
        with pytest.raises(StoreError, match="cannot be") as caught:
            Ledger.open(folder)
        assert caught.value.hint


def test_a_query_that_takes_too_long_is_stopped(folder: Path) -> None:
    readers = database.Readers(folder / database.DATABASE_FILE, 0.2)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    try:
        with pytest.raises(StoreError, match="took too long"):
            readers.rows(endless)
        assert readers.rows("SELECT count(*) FROM entries") == [(500,)]
        with pytest.raises(StoreError):
            readers.rows("DELETE FROM entries")
    finally:
        readers.close()


def test_a_copy_that_cannot_be_written_can_be_verified(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in copy.iterdir():
        path.chmod(0o400)
    copy.chmod(0o500)
    try:
        assert verify(copy).ok
    finally:
        copy.chmod(0o700)


def test_migrations_are_numbered_without_gaps_and_run_once() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        database.migrate(connection, Path("memory"))
        before = database.schema(connection)
        database.migrate(connection, Path("memory"))
        assert database.schema(connection) == before
        assert database.schema_version(connection) == len(database.migrations()) >= 1
