"""Credentials of people and programs: issued once in clear, kept as a hash, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum

from bartizan.core.record import LedgerRecord

PREFIX = "bz"
"""Marks our keys, so that secret scanners can find a leaked one (`bz_<id>_<secret>`)."""
_ID_BYTES = 6
_SECRET_BYTES = 32
_MAX_LENGTH = 200


class Scope(StrEnum):
    """What a credential may do."""

    INFER = "infer"
    CONSOLE = "console"


class Credential(LedgerRecord, frozen=True, kw_only=True, tag="credential"):
    """An API key at rest.

    The secret has 256 random bits, so one fast hash with a salt resists guessing as well as a slow one would.
    """

    name: str
    scopes: tuple[Scope, ...]
    salt: str
    hash: str
    revoked: bool = False

    def allows(self, scope: Scope) -> bool:
        """Whether it is in force and carries the scope."""
        return not self.revoked and scope in self.scopes


def issue(name: str, *scopes: Scope) -> tuple[Credential, str]:
    """Makes a new credential.

    Returns:
        The record to keep, and the key in clear, which is shown once and kept nowhere.
    """
    identity, secret, salt = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES), secrets.token_hex(16)
    record = Credential(id=f"key-{identity}", name=name, scopes=scopes, salt=salt, hash=_hash(salt, secret))
    return record, f"{PREFIX}_{identity}_{secret}"


def identify(key: str) -> str | None:
    """Returns the id of the credential that a presented key claims to be, or None where it is not one of ours."""
    parts = key.split("_", 2) if len(key) <= _MAX_LENGTH else []
    return f"key-{parts[1]}" if len(parts) == len(("prefix", "id", "secret")) and parts[0] == PREFIX else None


def matches(credential: Credential, key: str) -> bool:
    """Whether `key` is this credential's key, compared in constant time."""
    secret = key.split("_", 2)[-1]
    return hmac.compare_digest(_hash(credential.salt, secret), credential.hash)


def _hash(salt: str, secret: str) -> str:
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()
