"""Checks a ledger from outside: needs the folder, a public key and, better still, a checkpoint that was kept elsewhere.

Two questions are answered apart. Integrity: is what is there what was written? Completeness: is all there that was
written? A third answer says whether the view of current state is what the records give. Memory stays bounded.
"""

from __future__ import annotations

import hmac
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from bartizan.core.record import kinds
from bartizan.errors import InputError, StoreError
from bartizan.store import database, view
from bartizan.store.checkpoint import Checkpoint, PublicKey
from bartizan.store.head import GENESIS, link
from bartizan.store.key import load_public
from bartizan.store.merkle import Frontier, leaf_hash
from bartizan.store.writer import CHECKPOINT_FILE, read_checkpoint

_MOST_REASONS = 20


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its reasons, and the first sequence number that is bad where there is one."""

    ok: bool
    reasons: tuple[str, ...] = ()
    first_bad: int | None = None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found.

    Attributes:
        integrity: Whether what is there is what was written.
        completeness: Whether all is there that was written.
        view: Whether current state is what the records give; `bartizan ledger rebuild` mends it.
        records: How many records there are.
        checkpoints: How many signed checkpoints in the database agree with them.
        unsealed: How many records lie after the last checkpoint; ours signs with each commit, so these are not ours.
        unwitnessed: How many records lie after the checkpoint that was kept elsewhere; all, where none was given.
        origin: Which ledger this is.
    """

    integrity: Answer
    completeness: Answer
    view: Answer
    records: int
    checkpoints: int
    unsealed: int
    unwitnessed: int
    origin: str

    @property
    def ok(self) -> bool:
        """Whether all three answers are yes."""
        return self.integrity.ok and self.completeness.ok and self.view.ok


class _Question:
    """Gathers the reasons for a no."""

    def __init__(self) -> None:
        self._reasons: list[str] = []
        self._first: int | None = None

    def fail(self, reason: str, sequence: int | None = None) -> None:
        if len(self._reasons) < _MOST_REASONS:
            self._reasons.append(reason)
        if sequence is not None and (self._first is None or sequence < self._first):
            self._first = sequence

    def answer(self) -> Answer:
        return Answer(ok=not self._reasons, reasons=tuple(self._reasons), first_bad=self._first)


def verify(folder: Path, *, public_key: bytes | None = None, witnessed: Checkpoint | None = None) -> Verification:
    """Checks the ledger in `folder`.

    Args:
        folder: The state folder; it may be in use.
        public_key: The public key, as in `ledger.pub`. Without it the folder's own file is believed, which one who
            can replace all files of the folder could have replaced as well.
        witnessed: A checkpoint that was kept elsewhere; without it nobody can tell that a tail was cut off together
            with all later checkpoints of the folder.

    Raises:
        StoreError: There is no ledger, it cannot be read at all, or there is no usable public key.
    """
    path = folder / database.DATABASE_FILE
    if not path.is_file():
        raise StoreError(f"there is no ledger in {folder}", hint="name its state folder with --state")
    key = PublicKey.parse(public_key) if public_key is not None else load_public(folder)
    examination = _Examination(key, witnessed)
    published = _published(folder, examination)
    with database.faults(path), closing(_connect(path)) as connection:
        try:
            # One read transaction, so that all is seen as of one moment while others append.
            connection.execute("BEGIN")
            examination.structure(connection)
            examination.records(connection, published)
        except (sqlite3.DatabaseError, OverflowError) as error:
            if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_NOTADB")):
                raise
            examination.integrity.fail(f"the database is damaged: {error}")
            examination.broke_off()
    return examination.verification()


def _connect(path: Path) -> sqlite3.Connection:
    """Opens for reading; a folder that nobody can write to is read as a still copy."""
    try:
        connection = database.connect(path)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    # Text is taken as bytes: what is not UTF-8 must be seen, not raised on.
    connection.text_factory = bytes
    return connection


def _published(folder: Path, examination: _Examination) -> Checkpoint | None:
    try:
        found = read_checkpoint(folder)
    except (StoreError, OSError):
        examination.integrity.fail(f"the file {CHECKPOINT_FILE} is no checkpoint")
        return None
    if found is None:
        examination.completeness.fail(f"the file {CHECKPOINT_FILE} is missing")
    return found


