"""The signing key of a state folder: made on first use, readable by its owner alone, with the public key beside it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from bartizan.errors import InputError, StoreError
from bartizan.store.checkpoint import PublicKey

KEY_FILE = "ledger.key"
PUBLIC_KEY_FILE = "ledger.pub"
_MAX_KEY_BYTES = 10_000
_OTHERS = 0o077


def ensure(folder: Path) -> None:
    """Makes the signing key where there is none yet; several processes may try at once.

    Raises:
        StoreError: The folder cannot be written.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _place(path, pem)
    except OSError as error:
        raise _unwritable(folder, error) from error


def publish(folder: Path, key: Ed25519PrivateKey) -> None:
    """Writes the public key beside the signing key where it is missing.

    Raises:
        StoreError: The folder cannot be written.
    """
    path = folder / PUBLIC_KEY_FILE
    try:
        if not path.exists():
            write_file(path, f"{public_key(key).encode()}\n".encode(), mode=0o644)
    except OSError as error:
        raise _unwritable(folder, error) from error


def load(folder: Path) -> Ed25519PrivateKey:
    """Reads the signing key.

    Raises:
        StoreError: It is missing, not an Ed25519 key, not the one of `ledger.pub`, or others may read it.
    """
    path = folder / KEY_FILE
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise StoreError(f"others may read the signing key {path}", hint=f"chmod 600 {path}")
            key = load_pem_private_key(file.read(_MAX_KEY_BYTES), password=None)
    except FileNotFoundError as error:
        raise StoreError(f"the signing key {path} is missing", hint="restore it from a backup") from error
    except OSError as error:
        raise StoreError(f"the signing key {path} cannot be read: {error.strerror}", hint="check its owner") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StoreError(f"{path} holds no Ed25519 key", hint="restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{path} holds no Ed25519 key", hint="restore it from a backup")
    _check_pair(folder, key)
    return key


def public_key(key: Ed25519PrivateKey) -> PublicKey:
    """Returns the public half."""
    return PublicKey.of(key.public_key().public_bytes_raw())


def load_public(folder: Path) -> PublicKey:
    """Reads the public key file.

    Raises:
        StoreError: It is missing or holds no key.
    """
    path = folder / PUBLIC_KEY_FILE
    try:
        with path.open("rb") as file:
            return PublicKey.parse(file.read(_MAX_KEY_BYTES))
    except OSError as error:
        raise StoreError(f"the public key {path} cannot be read: {error.strerror}") from error
    except InputError as error:
        raise StoreError(f"{path} holds no public key of a ledger", hint="restore it from a backup") from error


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replaces a file in one step, so that no reader and no crash ever sees half of it.

    Raises:
        OSError: The folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_new(draft, data, mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _place(path: Path, data: bytes) -> None:
    """Writes a file unless another process was first; a link never replaces what is there."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write_new(draft, data, 0o600)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _unwritable(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the state folder {folder} cannot be written: {error.strerror}",
        hint="check its owner and mode, and free space",
    )


def _check_pair(folder: Path, key: Ed25519PrivateKey) -> None:
    if (folder / PUBLIC_KEY_FILE).exists() and load_public(folder) != public_key(key):
        raise StoreError(
            f"the signing key in {folder} does not belong to {PUBLIC_KEY_FILE}", hint="restore the pair from a backup"
        )
