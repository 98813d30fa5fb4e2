from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bartizan.core.event import Event
from bartizan.errors import InputError
from bartizan.store.checkpoint import PublicKey
from bartizan.store.key import load_public
from bartizan.store.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as opened:
        opened.append(*(Event(id=f"e{number}", activity="a.b", outcome="ok") for number in range(37))).wait(10)
        yield opened


@pytest.fixture
def key(ledger: Ledger) -> PublicKey:
    return load_public(ledger.folder)


def test_each_record_is_proved_and_no_changed_one(ledger: Ledger, key: PublicKey) -> None:
    for entry in ledger.entries():
        proof = ledger.prove(entry.sequence)
        assert msgspec.json.decode(proof.body, type=Event) == entry.record
        assert msgspec.json.decode(msgspec.json.encode(proof), type=type(proof)).holds(key)
        for change in (
            {"body": proof.body.replace('"ok"', '"no"')},
            {"sequence": entry.sequence % 37 + 1},
            {"path": proof.path[1:]},
            {"checkpoint": proof.checkpoint.replace("\n37\n", "\n38\n")},
        ):
            assert not msgspec.structs.replace(proof, **change).holds(key)


def test_growth_is_proved_from_any_checkpoint(ledger: Ledger, key: PublicKey, tmp_path: Path) -> None:
    for number in range(9):
        older = ledger.checkpoint()
        ledger.append(*(Event(id=f"n{number}-{part}", activity="a.b", outcome="ok") for part in range(number))).wait(10)
        assert ledger.prove_growth(older).holds(key)
    proof = ledger.prove_growth(older)
    assert not msgspec.structs.replace(proof, path=(bytes(32), *proof.path[1:])).holds(key)
    with Ledger.open(tmp_path / "other") as other:
        other.append(*(Event(id=f"e{number}", activity="a.b", outcome="ok") for number in range(80))).wait(10)
        assert not other.prove_growth(older).holds(load_public(other.folder))


def test_what_is_not_there_cannot_be_proved(ledger: Ledger, tmp_path: Path) -> None:
    for sequence in (0, 38, -1):
        with pytest.raises(InputError):
            ledger.prove(sequence)
    with Ledger.open(tmp_path / "empty") as empty, pytest.raises(InputError, match="no prefix"):
        empty.prove_growth(ledger.checkpoint())