class _Examination:
    """One walk over the whole ledger."""

    def __init__(self, key: PublicKey, witnessed: Checkpoint | None) -> None:
        self._key = key
        self._witnessed = witnessed
        self.integrity = _Question()
        self.completeness = _Question()
        self.state = _Question()
        self._frontier = Frontier()
        self._chain = GENESIS
        self._agreed = 0
        self._last_signed = 0

    def verification(self) -> Verification:
        count = self._frontier.size
        return Verification(
            integrity=self.integrity.answer(),
            completeness=self.completeness.answer(),
            view=self.state.answer(),
            records=count,
            checkpoints=self._agreed,
            unsealed=max(0, count - self._last_signed),
            unwitnessed=max(0, count - self._witnessed.size) if self._witnessed else count,
            origin=self._key.name,
        )

    def broke_off(self) -> None:
        """Notes that the walk did not reach the end: what nobody could read, nobody can vouch for."""
        self.completeness.fail("the records cannot be read to the end, so nobody can tell")
        self.state.fail("the records cannot be read to the end, so nobody can tell")

    def structure(self, connection: sqlite3.Connection) -> None:
        """Checks that tables are declared as we declare them, without triggers, and that SQLite finds no damage."""
        declared = {
            tuple(_plain(part) for part in row)
            for row in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        }
        base, views = _expected_schema()
        if not base <= declared:
            self.integrity.fail("the tables of the ledger are not declared as we declare them")
        for row in sorted(map(str, declared - base - views)):
            self.integrity.fail(f"the database declares what we do not: {row[:100]}")
        if not views <= declared:
            self.state.fail("the view of current state is not declared as we declare it")
        if database.pragma(connection, "application_id") != database.APPLICATION_ID:
            self.integrity.fail("the database is not marked as a ledger")
        if database.schema_version(connection) != len(database.migrations()):
            self.integrity.fail("the database has another schema version")
        for (line,) in connection.execute("PRAGMA integrity_check(5)"):
            if line != b"ok":
                self.integrity.fail(f"SQLite finds damage: {_plain(line)[:200]}")

    def records(self, connection: sqlite3.Connection, published: Checkpoint | None) -> None:
        """Walks over records, checkpoints and view side by side, in order."""
        kept = [("the published checkpoint", published), ("the witnessed checkpoint", self._witnessed)]
        outside = {name: checkpoint for name, checkpoint in kept if checkpoint is not None}
        for name, checkpoint in outside.items():
            if not checkpoint.signed_by(self._key):
                self.integrity.fail(f"{name} is not signed by this ledger's key")
        waiting = sorted(outside.items(), key=lambda pair: pair[1].size)
        checkpoints = _Checkpoints(connection, self)
        current = _View(connection, self.state)
        while waiting and waiting[0][1].size == 0:
            self._compare(*waiting.pop(0))
        checkpoints.reach(0)
        rows = connection.execute(
            "SELECT sequence, typeof(sequence), body, typeof(body), hash, typeof(hash) FROM entries ORDER BY sequence"
        )
        for row in rows:
            number = self._frontier.size + 1
            self._record(row, number)
            current.take(row[0], row[2])
            checkpoints.reach(number)
            while waiting and waiting[0][1].size == number:
                self._compare(*waiting.pop(0))
        current.finish()
        checkpoints.finish()
        count = self._frontier.size
        for name, checkpoint in waiting:
            self.completeness.fail(f"{name} counts {checkpoint.size} records, here are {count}", count + 1)
        if count > self._last_signed:
            self.integrity.fail(f"{count - self._last_signed} records follow that nobody signed", self._last_signed + 1)

    def _record(self, row: tuple[Any, ...], number: int) -> None:
        sequence, type_of_sequence, body, type_of_body, stored, type_of_hash = row
        types = (type_of_sequence, type_of_body, type_of_hash)
        if types != (b"integer", b"blob", b"blob"):
            self.integrity.fail(f"record {sequence!r} has columns of other types", number)
            body, stored = _raw(body), _raw(stored)
        expected = self._last_sequence + 1
        self._last_sequence = sequence if isinstance(sequence, int) else expected
        if sequence != expected:
            self.completeness.fail(f"record {expected} is missing", expected)
        leaf = leaf_hash(body)
        self._frontier.append(leaf)
        chain = link(self._chain, leaf)
        if not hmac.compare_digest(chain, stored):
            self.integrity.fail(f"record {sequence} does not follow from the one before it", expected)
        # From here on the stored value counts, so that one altered record is told once; checkpoints catch the rest.
        self._chain = stored

    _last_sequence = 0

    def agree(self, checkpoint: Checkpoint) -> bool:
        """Whether the records so far are those that the checkpoint was signed over."""
        return self._frontier.root() == checkpoint.root and self._chain == checkpoint.chain

    def _compare(self, name: str, checkpoint: Checkpoint) -> None:
        if not self.agree(checkpoint):
            self.integrity.fail(f"the first {checkpoint.size} records are not those of {name}")

    def checkpoint(self, row: tuple[Any, ...], previous: int | None) -> int | None:
        """Checks one row of the database's checkpoints; returns its size where it can be read."""
        size, type_of_size, note, type_of_note, frontier, type_of_frontier = row
        where = f"the checkpoint at {size!r}"
        if (type_of_size, type_of_note, type_of_frontier) != (b"integer", b"text", b"blob"):
            self.integrity.fail(f"{where} has columns of other types")
            return None
        try:
            found = Checkpoint.parse(note.decode("utf-8"))
        except (InputError, UnicodeDecodeError):
            self.integrity.fail(f"{where} is no checkpoint")
            return None
        if found.size != size or len(found.signatures) != 1 or not found.signed_by(self._key):
            self.integrity.fail(f"{where} is not signed by this ledger's key")
            return None
        if size > self._frontier.size:
            self.completeness.fail(f"{where} counts records that are missing", self._frontier.size + 1)
        elif size < self._frontier.size or not self.agree(found) or frontier != self._frontier.to_bytes():
            self.integrity.fail(f"the first {size} records are not those of {where}")
        else:
            self._agreed += 1
        if found.previous != (previous or 0):
            self.completeness.fail(f"{where} follows one at {found.previous}, which is missing")
        self._last_signed = max(self._last_signed, size)
        return int(size)


