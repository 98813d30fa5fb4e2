"""The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1): roots, a frontier that grows, proofs. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from bartizan.errors import InputError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]
"""Gives the root over the leaves from `start` (inclusive) to `end` (exclusive)."""


def leaf_hash(data: bytes) -> bytes:
    """Returns the hash of a leaf; the prefix keeps leaves and nodes apart (second preimages)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the full subtrees of a growing tree, the largest first: all that appending needs to know.

    Args:
        size: How many leaves the tree has.
        roots: One root of 32 bytes for each bit set in `size`, from the highest.

    Raises:
        InputError: There are more or fewer roots than `size` has bits set.
    """

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, roots: Sequence[bytes] = ()) -> None:
        if size < 0 or len(roots) != size.bit_count() or any(len(root) != HASH_BYTES for root in roots):
            raise InputError(f"a Merkle frontier of size {size} cannot have {len(roots)} roots")
        self.size = size
        self._roots = list(roots)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Reads what `to_bytes` wrote.

        Raises:
            InputError: The bytes do not fit the size.
        """
        return cls(size, [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)])

    def to_bytes(self) -> bytes:
        """Returns the roots one after the other."""
        return b"".join(self._roots)

    def copy(self) -> Frontier:
        """Returns a frontier that grows independently."""
        return Frontier(self.size, self._roots)

    def append(self, leaf: bytes) -> None:
        """Adds a leaf, given as its hash; amortised one node hash."""
        roots, size = self._roots, self.size
        while size & 1:
            leaf = node_hash(roots.pop(), leaf)
            size >>= 1
        roots.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Returns the root of the whole tree."""
        if not self._roots:
            return EMPTY_ROOT
        result = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            result = node_hash(left, result)
        return result


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Returns the root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Returns the audit path of the leaf at `index` (from 0) in the tree of `size` leaves (RFC 6962 section 2.1.1).

    Raises:
        InputError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise InputError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Returns the proof that the tree of `old` leaves is a prefix of that of `new` (RFC 6962 section 2.1.2).

    Raises:
        InputError: `old` is negative or larger than `new`.
    """
    if not 0 <= old <= new:
        raise InputError(f"a tree of {old} leaves is no prefix of one of {new}")
    if old in {0, new}:
        return []
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start, whole = middle, False
    return ([] if whole else [subtree(start, end)]) + path[::-1]


def verify_inclusion(leaf: bytes, index: int, *, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf hash stands at `index` below `root` (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, result = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            result = node_hash(sibling, result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and result == root


def verify_consistency(  # noqa: C901  (the RFC's algorithm, step by step)
    old: int, new: int, *, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether `proof` shows that the tree of `old` leaves is a prefix of that of `new` (RFC 9162 section 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_result = new_result = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_result, new_result = node_hash(sibling, old_result), node_hash(sibling, new_result)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_result = node_hash(new_result, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_result == old_root and new_result == new_root


def _split(size: int) -> int:
    """Returns the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
