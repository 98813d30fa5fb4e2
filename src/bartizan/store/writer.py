"""The one thread that writes: it commits what has gathered as one group and signs where the ledger stands."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bartizan.config import StoreConfig
from bartizan.errors import InputError, StoreError
from bartizan.store import database, view
from bartizan.store import head as heads
from bartizan.store.checkpoint import Checkpoint
from bartizan.store.head import Head
from bartizan.store.key import public_key, write_file
from bartizan.store.ticket import Ticket

_LOG = logging.getLogger(__name__)
CHECKPOINT_FILE = "checkpoint"
_MAX_GROUP = 32_768
_CHUNKS = (1024, 128, 16, 1)
"""Rows a statement; many at once, because each statement gives up and regains the interpreter lock."""
_PROBE_SECONDS = 1.0
_PUBLISH_SECONDS = 60.0
_FULL_QUEUE_SECONDS = 30.0

Pending = tuple[str, bytes, view.Row]
"""A record on its way: its kind, its bytes, and its row in the view without the sequence number."""


class Group:
    """Records that are committed together, and the ticket that they share."""

    __slots__ = ("publish", "records", "ticket")

    def __init__(self, hurry: Callable[[], None]) -> None:
        self.records: list[Pending] = []
        self.ticket = Ticket(hurry)
        self.publish = False


class Writer:
    """Owns the writing connection and the queue before it.

    Args:
        folder: The state folder.
        connection: A connection that only the thread uses from now on.
        key: What checkpoints are signed with.
        head: Where the ledger stood when it was opened.
        published: The size in the checkpoint file, -1 where there is none.
    """

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        *,
        key: Ed25519PrivateKey,
        head: Head,
        published: int,
        config: StoreConfig,
    ) -> None:
        self._folder = folder
        self._path = folder / database.DATABASE_FILE
        self._file_id = _file_id(self._path)
        self._connection = connection
        self._key = key
        self._public = public_key(key)
        self._config = config
        self._head = head
        self._published = published
        self._publish_at = 0.0
        self._groups: deque[Group] = deque()
        self._waiting = 0
        self._closing = False
        self._urgent = False
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._space = threading.Condition(self._lock)
        self.error: StoreError | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def checkpoint(self) -> Checkpoint:
        """The last one that is durable."""
        return self._head.checkpoint

    def publish(self) -> Checkpoint:
        """Signs again where the ledger stands, after all that is queued, and writes the checkpoint file.

        Raises:
            StoreError: It cannot be written.
        """
        self.submit((), publish=True).wait()
        if self.error is not None:
            raise StoreError(self.error.message, hint=self.error.hint)
        return self.checkpoint

    def submit(self, records: Sequence[Pending], *, publish: bool = False) -> Ticket:
        """Puts records in the queue; waits only where it is full.

        Raises:
            StoreError: The ledger is closed, or the queue stayed full.
        """
        with self._lock:
            if self._waiting and self._waiting + len(records) > self._config.queue:
                self._await_space(len(records))
            if self._closing:
                raise StoreError("the ledger is closed", hint="open it again")
            if not self._groups or self._groups[-1].ticket.done or len(self._groups[-1].records) >= _MAX_GROUP:
                self._groups.append(Group(self._hurry))
                self._work.notify()
            group = self._groups[-1]
            group.records.extend(records)
            group.publish |= publish
            self._waiting += len(records)
            return group.ticket

    def close(self) -> None:
        """Writes what is in the queue, publishes a last checkpoint, and ends the thread."""
        with self._lock:
            self._closing = True
            self._work.notify_all()
            self._space.notify_all()
        self._thread.join()

    def _await_space(self, wanted: int) -> None:
        self._urgent = True
        self._work.notify()
        room = self._space.wait_for(
            lambda: self._closing or not self._waiting or self._waiting + wanted <= self._config.queue,
            timeout=_FULL_QUEUE_SECONDS,
        )
        if not room:
            raise StoreError("the ledger's queue is full and stays full", hint="the disk is too slow or hangs")

    def _run(self) -> None:
        try:
            while (group := self._next()) is not None:
                self._write(group)
            if self.error is None and self._published != self.checkpoint.size:
                self._write(_publication())
        finally:
            self._stop()

    def _stop(self) -> None:
        """Leaves nobody waiting, even where a defect ended the thread."""
        with self._lock:
            abandoned, self._groups, self._waiting = self._groups, deque(), 0
            if not self._closing:
                self._closing, self.error = True, _stopped()
            self._space.notify_all()
        for group in abandoned:
            group.ticket.settle(_stopped())
        self._connection.close()

    def _next(self) -> Group | None:
        """Waits for a group; makes one up where a checkpoint is due or a broken disk should be tried again."""
        with self._lock:
            while not self._fresh() and not self._closing:
                due = self.error is not None or self._published != self.checkpoint.size
                pause = _PROBE_SECONDS if self.error is not None else self._publish_at - time.monotonic()
                if not self._work.wait(max(pause, 0.0) if due else None) and due and not self._fresh():
                    if self._groups:
                        break
                    return _publication()
            if not self._groups:
                return None
            self._let_grow()
            group = self._groups.popleft()
            self._urgent = False
            self._waiting -= len(group.records)
            self._space.notify_all()
            return group

    def _fresh(self) -> bool:
        """Whether a group waits that has not failed, or the disk works again for those that have."""
        return bool(self._groups) and (self.error is None or not self._groups[-1].ticket.done)

    def _let_grow(self) -> None:
        """Waits a little for more records as long as nobody waits for these: a commit costs the same for many."""
        until = time.monotonic() + self._config.linger_seconds
        while not (self._urgent or self._closing or self._groups[0].publish or len(self._groups) > 1):
            left = until - time.monotonic()
            if left <= 0:
                return
            self._work.wait(left)

    def _hurry(self) -> None:
        with self._lock:
            self._urgent = True
            self._work.notify()

    def _write(self, group: Group) -> None:
        failure: StoreError | None = _stopped()
        try:
            with database.faults(self._path):
                self._commit(group)
            failure = None
        except StoreError as error:
            failure = error
        finally:
            # Reached on defects too: whoever waits is told, and the thread ends.
            if failure is not None:
                if self.error is None:
                    _LOG.error("the ledger cannot write: %s (%s)", failure.message, failure.hint)
                self.error = failure
                group.ticket.settle(failure)
        if failure is not None:
            self._keep(group, failure)
            return
        # The records are durable from here on, whatever becomes of the checkpoint file.
        if self.error is not None:
            _LOG.warning("the ledger writes again")
        self.error = None
        if group.publish or time.monotonic() >= self._publish_at:
            try:
                self._publish()
            except StoreError as error:
                self.error = error
        group.ticket.settle()

    def _keep(self, group: Group, failure: StoreError) -> None:
        """Puts a group back that the disk did not take: most appenders do not wait, and count on its being written.

        Nobody waits for a full disk, though: all who do are told now, and the next try is made with all that is there.
        """
        with self._lock:
            if self._closing:
                if group.records:
                    _LOG.error("%d records were not written: %s", len(group.records), failure.message)
                return
            if group.records:
                self._groups.appendleft(group)
                self._waiting += len(group.records)
            for waiting in self._groups:
                waiting.ticket.settle(failure)

    def _commit(self, group: Group) -> None:
        bodies = [body for _, body, _ in group.records]
        with database.transaction(self._connection):
            # A file that was deleted can be written as long as it is open, and everything in it would be lost.
            if _file_id(self._path) != self._file_id:
                raise StoreError(f"{self._path}: the file is gone or was replaced", hint="put it back, and start again")
            head = heads.load(self._connection, self._public, known=self._head)
            hashes, frontier = heads.extend(head, bodies)
            first = head.checkpoint.size + 1
            if bodies:
                self._insert("INSERT INTO entries VALUES ", 3, _interleave(first, bodies, hashes))
                self._file(group.records, first)
            kept = bool(bodies) and head.checkpoint.size - head.checkpoint.previous >= self._config.checkpoint_every
            if bodies and not kept:
                heads.drop(self._connection, head.checkpoint.size)
            chain = hashes[-1] if hashes else head.checkpoint.chain
            new = heads.advance(head, chain, frontier, key=self._key, kept=kept)
            heads.save(self._connection, new)
        self._head = new

    def _file(self, records: list[Pending], first: int) -> None:
        """Enters new versions into the view, kind by kind."""
        rows: dict[str, list[Any]] = {}
        for sequence, (kind, _, row) in enumerate(records, start=first):
            rows.setdefault(kind, []).extend((sequence, *row))
        for kind, values in rows.items():
            self._insert(*view.insertion(kind), values)

    def _insert(self, sql: str, width: int, values: list[Any]) -> None:
        row = f"({', '.join('?' * width)})"
        start, left = 0, len(values) // width
        for chunk in _CHUNKS:
            statement = sql + ", ".join([row] * chunk) if left >= chunk else ""
            while left >= chunk:
                self._connection.execute(statement, values[start : start + chunk * width])
                start, left = start + chunk * width, left - chunk

    def _publish(self) -> None:
        """Writes the checkpoint file, unless another process has written a later one.

        Raises:
            StoreError: The folder cannot be written.
        """
        path, checkpoint = self._folder / CHECKPOINT_FILE, self.checkpoint
        try:
            there = read_checkpoint(self._folder)
            if there is None or there.size <= checkpoint.size:
                write_file(path, checkpoint.note().encode(), mode=0o644)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}", hint="free some space") from error
        self._published = checkpoint.size
        self._publish_at = time.monotonic() + _PUBLISH_SECONDS


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """Reads the checkpoint file of a state folder, or returns None where there is none.

    Raises:
        StoreError: It is not a checkpoint.
        OSError: It cannot be read.
    """
    path = folder / CHECKPOINT_FILE
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return Checkpoint.parse(file.read(20_000))
    except FileNotFoundError:
        return None
    except (InputError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path} is no checkpoint",
            hint="run `bartizan ledger verify`; where nothing else is wrong, remove the file",
        ) from error


def _file_id(path: Path) -> tuple[int, int] | None:
    """Returns what tells this file from any other, None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _stopped() -> StoreError:
    return StoreError("the ledger's writer has stopped", hint="a defect ended it; close the ledger and open it again")


def _publication() -> Group:
    group = Group(_nobody_waits)
    group.publish = True
    return group


def _interleave(first: int, bodies: list[bytes], hashes: list[bytes]) -> list[Any]:
    values: list[Any] = [None] * (3 * len(bodies))
    values[0::3] = range(first, first + len(bodies))
    values[1::3] = bodies
    values[2::3] = hashes
    return values


def _nobody_waits() -> None:
    """What a group of the writer's own does when somebody waits for it, which nobody does."""
