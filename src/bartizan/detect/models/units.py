"""Units: the words, characters and marks that both learned stages count, with their places in the text.

Text is never rewritten as a whole: a unit is cut out of the original and made plain by itself, so that the place of
whatever a model points at is exact.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

_SEGMENTED: Final = (
    "\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
"""Scripts that put no blanks between words, and Hangul, whose words carry their particles: one unit a character."""
_MARKS: Final = (
    "\u00ad\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef"
)
"""What may stand inside a word without being a letter: combining marks, and invisible characters that break it up."""
_UNIT: Final = re.compile(rf"[^\W_{_SEGMENTED}]+(?:[{_MARKS}]+[^\W_{_SEGMENTED}]*)*|[{_SEGMENTED}]|[^\w\s{_MARKS}]|_")
_INVISIBLE: Final = re.compile("[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_POINTS: Final = re.compile("[\u0591-\u05c7\u0640\u064b-\u0652\u0670]")
"""Vowel points and stretching, which Hebrew and Arabic are written with or without."""
_LATIN: Final = re.compile("[a-z]")
_LOOKALIKES: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u03bf\u03b1\u03b5\u03b9\u03bd\u03c1\u03c4\u0131",
    "aeopcyxijsdhoaeivpti",
)
_LEET: Final = str.maketrans("013457@$!|", "oieastasil")
_LEET_PARTS: Final = re.compile(r"[a-z].*[013457@$!|]|[013457@$!|].*[a-z]")
_LONGEST: Final = 64
"""Longer words are told apart by their beginnings; they are data, not language."""
_SHORT: Final = 5
"""Words of so few letters may have an accent on most of them, as in Vietnamese."""
_KNOWN: Final = 65_536


class Unit(NamedTuple):
    """One unit: `text[start:end]`, made plain."""

    word: str
    start: int
    end: int


def units(text: str) -> list[Unit]:
    """Cuts a text into units, in time linear in its length."""
    return [Unit(plain(found.group()), found.start(), found.end()) for found in _UNIT.finditer(text)]


def words(text: str) -> list[str]:
    """Returns the units of a text without their places."""
    return list(map(plain, _UNIT.findall(text)))


@lru_cache(_KNOWN)
def plain(word: str) -> str:
    """Returns a word as models know it: lower case, compatibility forms, nothing invisible or disguised.

    Accents stay where a language may have put them; a word that is full of them is plain letters in disguise.
    """
    word = word[:_LONGEST]
    if word.isascii():
        return unleet(word.lower())
    word = unicodedata.normalize("NFKC", _INVISIBLE.sub("", word)).lower()
    word = _POINTS.sub("", _ACCENTS.sub("", word))  # those that no single letter holds
    if _LATIN.search(word):
        word = word.translate(_LOOKALIKES)
        bare = _ACCENTS.sub("", unicodedata.normalize("NFD", word))
        if sum(map(str.isascii, word)) * 2 <= len(word) and len(word) > _SHORT:
            word = bare
    return unleet(word)


def unleet(word: str) -> str:
    """Returns the letters that digits stand for in a word that mixes both, such as `1gn0r3`."""
    if len(word) < 4 or not _LEET_PARTS.search(word) or sum(map(str.isdigit, word)) > len(word) // 2:
        return word
    return word.translate(_LEET) if not word[-1].isdigit() or word[0].isdigit() else word
