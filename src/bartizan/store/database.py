"""The SQLite file: connections, migrations, readers with a time limit, and faults in words."""

from __future__ import annotations

import queue
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bartizan.errors import StoreError

DATABASE_FILE = "ledger.db"
APPLICATION_ID = 0x42_5A_4C_47
"""Marks the file as a ledger of ours (`BZLG`) for `file` and for us."""

_PAGE_BYTES = 8192
_CACHE_KIB = 64_000
_LOG_PAGES = 4000
_LOG_BYTES = 64_000_000
_READERS = 4
_PAUSE_SECONDS = 0.01
_STEPS_BETWEEN_CHECKS = 20_000
_HINTS = MappingProxyType(
    {
        "SQLITE_FULL": ("the disk is full", "free some space; the ledger goes on by itself"),
        "SQLITE_IOERR": ("the disk failed to read or write", "check free space, quotas and the disk; nothing is lost"),
        "SQLITE_BUSY": ("another process holds the ledger", "end the process that holds it, then try again"),
        "SQLITE_LOCKED": ("another process holds the ledger", "end the process that holds it, then try again"),
        "SQLITE_NOTADB": ("the file is no database", "restore it from a backup; it was left as it is"),
        "SQLITE_CORRUPT": (
            "the database is damaged",
            "run `bartizan ledger verify`, restore a backup; it was left as it is",
        ),
        "SQLITE_READONLY": ("the ledger may not be written", "check the owner and mode of the state folder"),
        "SQLITE_CANTOPEN": ("the ledger cannot be opened", "check the path, its owner and mode"),
        "SQLITE_INTERRUPT": ("the query took too long", "ask for less, or raise store.read_seconds"),
    }
)


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """Returns the error in words that say what to do."""
    name = getattr(error, "sqlite_errorname", "")
    words = "_".join(name.split("_")[:2])
    what, hint = _HINTS.get(words, (str(error), "run `bartizan ledger verify`"))
    return StoreError(f"{path}: {what}", hint=hint)


@contextmanager
def faults(path: Path) -> Iterator[None]:
    """Turns every SQLite error inside it into a `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path) from error


def connect(path: Path, *, create: bool = False, busy_seconds: float = 10.0) -> sqlite3.Connection:
    """Opens a connection that commits only where it is told to and waits for other processes.

    Raises:
        sqlite3.Error: The file cannot be opened or is no database.
    """
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        if create:
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # FULL: the log is synced before a commit returns, so what was acknowledged survives a power cut as well.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def use_log(connection: sqlite3.Connection, *, busy_seconds: float) -> None:
    """Switches to the write-ahead log; SQLite does not wait for others here by itself, so this does.

    Raises:
        sqlite3.Error: Another process held the file all the while, or it cannot be written.
    """
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction that begins by taking the write lock, and leaves nothing behind where it fails."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """A read transaction: all queries inside it see one moment, whatever others write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Brings the schema up to date; runs inside a transaction of the caller.

    Raises:
        StoreError: A newer version of Bartizan wrote the file, or it is another program's database.
    """
    version, application = schema_version(connection), pragma(connection, "application_id")
    scripts = migrations()
    if version > len(scripts):
        raise StoreError(
            f"{path}: a newer version wrote this ledger (schema {version}, this one knows {len(scripts)})",
            hint="update Bartizan",
        )
    for number, script in enumerate(scripts[version:], start=version + 1):
        for statement in _statements(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
    if application != APPLICATION_ID:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def migrations() -> list[str]:
    """Returns the SQL of every migration, in order."""
    folder = files("bartizan.store.migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def schema_version(connection: sqlite3.Connection) -> int:
    """Returns the number of the last migration that was applied, 0 for an empty file."""
    return pragma(connection, "user_version")


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Returns the value of a numeric pragma."""
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def schema(connection: sqlite3.Connection) -> set[tuple[str, str, str, str]]:
    """Returns type, name, table and SQL of everything that was declared."""
    return set(connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


class Readers:
    """A few read-only connections that take turns, each query with a time limit.

    Args:
        path: The database.
        seconds: How long one query may take, waiting for a connection included.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self._path = path
        self._seconds = seconds
        self._idle: queue.LifoQueue[sqlite3.Connection | None] = queue.LifoQueue()
        self._closed = False
        for _ in range(_READERS):
            self._idle.put(None)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs one query.

        Raises:
            StoreError: It failed, took too long, or the ledger is closed.
        """
        deadline = time.monotonic() + self._seconds
        try:
            connection = self._idle.get(timeout=self._seconds)
        except queue.Empty:
            raise StoreError(f"{self._path}: all readers are busy", hint="raise store.read_seconds") from None
        try:
            if self._closed:
                raise StoreError("the ledger is closed")
            with faults(self._path):
                connection = connection or self._connect()
                connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS_BETWEEN_CHECKS)
                return connection.execute(sql, values).fetchall()
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Closes the connections, after the queries that are under way."""
        self._closed = True
        for _ in range(_READERS):
            connection = self._idle.get()
            if connection is not None:
                connection.close()
        for _ in range(_READERS):
            self._idle.put(None)

    def _connect(self) -> sqlite3.Connection:
        connection = connect(self._path, busy_seconds=self._seconds)
        connection.execute("PRAGMA query_only = ON")
        return connection


def is_ledger(path: Path, *, busy_seconds: float) -> bool:
    """Whether the file is a ledger; an empty file is none yet.

    Raises:
        StoreError: It is another program's database, or cannot be read.
    """
    with faults(path), closing(connect(path, busy_seconds=busy_seconds)) as connection:
        if pragma(connection, "application_id") == APPLICATION_ID:
            return True
        if schema_version(connection) or schema(connection):
            raise StoreError(f"{path}: this database is no ledger", hint="choose another state folder")
        return False


def _statements(script: str) -> Iterator[str]:
    """Yields a script's statements one by one; `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""
