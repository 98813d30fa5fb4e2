"""The ways in which an answer may say something without saying it: codes, ciphers and letters apart.

Codes are read where they stand. Ciphers are recognised by the words of the text that is looked for, enciphered: an
ordinary answer holds none of them, so that nothing is deciphered without a reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import NamedTuple

from bartizan.detect.codes import CODES
from bartizan.detect.encodings import ENCODINGS
from bartizan.detect.lettering import ATBASH, BRAILLE, ROT47, UPSIDE_DOWN, pig, shifted
from bartizan.detect.sentences import STOP, Words, words

_MIN_WORD = 5
_MIN_SIGNS = 3
_MOST_WORDS = 400
_DEPTH = 2
_MAX_RUNS = 200
_LEET = re.compile(r"[a-zA-Z][0134578@$!|+][a-zA-Z@$!|+0-9]")
_LEET_SHARE = 20
_LINE = re.compile(r"(?m)^[^\w\n]{0,20}(?:\d{1,3}[.):] )?([^\W\d_])")
_FIRST = re.compile(r"(?m)^[^\w\n]{0,20}(?:\d{1,3}[.):] )?([^\W\d_]+)")
_SENTENCE = re.compile(r"(?:^|[.!?]\s)\W{0,5}([^\W\d_])")
_LEET_SIGNS = str.maketrans("@$!|+", "asiit")
_INITIALS = 24
_NUMBERED = 4
_ALPHABETS = (
    ("braille", "".join(map(chr, BRAILLE)), BRAILLE),
    ("upside down", "\u0250\u01dd\u0287\u0279", UPSIDE_DOWN),
)
_RUNS = tuple({one.key: one for one in ENCODINGS if one.runs}.values())
_ROT47_SIGNS = (" E96 ", " J@F ", " J@FC ", " 2?5 ", " H:E9 ")


class Reading(NamedTuple):
    """An answer as it may be read: its words with their places in the answer as it stands, and how they were hidden."""

    words: Words
    how: str = ""


def coded(text: str) -> Iterator[Reading]:
    """Yields what runs in a code say; every word of a run has the place of the run."""
    yield from _coded(text, None, _DEPTH)


def _coded(text: str, place: tuple[int, int] | None, depth: int) -> Iterator[Reading]:
    for count, (start, end, name, plain) in enumerate(_runs(text)):
        if count >= _MAX_RUNS:
            return
        first, last = place or (start, end)
        read = words(plain).texts
        yield Reading(Words(read, partial(_same, (first, last), len(read))), name)
        if depth > 1:
            for inner in _coded(plain, (first, last), depth - 1):
                yield Reading(inner.words, f"{name}+{inner.how}")


def _same(place: tuple[int, int], count: int) -> Sequence[tuple[int, int]]:
    return [place] * count


def _runs(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yields start, end, name and text of every run in a code."""
    for encoding in _RUNS:
        if encoding.mark in text and not (encoding.name in {"tags", "selectors"} and text.isascii()):
            for start, end, plain in encoding.found(text):
                yield start, end, encoding.name, plain
    for code in CODES:
        for start, end, plain in code.found(text) if code.is_possible(text) else ():
            yield start, end, code.name, plain


