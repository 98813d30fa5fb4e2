from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import InputError
from bartizan.store.checkpoint import Checkpoint, PublicKey

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PublicKey.of(KEY.public_key().public_bytes_raw())
SIGNED = Checkpoint(
    origin=PUBLIC.name,
    size=20,
    root=hashlib.sha256(b"root").digest(),
    chain=hashlib.sha256(b"chain").digest(),
    previous=10,
    at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
).signed(KEY)


def test_a_note_is_read_back_as_it_was_written_and_checks() -> None:
    found = Checkpoint.parse(SIGNED.note())
    assert found == SIGNED
    assert found.signed_by(PUBLIC)


def test_the_note_has_the_form_of_the_specifications() -> None:
    """By hand, after c2sp.org/signed-note and c2sp.org/tlog-checkpoint."""
    body, _, signature = SIGNED.note().partition("\n\n")
    origin, size, root, *extensions = body.split("\n")
    assert (origin, size) == (PUBLIC.name, "20")
    assert base64.b64decode(root) == SIGNED.root
    assert all(extensions)
    dash, name, encoded = signature.rstrip("\n").split(" ")
    data = base64.b64decode(encoded)
    raw = KEY.public_key().public_bytes_raw()
    assert (dash, name) == ("—", PUBLIC.name)
    assert data[:4] == hashlib.sha256(name.encode() + b"\n\x01" + raw).digest()[:4]
    KEY.public_key().verify(data[4:], f"{body}\n".encode())


def test_another_key_or_another_origin_does_not_check() -> None:
    other = Ed25519PrivateKey.generate()
    assert not SIGNED.signed_by(PublicKey.of(other.public_key().public_bytes_raw()))
    assert not msgspec.structs.replace(SIGNED, origin="bartizan/ledger/other").signed(KEY).signed_by(PUBLIC)
    assert not msgspec.structs.replace(SIGNED, signatures=()).signed_by(PUBLIC)


def test_a_witness_may_add_a_signature_of_its_own() -> None:
    cosigned = msgspec.structs.replace(
        SIGNED, signatures=(*SIGNED.signatures, ("witness.example/w", b"1234" + bytes(64)))
    )
    assert Checkpoint.parse(cosigned.note()).signed_by(PUBLIC)


@given(st.integers(0, len(SIGNED.note()) - 1), st.characters())
def test_no_character_can_be_changed_unseen(position: int, character: str) -> None:
    note = SIGNED.note()
    changed = note[:position] + character + note[position + 1 :]
    if changed == note:
        return
    try:
        found = Checkpoint.parse(changed)
    except InputError:
        return
    assert not found.signed_by(PUBLIC)


@given(st.one_of(st.text(), st.text().map(lambda text: SIGNED.note()[: len(text)] + text)))
def test_garbage_gives_the_one_documented_error(text: str) -> None:
    with pytest.raises(InputError):
        Checkpoint.parse(text)


def test_a_public_key_is_read_from_its_line_and_from_its_bytes() -> None:
    assert PublicKey.parse(PUBLIC.encode().encode() + b"\n") == PUBLIC
    assert PublicKey.parse(PUBLIC.raw) == PUBLIC
    assert PublicKey.parse(PUBLIC.raw).hash == PUBLIC.hash


@given(st.binary(max_size=200).filter(lambda data: len(data) != 32))
def test_what_is_no_public_key_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        PublicKey.parse(data)
