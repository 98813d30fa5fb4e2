from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bartizan.core.event import Event
from bartizan.errors import StoreError
from bartizan.store import key
from bartizan.store.ledger import Ledger


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    key.ensure(tmp_path)
    key.publish(tmp_path, key.load(tmp_path))
    return tmp_path


def test_the_key_is_made_once_for_its_owner_alone(folder: Path) -> None:
    before = (folder / key.KEY_FILE).read_bytes()
    key.ensure(folder)
    assert (folder / key.KEY_FILE).read_bytes() == before
    assert stat.S_IMODE((folder / key.KEY_FILE).stat().st_mode) == 0o600
    assert key.load_public(folder) == key.public_key(key.load(folder))
    assert sorted(path.name for path in folder.iterdir()) == [key.KEY_FILE, key.PUBLIC_KEY_FILE]


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / key.KEY_FILE).chmod(0o640)
    with pytest.raises(StoreError, match="others may read") as caught:
        key.load(folder)
    assert "chmod 600" in caught.value.hint


def test_a_missing_public_key_is_written_again(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    before = (tmp_path / key.PUBLIC_KEY_FILE).read_bytes()
    (tmp_path / key.PUBLIC_KEY_FILE).unlink()
    Ledger.open(tmp_path).close()
    assert (tmp_path / key.PUBLIC_KEY_FILE).read_bytes() == before


def test_a_missing_key_is_told_and_not_made_anew(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.append(Event(id="e", activity="a.b", outcome="ok")).wait(10)
    (tmp_path / key.KEY_FILE).unlink()
    with pytest.raises(StoreError, match="is missing"):
        Ledger.open(tmp_path)


def test_the_key_of_another_ledger_is_refused(tmp_path: Path) -> None:
    for name in ("one", "other"):
        with Ledger.open(tmp_path / name) as ledger:
            ledger.append(Event(id="e", activity="a.b", outcome="ok")).wait(10)
    (tmp_path / "other" / key.KEY_FILE).replace(tmp_path / "one" / key.KEY_FILE)
    with pytest.raises(StoreError, match="does not belong"):
        Ledger.open(tmp_path / "one")
    (tmp_path / "other" / key.PUBLIC_KEY_FILE).replace(tmp_path / "one" / key.PUBLIC_KEY_FILE)
    with pytest.raises(StoreError, match="another key signed"):
        Ledger.open(tmp_path / "one")


def elliptic() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff" * 20_000, elliptic()])
def test_a_file_that_holds_no_key_is_told(folder: Path, content: bytes) -> None:
    (folder / key.KEY_FILE).write_bytes(content)
    with pytest.raises(StoreError, match="no Ed25519 key"):
        key.load(folder)


@pytest.mark.parametrize("content", [b"", b"no key", b"\xff" * 20_000])
def test_a_public_key_file_that_holds_none_is_told(folder: Path, content: bytes) -> None:
    (folder / key.PUBLIC_KEY_FILE).write_bytes(content)
    with pytest.raises(StoreError, match="no public key"):
        key.load(folder)
