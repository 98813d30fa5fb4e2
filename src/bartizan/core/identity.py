"""Ids that are stable and say what they name: the same thing found twice is one thing."""

from __future__ import annotations

import hashlib
import os
import random
import re
import time

_UNSAFE = re.compile(r"[^A-Za-z0-9._/@+-]+")
_SLUG_LENGTH = 72
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
_SHIFTS = tuple(range(100, -1, -10))
_RANDOM = random.Random()  # noqa: S311  (seeded by the system, and anew in a forked child; a system call an id is slow)
os.register_at_fork(after_in_child=_RANDOM.seed)


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
    """Returns `kind-TTTTTTTTTTRRRRRRRRRRRR`: sorts by time, 60 random bits, no coordination (after ULID).

    It names, it does not protect: whoever sees many of these can guess the next, so it never serves as a secret.
    """
    number = int(time.time() * 1000) << 60 | _RANDOM.getrandbits(60)
    return f"{kind}-{''.join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])}"