class _Checkpoints:
    """The database's checkpoints, taken as the walk reaches their size."""

    def __init__(self, connection: sqlite3.Connection, examination: _Examination) -> None:
        self._rows: Iterator[tuple[Any, ...]] = connection.execute(
            "SELECT size, typeof(size), note, typeof(note), frontier, typeof(frontier) FROM checkpoints ORDER BY size"
        )
        self._examination = examination
        self._next = next(self._rows, None)
        self._previous: int | None = None
        if self._next is None:
            examination.completeness.fail("the database has no checkpoint")

    def reach(self, count: int) -> None:
        while (row := self._next) is not None and not (isinstance(row[0], int) and row[0] > count):
            self._take(row)

    def finish(self) -> None:
        while (row := self._next) is not None:
            self._take(row)

    def _take(self, row: tuple[Any, ...]) -> None:
        self._next = next(self._rows, None)
        size = self._examination.checkpoint(row, self._previous)
        self._previous = self._previous if size is None else size


class _View:
    """The tables of current state, read in step with the records."""

    def __init__(self, connection: sqlite3.Connection, question: _Question) -> None:
        self._connection = connection
        self._question = question
        self._rows: dict[str, Iterator[Any]] = {}
        self._next: dict[str, Any] = {}
        for kind in kinds():
            try:
                self._rows[kind] = connection.execute(view.entry_query(kind))
                self._next[kind] = next(self._rows[kind], None)
            except sqlite3.OperationalError:
                question.fail(f"the table of {kind} cannot be read")
                self._rows.pop(kind, None)

    def take(self, sequence: int, body: bytes) -> None:
        """Compares what the view holds for one record."""
        try:
            record = msgspec.json.decode(body)
            kind, identity = record["record"], record["id"]
            expected = (sequence, *(_bytes(value) for value in view.expected(kind, record)))
        except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError, TypeError, KeyError):
            self._question.fail(f"record {sequence} cannot be read", sequence)
            return
        if kind not in self._rows:
            return
        row = self._next[kind]
        while row is not None and row[0] < sequence:
            self._question.fail(f"current state names record {row[0]} as a {kind}, which it is not", row[0])
            row = next(self._rows[kind], None)
        if row is None or row[0] != sequence:
            self._superseded(kind, identity, sequence)
        elif row != expected:
            self._question.fail(f"current state differs from record {sequence}", sequence)
        if row is not None and row[0] == sequence:
            row = next(self._rows[kind], None)
        self._next[kind] = row

    def finish(self) -> None:
        for kind, row in self._next.items():
            if row is not None:
                self._question.fail(f"current state names a {kind} {row[0]} that is not in the records")

    def _superseded(self, kind: str, identity: str, sequence: int) -> None:
        sql = f'SELECT sequence FROM "{kind}" WHERE id = ?'  # noqa: S608  (a kind of our own records)
        latest = self._connection.execute(sql, (identity,)).fetchone()
        if latest is None or latest[0] < sequence:
            self._question.fail(f"current state lacks record {sequence}", sequence)


@cache
def _expected_schema() -> tuple[frozenset[tuple[str, ...]], frozenset[tuple[str, ...]]]:
    """Returns what migrations declare, and what the view declares beside it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        database.migrate(connection, Path(":memory:"))
        base: frozenset[tuple[str, ...]] = frozenset(database.schema(connection))
        view.rebuild(connection)
        return base, frozenset(database.schema(connection)) - base


def _plain(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _bytes(value: Any) -> Any:
    return value.encode("utf-8") if isinstance(value, str) else value


def _raw(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
