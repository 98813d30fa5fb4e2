"""Computed checks that tell a real number or key from digits and letters that merely look like one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

_SECRET_BITS = 3.2
_VARIED_BITS = 2.5


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


VALIDATORS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {"looks_random": looks_random, "looks_varied": looks_varied}
)
"""What a TOML record may name as its `validator`."""
