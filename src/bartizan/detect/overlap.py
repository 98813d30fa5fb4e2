"""What one text shares with another, letter for letter, whatever stands between the letters.

Texts are compared as streams: letters and digits only, in small letters, digits that stand for letters being letters.
Every `k`-gram of the known text is kept and the other one is looked up at each `stride`-th place, which finds every
common run of `k + stride - 1` characters, the guarantee of winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: Local
Algorithms for Document Fingerprinting", SIGMOD 2003) with exact grams in the place of hashes. What is found is widened
to the longest common run, so that time is linear in both texts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from bartizan.detect.sentences import Words

_SKELETON = str.maketrans("01345789l", "oieastbgi")
_DENSE = 0x2E80
"""From this code on a character says about as much as a syllable or a word."""
_LATIN, _IDEOGRAPHIC = (14, 8), (5, 2)
"""`k` and stride."""


class Run(NamedTuple):
    """A common run: `size` characters at `at` in the stream and at `source` in the known one."""

    at: int
    source: int
    size: int


@dataclass(frozen=True)
class Stream:
    """The letters and digits of some words, and where each stood."""

    words: Words

    @cached_property
    def text(self) -> str:
        """The characters, comparable with those of other streams."""
        return "".join(self.words.texts).replace("'", "").translate(_SKELETON)

    @cached_property
    def _begins(self) -> list[int]:
        sizes = (len(word.replace("'", "")) for word in self.words.texts)
        return [0, *accumulate(sizes)]

    def span(self, at: int, size: int) -> tuple[int, int]:
        """Returns where in the text the words are that hold `size` characters of the stream from `at`."""
        places = self.words.places
        first, last = places[self.word(at)], places[self.word(at + size - 1)]
        return min(first[0], last[0]), max(first[1], last[1])  # words may be in reverse order

    def word(self, at: int) -> int:
        """Returns the number of the word in which a character of the stream is."""
        return min(bisect_right(self._begins, at) - 1, len(self.words) - 1)


@dataclass(frozen=True)
class Grams:
    """A known text, ready to be looked for."""

    stream: str

    @cached_property
    def _size(self) -> tuple[int, int]:
        dense = sum(ord(character) >= _DENSE for character in self.stream)
        return _IDEOGRAPHIC if dense * 3 > len(self.stream) else _LATIN

    @property
    def shortest(self) -> int:
        """The length of the shortest run that is always found, in characters."""
        return sum(self._size) - 1

    @cached_property
    def _places(self) -> Mapping[str, int]:
        size = self._size[0]
        text = self.stream
        return {text[at : at + size]: at for at in range(len(text) - size, -1, -1)}

    def runs(self, text: str) -> list[Run]:
        """Returns the runs that another stream shares with this one, in its order and without overlap."""
        size, stride = self._size
        places, last = self._places, len(text) - size
        found: list[Run] = []
        at = end = 0
        while at <= last:
            source = places.get(text[at : at + size])
            if source is None:
                at += stride
                continue
            back = self._back(text[end:at], source)
            ahead = self._ahead(text, at + size, source + size)
            found.append(Run(at - back, source - back, back + size + ahead))
            at = end = at + size + ahead
        return [run for run in found if run.size >= self.shortest]

    def _back(self, before: str, source: int) -> int:
        size, most = 0, min(len(before), source)
        while size < most and before[-1 - size] == self.stream[source - size - 1]:
            size += 1
        return size

    def _ahead(self, text: str, at: int, source: int) -> int:
        most = min(len(text) - at, len(self.stream) - source)
        size, step = 0, 64
        while size < most and step:
            if (
                size + step <= most
                and text[at + size : at + size + step] == self.stream[source + size : source + size + step]
            ):
                size += step
            else:
                step //= 2
        return size
