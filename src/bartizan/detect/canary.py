"""Canaries: tokens that are planted in instructions and belong in no answer.

A canary reads `bzq-` and three groups of six letters, such as `bzq-kdhwrm-tqnbvj-fgpcmd`: 56 random bits and 16 that
check them, so that a canary is known for one wherever it turns up, also that of another session. Its letters are
neither vowels nor written as digits, so that no word holds one and no spelling loses one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from string import ascii_lowercase
from typing import NamedTuple

from bartizan.detect.ciphers import Reading, apart, coded
from bartizan.detect.overlap import Stream
from bartizan.detect.sentences import words

PREFIX = "bzq"
_LETTERS = "cdfghjkmnpqrtvwx"
_RANDOM, _CHECK = 7, 2
"""Bytes."""
_SIZE = 2 * (_RANDOM + _CHECK)
_GROUP = 6
_MIN_PART = 9
"""A part of so many characters of a canary, its prefix counted, is not there by chance."""
_BODY = re.compile(f"{PREFIX}(?=([{_LETTERS}]{{{_SIZE}}}))")


class Sighting(NamedTuple):
    """A canary in a text: where, how it was hidden, whether it was planted here, and whether it is whole."""

    start: int
    end: int
    how: str
    is_known: bool
    is_whole: bool


def make_canary(random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Returns a new canary.

    Args:
        random: Gives so many random bytes.
    """
    body = random(_RANDOM)
    letters = _spelled(body + _check(body))
    return "-".join([PREFIX, *(letters[at : at + _GROUP] for at in range(0, _SIZE, _GROUP))])


def canaries(text: str) -> Iterator[str]:
    """Yields the canaries in a text in the clear, as streams of letters, each once."""
    yield from dict.fromkeys(stream for _, stream in _whole(Stream(words(text)).text))


def find_canaries(answer: str, system: Sequence[str] = ()) -> Iterator[Sighting]:
    """Yields the canaries in an answer: in the clear, in pieces, apart, in code or in a cipher.

    Args:
        answer: What the model said.
        system: The instructions, in which canaries may have been planted.
    """
    planted = [canary for text in system for canary in _planted(text)]
    plain = words(answer)
    for reading in (Reading(plain), *coded(answer), *apart(answer, plain)):
        stream = Stream(reading.words)
        text = stream.text
        whole = [at for at, _ in _whole(text)]
        for at in whole:
            known = text[at : at + len(PREFIX) + _SIZE] in planted
            yield Sighting(*stream.span(at, len(PREFIX) + _SIZE), reading.how, is_known=known, is_whole=True)
        if not whole:
            yield from _parts(stream, planted, reading.how)


@lru_cache(maxsize=64)
def _planted(text: str) -> Sequence[str]:
    """Returns the canaries in instructions, which every answer is compared with."""
    return tuple(canaries(text))


def _whole(text: str) -> Iterator[tuple[int, str]]:
    """Yields place and letters of every canary in a stream."""
    for match in _BODY.finditer(text):
        body, check = _bytes(match[1])
        if check == _check(body):
            yield match.start(), PREFIX + match[1]


def _parts(stream: Stream, planted: Sequence[str], how: str) -> Iterator[Sighting]:
    """Yields long parts of planted canaries, and whole ones in a cipher that shifts letters."""
    for canary in planted:
        for by in range(26):
            turned = canary.translate(str.maketrans(ascii_lowercase, ascii_lowercase[by:] + ascii_lowercase[:by]))
            turned = Stream(words(turned)).text
            name = "+".join(filter(None, (how, f"caesar {by}" if by else "")))
            at = stream.text.find(turned)
            if at >= 0:
                yield Sighting(*stream.span(at, len(turned)), name, is_known=True, is_whole=True)
                break
        for at in range(0, len(canary) - _MIN_PART + 1, 3):
            found = stream.text.find(canary[at : at + _MIN_PART])
            if found >= 0:
                yield Sighting(*stream.span(found, _MIN_PART), how, is_known=True, is_whole=False)
                break


def _spelled(data: bytes) -> str:
    return "".join(_LETTERS[byte >> 4] + _LETTERS[byte & 15] for byte in data)


def _bytes(letters: str) -> tuple[bytes, bytes]:
    codes = [_LETTERS.index(letter) for letter in letters]
    data = bytes(high << 4 | low for high, low in zip(codes[::2], codes[1::2], strict=True))
    return data[:_RANDOM], data[_RANDOM:]


def _check(body: bytes) -> bytes:
    return hashlib.sha256(PREFIX.encode() + body).digest()[:_CHECK]
