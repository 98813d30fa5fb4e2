"""Proofs about single records: that one is in the ledger, and that the ledger only ever grew. No other record is shown.

A proof is checked with the public key alone, without the ledger: this is what makes selective disclosure possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from bartizan.errors import InputError
from bartizan.store import merkle
from bartizan.store.checkpoint import Checkpoint, PublicKey
from bartizan.store.merkle import Frontier, leaf_hash

Bodies = Callable[[int, int], Iterable[bytes]]
"""Gives the bytes of the records after one sequence number up to and with another, in order."""


class Inclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Shows that a record stands in the ledger.

    Attributes:
        sequence: Its number, from 1.
        body: The record exactly as it was written, as JSON.
        path: The hashes beside its way to the root (RFC 6962 section 2.1.1).
        checkpoint: The signed note whose root the way leads to.
    """

    sequence: int
    body: str
    path: tuple[bytes, ...]
    checkpoint: str

    def holds(self, key: PublicKey) -> bool:
        """Whether the owner of the key signed a ledger with exactly this record at this place.

        Raises:
            InputError: The checkpoint is none.
        """
        note = Checkpoint.parse(self.checkpoint)
        leaf = leaf_hash(self.body.encode("utf-8", "surrogatepass"))
        return note.signed_by(key) and merkle.verify_inclusion(
            leaf, self.sequence - 1, size=note.size, proof=self.path, root=note.root
        )


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """Shows that the ledger of the older checkpoint is the beginning of that of the newer (RFC 6962 section 2.1.2)."""

    older: str
    newer: str
    path: tuple[bytes, ...]

    def holds(self, key: PublicKey) -> bool:
        """Whether the owner of the key signed both, and nothing that the older covers was changed.

        Raises:
            InputError: A checkpoint is none.
        """
        older, newer = Checkpoint.parse(self.older), Checkpoint.parse(self.newer)
        signed = older.signed_by(key) and newer.signed_by(key)
        return signed and merkle.verify_consistency(
            older.size, newer.size, proof=self.path, old_root=older.root, new_root=newer.root
        )


def prove_inclusion(sequence: int, checkpoint: Checkpoint, bodies: Bodies) -> Inclusion:
    """Makes the proof for one record; hashes all records that the checkpoint covers once, about a second a million.

    Raises:
        InputError: The checkpoint does not cover such a record.
    """
    path = merkle.inclusion_proof(sequence - 1, checkpoint.size, _subtree(bodies))
    (body,) = bodies(sequence - 1, sequence)
    return Inclusion(sequence=sequence, body=body.decode(), path=tuple(path), checkpoint=checkpoint.note())


def prove_consistency(older: Checkpoint, newer: Checkpoint, bodies: Bodies) -> Consistency:
    """Makes the proof that the ledger grew from one checkpoint to the other.

    Raises:
        InputError: The older covers more records than the newer.
    """
    path = merkle.consistency_proof(older.size, newer.size, _subtree(bodies))
    return Consistency(older=older.note(), newer=newer.note(), path=tuple(path))


def _subtree(bodies: Bodies) -> merkle.Subtree:
    def root(start: int, end: int) -> bytes:
        frontier = Frontier()
        for body in bodies(start, end):
            frontier.append(leaf_hash(body))
        if frontier.size != end - start:
            raise InputError("the ledger lacks records that the checkpoint covers", hint="run `bartizan ledger verify`")
        return frontier.root()

    return root
