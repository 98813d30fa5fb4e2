"""The head: the last signed checkpoint with what is needed to append after it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from hashlib import sha256

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bartizan.errors import InputError, StoreError
from bartizan.store.checkpoint import Checkpoint, PublicKey
from bartizan.store.merkle import EMPTY_ROOT, HASH_BYTES, Frontier

GENESIS = bytes(HASH_BYTES)
"""The hash before the first record."""

_ALTERED = "run `bartizan ledger verify`; nothing is appended to a ledger that was altered"


class Head(msgspec.Struct, frozen=True):
    """The last checkpoint, and the Merkle frontier at its size."""

    checkpoint: Checkpoint
    frontier: Frontier


def link(previous: bytes, leaf: bytes) -> bytes:
    """Returns the hash chain's next value: over the value before and the leaf hash of the record."""
    return sha256(b"\x02" + previous + leaf).digest()


def extend(head: Head, bodies: list[bytes]) -> tuple[list[bytes], Frontier]:
    """Returns the chain values of new records after the head, and the frontier with them."""
    chain, frontier, hashes = head.checkpoint.chain, head.frontier.copy(), []
    for body in bodies:
        leaf = sha256(b"\x00" + body).digest()
        chain = sha256(b"\x02" + chain + leaf).digest()
        frontier.append(leaf)
        hashes.append(chain)
    return hashes, frontier


def first(key: Ed25519PrivateKey) -> Head:
    """Returns the signed head of an empty ledger."""
    origin = PublicKey.of(key.public_key().public_bytes_raw()).name
    empty = Checkpoint(origin=origin, size=0, root=EMPTY_ROOT, chain=GENESIS, previous=0, at=datetime.now(UTC))
    return Head(empty.signed(key), Frontier())


def advance(head: Head, chain: bytes, frontier: Frontier, *, key: Ed25519PrivateKey, kept: bool) -> Head:
    """Returns the signed head after new records; `kept` says that the one before stays in the database."""
    old = head.checkpoint
    new = Checkpoint(
        origin=old.origin,
        size=frontier.size,
        root=frontier.root(),
        chain=chain,
        previous=old.size if kept else old.previous,
        at=datetime.now(UTC),
    )
    return Head(new.signed(key), frontier)


def save(connection: sqlite3.Connection, head: Head) -> None:
    """Writes the head as the last row of the checkpoints."""
    connection.execute(
        "INSERT OR REPLACE INTO checkpoints (size, note, frontier) VALUES (?, ?, ?)",
        (head.checkpoint.size, head.checkpoint.note(), head.frontier.to_bytes()),
    )


def drop(connection: sqlite3.Connection, size: int) -> None:
    """Removes the head that a newer one takes the place of."""
    connection.execute("DELETE FROM checkpoints WHERE size = ?", (size,))


def load(connection: sqlite3.Connection, key: PublicKey, *, known: Head | None = None) -> Head:
    """Reads the head and checks that it is ours, that its frontier fits, and that no record is missing or added.

    Args:
        connection: Inside a transaction, so that all is of one moment.
        key: The key that must have signed it.
        known: A head that was checked before, which need not be checked again.

    Raises:
        StoreError: The ledger was altered, or another key signed it.
    """
    row = connection.execute("SELECT size, note, frontier FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()
    last = connection.execute("SELECT sequence, hash FROM entries ORDER BY sequence DESC LIMIT 1").fetchone()
    if row is None:
        raise StoreError("the ledger has lost its checkpoints", hint=_ALTERED)
    if known is not None and row[0] == known.checkpoint.size and row[1] == known.checkpoint.note():
        head = known
    else:
        head = _parse(row, key)
    if (last or (0, GENESIS)) != (head.checkpoint.size, head.checkpoint.chain):
        raise StoreError("the ledger's records do not end where its last checkpoint says", hint=_ALTERED)
    return head


def _parse(row: tuple[int, str, bytes], key: PublicKey) -> Head:
    try:
        checkpoint = Checkpoint.parse(row[1])
        frontier = Frontier.from_bytes(row[0], row[2])
    except (InputError, TypeError) as error:
        raise StoreError("the ledger's last checkpoint was altered", hint=_ALTERED) from error
    if checkpoint.origin != key.name:
        raise StoreError("another key signed this ledger", hint="restore the key pair that belongs to it")
    if not checkpoint.signed_by(key) or checkpoint.size != row[0] or frontier.root() != checkpoint.root:
        raise StoreError("the ledger's last checkpoint was altered", hint=_ALTERED)
    return Head(checkpoint, frontier)