def apart(text: str, plain: Words) -> Iterator[Reading]:
    """Yields the readings in which letters, not words, are what counts, and the one backwards.

    Args:
        text: The answer.
        plain: Its words.
    """
    texts = plain.texts
    yield Reading(_backwards(plain), "reversed")
    yield Reading(Words(texts[::-1], lambda: plain.places[::-1]), "words in reverse order")
    if len(texts) >= _INITIALS:
        yield Reading(plain.become([word[:1] for word in texts]), "first letters of words")
    yield from _lines(text)
    letters = [*map(len, texts)].count(1)
    if letters >= _INITIALS and 2 * letters > len(texts):
        for name, read in _DECIPHER.items():
            yield Reading(plain.become([read(word) for word in texts]), f"{name}, letter by letter")
    if sum(map(str.isdigit, texts)) * _NUMBERED > len(texts):
        yield Reading(plain.become(["" if word.isdigit() else word for word in texts]), "numbered")
    for name, signs, letters_of in () if text.isascii() else _ALPHABETS:
        if sum(map(text.count, signs)) >= _INITIALS:
            turned = words(text.translate(letters_of))
            yield Reading(turned, name)
            yield Reading(_backwards(turned), f"{name}, reversed")
    if any(sign in text for sign in _ROT47_SIGNS):
        yield Reading(words(text.translate(ROT47)), "rot47")
    if len(_LEET.findall(text)) >= max(_MIN_SIGNS, len(texts) / _LEET_SHARE):
        yield Reading(words(text.translate(_LEET_SIGNS)), "leetspeak")


def _backwards(plain: Words) -> Words:
    return Words([word[::-1] for word in reversed(plain.texts)], lambda: plain.places[::-1])


def _lines(text: str) -> Iterator[Reading]:
    lines, ends = text.count("\n"), sum(map(text.count, ".!?"))
    for name, pattern, most in (
        ("letters of lines", _LINE, lines),
        ("letters of sentences", _SENTENCE, ends),
        ("words of lines", _FIRST, lines),
    ):
        found: list[str] = pattern.findall(text) if most + 1 >= _INITIALS else []
        if len(found) >= _INITIALS:
            places = partial(_spans, pattern, text)
            yield Reading(Words([one.lower() for one in found], places), f"first {name}")


def _spans(pattern: re.Pattern[str], text: str) -> Sequence[tuple[int, int]]:
    return [match.span(1) for match in pattern.finditer(text)]


def _translating(letters: Mapping[int, int | str]) -> Callable[[str], str]:
    table = dict(letters)
    return lambda word: word.translate(table)


_ATBASH = _translating(ATBASH)
_VOWELS = str.maketrans("", "", "aeiou")


@dataclass(frozen=True)
class Vocabulary:
    """The words of a text in every cipher, by which a text in one of them is recognised."""

    words: Collection[str]

    @cached_property
    def _signs(self) -> Mapping[str, str]:
        """The name of the cipher in which a word is one of this text; a word in the clear is in none."""
        known = sorted(word for word in set(self.words) if len(word) >= _MIN_WORD and word.isascii() and word.isalpha())
        signs: dict[str, str] = {}
        for word in known[:_MOST_WORDS]:
            for name, write in _CIPHERS.items():
                signs.setdefault(write(word), name)
        for word in (*known, *STOP):
            signs.pop(word, None)
        return signs

    @cached_property
    def _originals(self) -> Mapping[str, Mapping[str, str]]:
        return {name: {_CIPHERS[name](word): word for word in self.words} for name in _BY_WORD}

    def deciphered(self, plain: Words) -> Iterator[Reading]:
        """Yields the answer in the clear for every cipher of which it holds at least three different words."""
        hits = Counter(self._signs[word] for word in self._signs.keys() & set(plain.texts))
        for name, count in hits.items():
            if count >= _MIN_SIGNS:
                known = self._originals.get(name)
                read = (lambda word, known=known: known.get(word, word)) if known else _DECIPHER[name]
                yield Reading(plain.become([read(word) for word in plain.texts]), name)


_CIPHERS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **{f"caesar {by}": _translating(shifted(by)) for by in range(1, 26)},
        "atbash": _ATBASH,
        "letters reversed": lambda word: word[::-1],
        "without vowels": lambda word: word.translate(_VOWELS) if len(word) >= 7 else word,
        "pig latin": pig,
    }
)
_BY_WORD = ("without vowels", "pig latin")
_DECIPHER: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **{f"caesar {by}": _translating(shifted(-by)) for by in range(1, 26)},
        "atbash": _ATBASH,
        "letters reversed": lambda word: word[::-1],
    }
)
