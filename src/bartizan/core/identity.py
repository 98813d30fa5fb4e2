"""Ids that are stable and say what they name: the same thing found twice is one thing."""

from __future__ import annotations

import hashlib
import re
import secrets
import time

_UNSAFE = re.compile(r"[^A-Za-z0-9._/@+-]+")
_SLUG_LENGTH = 72
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


def digest(*parts: str, length: int = 10) -> str:
    """Returns `length` hex characters of SHA-256 over the parts, each length-prefixed so that no two can merge."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()[:length]


def slug(text: str) -> str:
    """Returns the tail of `text` in characters that need no quoting in a path, a URL or a shell."""
    return _UNSAFE.sub("-", text).strip("-")[-_SLUG_LENGTH:]


def stable_id(kind: str, name: str, *identity: str) -> str:
    """Returns `kind:name~digest`, the same on every machine for the same kind and identity.

    Args:
        kind: What sort of thing this is, such as `model` or `finding`.
        name: What a person calls it; shortened and cleaned.
        identity: What makes it one thing; `name` alone where nothing is given.
    """
    return f"{kind}:{slug(name)}~{digest(kind, *(identity or (name,)))}"


def unique_id(kind: str) -> str:
    """Returns `kind-TTTTTTTTTTRRRRRRRRRRRR`: sorts by time, 60 random bits, no coordination (after ULID)."""
    return f"{kind}-{_base32(int(time.time() * 1000), 10)}{_base32(secrets.randbits(60), 12)}"


def _base32(number: int, width: int) -> str:
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(5 * (width - 1), -1, -5))
