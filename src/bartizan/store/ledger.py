"""The ledger: append records, ask for current state. Thread-safe; several processes may share one folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Generic, Self, TypeVar, Union

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bartizan.config import StoreConfig
from bartizan.core.record import LedgerRecord, kind_of, kinds
from bartizan.errors import InputError, StoreError
from bartizan.store import database, view
from bartizan.store import head as heads
from bartizan.store import key as keys
from bartizan.store.checkpoint import Checkpoint, PublicKey
from bartizan.store.head import Head
from bartizan.store.proof import Consistency, Inclusion, prove_consistency, prove_inclusion
from bartizan.store.ticket import Ticket
from bartizan.store.writer import CHECKPOINT_FILE, Pending, Writer, read_checkpoint

R = TypeVar("R", bound=LedgerRecord)
_NOWHERE: Mapping[str, str | int] = MappingProxyType({})
_DEFAULTS = StoreConfig()
_LARGEST_RECORD = 64_000_000
_PAGE = 5000


class Entry(msgspec.Struct, Generic[R], frozen=True):
    """A record with its place in the ledger: its number, from 1, and the hash chain up to and with it, as hex."""

    sequence: int
    record: R
    hash: str


class Ledger:
    """The ledger of one state folder. Make one with `Ledger.open`, and close it."""

    def __init__(self, folder: Path, *, writer: Writer, readers: database.Readers) -> None:
        self.folder = folder
        self._writer = writer
        self._readers = readers
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Union[tuple(kinds().values())])  # noqa: UP007  (made at run time)
        self._projections = {kind: view.projection(record) for kind, record in kinds().items()}
        self._kinds = {record: kind for kind, record in kinds().items()}

    @classmethod
    def open(cls, folder: Path, config: StoreConfig = _DEFAULTS, *, create: bool = True) -> Ledger:
        """Opens the ledger in `folder`, and makes it with its signing key where there is none and `create` is set.

        Raises:
            StoreError: It cannot be made, read or trusted; what is there is left as it is.
        """
        path = folder / database.DATABASE_FILE
        signing = _prepare(folder, config, create=create)
        with ExitStack() as undo, database.faults(path):
            connection = database.connect(path, create=create, busy_seconds=config.busy_seconds)
            undo.callback(connection.close)
            _bring_up(connection, path, signing=signing, busy_seconds=config.busy_seconds)
            head, published = _stand(connection, folder, keys.public_key(signing))
            undo.pop_all()
        writer = Writer(folder, connection, key=signing, head=head, published=published, config=config)
        return cls(folder, writer=writer, readers=database.Readers(path, config.read_seconds))

    def append(self, *records: LedgerRecord) -> Ticket:
        """Puts records in the queue of the writer; they are written together, in this order, or not at all.

        Never waits for the disk, only where the queue is full. Text that is not Unicode (lone surrogates) is kept
        with replacement characters, so that no hostile input can prevent its own record.

        Returns:
            The ticket, which tells when they are durable.

        Raises:
            InputError: A record holds something that JSON cannot.
            StoreError: The ledger is closed.
        """
        return self._writer.submit([self._pending(record) for record in records])

    def get(self, kind: type[R], record_id: str) -> R | None:
        """Returns the current version, or None where there is no such id.

        Raises:
            StoreError: The ledger cannot be read.
        """
        rows = self._readers.rows(view.latest(kind), (record_id,))
        return self._entry(rows[0]).record if rows else None

    def find(
        self,
        kind: type[R],
        where: Mapping[str, str | int] | None = None,
        *,
        limit: int = 100,
        before: int | None = None,
    ) -> list[Entry[R]]:
        """Returns current versions, newest first.

        Args:
            kind: The class of the records.
            where: Top-level fields and the values they must have. Those in `view.INDEXES` are quick; for others the
                records are read, and their text counts up to the first NUL.
            limit: How many at most.
            before: Only those with a smaller sequence number, for paging.

        Raises:
            InputError: The records have no such field.
            StoreError: The ledger cannot be read, or not in time.
        """
        sql, values = view.selection(kind, where or _NOWHERE, before=before, limit=limit)
        return [self._entry(row) for row in self._readers.rows(sql, values)]

    def count(self, kind: type[LedgerRecord], where: Mapping[str, str | int] | None = None) -> int:
        """Returns the number of current versions; arguments and errors as for `find`."""
        return int(self._readers.rows(*view.counting(kind, where or _NOWHERE))[0][0])

    def tally(
        self, kind: type[LedgerRecord], field: str, where: Mapping[str, str | int] | None = None
    ) -> dict[str, int]:
        """Returns the number of current versions by the value of one field; no value is the empty text."""
        rows = self._readers.rows(*view.tallying(kind, field, where or _NOWHERE))
        return {"" if value is None else str(value): count for value, count in rows}

    def entries(self, after: int = 0, limit: int = 1000) -> list[Entry[LedgerRecord]]:
        """Returns records of all kinds and versions as they were appended, from sequence number `after` + 1.

        Raises:
            StoreError: The ledger cannot be read, or holds a record that this version does not know.
        """
        rows = self._readers.rows(
            "SELECT sequence, body, hash FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?",
            (after, max(0, limit)),
        )
        return [self._entry(row) for row in rows]

    def healthy(self) -> bool:
        """Whether the last write succeeded; while it did not, the writer tries again each second."""
        return self._writer.error is None

    def inodes(self) -> frozenset[tuple[int, int]]:
        """Returns device and number of the ledger's files, which nobody else in this process may open.

        SQLite's locks are POSIX locks: closing any descriptor of a file drops all that the process holds on it, and
        another process may then take away the log that this one still reads (sqlite.org/howtocorrupt.html, 2.2).
        """
        files = [self.folder / f"{database.DATABASE_FILE}{ending}" for ending in ("", "-wal", "-shm")]
        found = [file.stat() for file in files if file.exists()]
        return frozenset((each.st_dev, each.st_ino) for each in found)

    def checkpoint(self) -> Checkpoint:
        """Signs where the ledger stands, with all that was appended before, and writes the checkpoint file.

        Raises:
            StoreError: It cannot be written.
        """
        return self._writer.publish()

    def bodies(self, after: int, through: int) -> Iterator[bytes]:
        """Yields the bytes of records as they were written, in order, a bounded number at a time.

        Raises:
            StoreError: The ledger cannot be read.
        """
        for start in range(after, through, _PAGE):
            sql = "SELECT body FROM entries WHERE sequence > ? AND sequence <= ? ORDER BY sequence"
            for (body,) in self._readers.rows(sql, (start, min(start + _PAGE, through))):
                yield body

    def prove(self, sequence: int) -> Inclusion:
        """Proves that a record is in the ledger, to one who has the public key and sees no other record.

        Raises:
            InputError: There is no such record.
            StoreError: The ledger cannot be read or signed.
        """
        return prove_inclusion(sequence, self.checkpoint(), self.bodies)

    def prove_growth(self, since: Checkpoint) -> Consistency:
        """Proves that nothing was changed since a checkpoint that was kept elsewhere.

        Raises:
            InputError: The checkpoint covers more than the ledger holds.
            StoreError: The ledger cannot be read or signed.
        """
        return prove_consistency(since, self.checkpoint(), self.bodies)

    def close(self) -> None:
        """Writes what is in the queue and closes the files; may be called again."""
        self._writer.close()
        self._readers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pending(self, record: LedgerRecord) -> Pending:
        kind = self._kinds.get(type(record))
        if kind is None:
            raise InputError(f"{type(record).__name__} is no kind of record that the ledger keeps")
        try:
            body = self._encoder.encode(record)
            if b"null" in body:  # what is no number (NaN, infinity) is written as null and could not be read again
                self._decoder.decode(body)
            row = self._projections[kind](record)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            record, body = _cleaned(record)
            row = self._projections[kind](record)
        if len(body) > _LARGEST_RECORD:
            raise InputError(f"the {kind} {record.id} has {len(body)} bytes", hint="cut what it quotes")
        return kind, body, row

    def _entry(self, row: tuple[int, bytes, bytes]) -> Entry[Any]:
        try:
            return Entry(row[0], self._decoder.decode(row[1]), row[2].hex())
        except (msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
            raise StoreError(
                f"record {row[0]} cannot be read: {error}", hint="a newer version wrote it, or it was altered"
            ) from error


def rebuild(folder: Path, config: StoreConfig = _DEFAULTS) -> None:
    """Makes the view of current state anew from the records.

    Raises:
        StoreError: The ledger cannot be read or written.
    """
    path = folder / database.DATABASE_FILE
    if not path.is_file():
        raise StoreError(f"there is no ledger in {folder}", hint="name its state folder with --state")
    with (
        database.faults(path),
        closing(database.connect(path, busy_seconds=config.busy_seconds)) as connection,
        database.transaction(connection),
    ):
        database.migrate(connection, path)
        _rebuild(connection, path)


def _prepare(folder: Path, config: StoreConfig, *, create: bool) -> Ed25519PrivateKey:
    """Makes sure that there is a folder and a key, and that no ledger vanished from it."""
    path = folder / database.DATABASE_FILE
    # Looked at first, because another process may be making the ledger just now, and its file comes last.
    published = (folder / CHECKPOINT_FILE).exists()
    there = path.is_file() and database.is_ledger(path, busy_seconds=config.busy_seconds)
    if published and not there:
        raise StoreError(
            f"{path} is gone, but a checkpoint says that there was a ledger", hint="restore it from a backup"
        )
    if not there and not create:
        raise StoreError(f"there is no ledger in {folder}", hint="`bartizan up` makes one, or name its state folder")
    if not there:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the state folder {folder} cannot be made: {error.strerror}", hint="choose another with --state"
            ) from error
        keys.ensure(folder)
    signing = keys.load(folder)
    keys.publish(folder, signing)
    return signing


def _bring_up(connection: sqlite3.Connection, path: Path, *, signing: Ed25519PrivateKey, busy_seconds: float) -> None:
    """Sets the log mode, applies migrations, remakes an outdated view; writes only where there is something to do."""
    database.use_log(connection, busy_seconds=busy_seconds)
    if database.schema_version(connection) == len(database.migrations()) and view.is_current(connection):
        return
    with database.transaction(connection):
        fresh = database.schema_version(connection) == 0
        database.migrate(connection, path)
        if not view.is_current(connection):
            _rebuild(connection, path)
        if fresh:
            heads.save(connection, heads.first(signing))


def _stand(connection: sqlite3.Connection, folder: Path, key: PublicKey) -> tuple[Head, int]:
    """Returns the checked head, and the size in the checkpoint file, -1 where there is none."""
    try:
        # The file first: what others write meanwhile can only make the database the newer of the two.
        published = read_checkpoint(folder)
    except OSError as error:
        raise StoreError(f"{folder / CHECKPOINT_FILE} cannot be read: {error.strerror}") from error
    with database.snapshot(connection):
        head = heads.load(connection, key)
    size = -1 if published is None else published.size
    if size > head.checkpoint.size:
        missing = size - head.checkpoint.size
        raise StoreError(
            f"{folder}: {missing} records are missing at the ledger's end", hint="run `bartizan ledger verify`"
        )
    return head, size


def _rebuild(connection: sqlite3.Connection, path: Path) -> None:
    try:
        view.rebuild(connection)
    except (msgspec.MsgspecError, UnicodeDecodeError, TypeError, KeyError) as error:
        raise StoreError(f"{path}: a record cannot be read", hint="run `bartizan ledger verify`") from error


def _cleaned(record: LedgerRecord) -> tuple[LedgerRecord, bytes]:
    """Returns the record with what is not Unicode replaced, and its bytes.

    Raises:
        InputError: It holds something else that JSON cannot.
    """
    try:
        plain = msgspec.to_builtins(record)
        body = msgspec.json.encode(_replaced(plain))
        return msgspec.json.decode(body, type=type(record)), body
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"the {kind_of(record)} {record.id!r} cannot be written as JSON: {error}") from error


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_replaced(name): _replaced(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner) for inner in value]
    return value
