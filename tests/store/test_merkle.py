from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import InputError
from bartizan.store.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots of the reference tests of Certificate Transparency (merkle_tree_test.cc).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert tree_root([leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES[:size]]).hex() == ROOTS[size]


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert leaf_hash(b"a" * 64) != node_hash(b"a" * 32, b"a" * 32)
    assert leaf_hash(b"") == hashlib.sha256(b"\x00").digest()
    assert tree_root([]) == EMPTY_ROOT


@given(st.integers(0, 200), st.integers(0, 50))
def test_a_frontier_that_was_saved_grows_on_to_the_same_root(first: int, more: int) -> None:
    every = leaves(first + more)
    frontier = Frontier()
    for leaf in every[:first]:
        frontier.append(leaf)
    again = Frontier.from_bytes(first, frontier.to_bytes())
    for leaf in every[first:]:
        again.append(leaf)
    assert again.root() == tree_root(every)
    assert frontier.root() == tree_root(every[:first])


@pytest.mark.parametrize(("size", "data"), [(1, b""), (2, bytes(64)), (3, bytes(63)), (-1, b""), (0, bytes(32))])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(InputError):
        Frontier.from_bytes(size, data)


@given(st.data())
def test_inclusion_is_proved_for_each_leaf_and_for_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    every = leaves(size)
    proof = inclusion_proof(index, size, lambda start, end: tree_root(every[start:end]))
    root = tree_root(every)
    assert verify_inclusion(every[index], index, size=size, proof=proof, root=root)
    assert len(proof) <= size.bit_length()
    other = data.draw(st.integers(0, size).filter(lambda number: number != index))
    assert not verify_inclusion(every[index], other, size=size, proof=proof, root=root)
    assert not verify_inclusion(leaf_hash(b"forged"), index, size=size, proof=proof, root=root)
    assert not verify_inclusion(every[index], index, size=size, proof=[*proof, bytes(32)], root=root)
    assert not proof or not verify_inclusion(every[index], index, size=size, proof=proof[:-1], root=root)


@given(st.data())
def test_consistency_is_proved_for_each_prefix_and_for_no_other(data: st.DataObject) -> None:
    new = data.draw(st.integers(0, 70))
    old = data.draw(st.integers(0, new))
    every = leaves(new)
    proof = consistency_proof(old, new, lambda start, end: tree_root(every[start:end]))
    old_root, new_root = tree_root(every[:old]), tree_root(every)
    assert verify_consistency(old, new, proof=proof, old_root=old_root, new_root=new_root)
    if old > 0:
        forged = tree_root([*every[: old - 1], leaf_hash(b"forged")])
        assert not verify_consistency(old, new, proof=proof, old_root=forged, new_root=new_root)
    assert not verify_consistency(old, new, proof=[*proof, bytes(32)], old_root=old_root, new_root=new_root)
    assert (
        not verify_consistency(old, new, proof=proof, old_root=old_root, new_root=leaf_hash(b"forged"))
        or old == 0 < new
    )
    assert not verify_consistency(new + 1, new, proof=proof, old_root=old_root, new_root=new_root)


def test_proofs_outside_the_tree_are_refused() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(InputError):
            inclusion_proof(index, size, lambda _start, _end: EMPTY_ROOT)
    with pytest.raises(InputError):
        consistency_proof(4, 3, lambda _start, _end: EMPTY_ROOT)
