"""Computed checks that tell a real number or key from digits and letters that merely look like one."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

_SECRET_BITS = 3.2
_VARIED_BITS = 2.0
_PLACEHOLDERS = frozenset(
    {"password", "pass", "passwd", "pwd", "secret", "user", "example", "changeme", "xxx", "your_password"}
)
_NOT_SECRET = (
    "example",
    "your",
    "placeholder",
    "changeme",
    "dummy",
    "xxxx",
    "....",
    "env",
    "getenv",
    "config",
    "token_",
)


def luhn(digits: str) -> bool:
    """Whether a string of digits carries a right check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = ord(character) - 48
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def entropy(text: str) -> float:
    """Returns the Shannon entropy of the text's characters, in bits a character."""
    if not text:
        return 0.0
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def looks_random(text: str) -> bool:
    """Whether a token has the entropy of a generated key rather than of a word or a placeholder."""
    return entropy(text) >= _SECRET_BITS


def looks_varied(text: str) -> bool:
    """Whether a token is more than a few characters repeated (`xxxxxxxx`, `00000000`)."""
    return entropy(text) >= _VARIED_BITS


def no_placeholder(text: str) -> bool:
    """Whether a password is none of the words that documentation puts in its place."""
    return text.casefold().strip("<>[]{}*$%") not in _PLACEHOLDERS and looks_varied(text[:8] + text)


def looks_like_secret(text: str) -> bool:
    """Whether a value beside the name of a secret is one: random, mixed, and neither code nor a placeholder."""
    lower = text.casefold()
    mixed = any(character.isdigit() for character in text) and any(character.isalpha() for character in text)
    return mixed and looks_random(text) and not any(word in lower for word in _NOT_SECRET) and "://" not in text


def e164(text: str) -> bool:
    """Whether a telephone number has 8 to 15 digits (ITU-T E.164) that are not all the same."""
    digits = "".join(character for character in text if character.isdigit())
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2


def uk_nino(text: str) -> bool:
    """Whether the prefix is one that HM Revenue and Customs gives out."""
    return text[:2] not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def public_ipv4(text: str) -> bool:
    """Whether an IPv4 address is neither private, reserved nor for documentation."""
    try:
        return ipaddress.IPv4Address(text).is_global
    except ValueError:
        return False


VALIDATORS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        check.__name__: check
        for check in (looks_random, looks_varied, no_placeholder, looks_like_secret, e164, uk_nino, public_ipv4)
    }
)
"""What a TOML record may name as its `validator`."""
