"""The decoded texts that are worth reading as wholes, by the readers and by the learned stages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from bartizan.detect.markup import UNSEEN
from bartizan.detect.normalise import Folded, Part, View
from bartizan.detect.views import join

MOST: Final = 16
"""How many decoded texts of one call are read as wholes."""
LONGEST: Final = 16_000
"""How many characters of each."""
_LEAST: Final = 16
_AROUND: Final = 400
_SAMPLE: Final = 4_000
_REMEMBERED: Final = 4_096
_WORD = re.compile(r"[^\W\d_]{2,24}(?:['\u2019-][^\W\d_]{1,12})?[.,;:!?)\"'\u2019\u201d]{0,3}")
_LETTER = re.compile(r"[^\W\d_]")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_MIN_WORDS, _MIN_WORD_SHARE = 3, 0.5
_MIN_LETTERS = 0.6
_VOWELS: Final = (0.2, 0.6)
_MIXED = re.compile(
    r"[A-Za-z]['\u2019]?[\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13ff\u2c80-\u2cff\ua4d0-\ua4ff\U00010400-\U0001044f]"
    r"|[\u0370-\u03ff\u0400-\u052f\u0531-\u0587\u13a0-\u13ff\u2c80-\u2cff\ua4d0-\ua4ff\U00010400-\U0001044f][A-Za-z]"
    r"|[\u1d00-\u1d7f\u2460-\u24ff\ua720-\ua7ff\U0001d400-\U0001d7ff\U0001f110-\U0001f18f\U0001f1e6-\U0001f1ff]{2}"
    r"|[A-Za-z][\u0180-\u02af\u200b-\u200f\u2060-\u2064\u00ad\ufeff\ufe00-\ufe0f\U000e0000-\U000e01ef\u0335-\u0338]{1,9}[A-Za-z]"
)
"""What no language writes: a word of two scripts, letters meant for formulas, invisible characters within a word."""


def is_language(text: str) -> bool:
    """Whether the text is plausibly written in words, not numbers, markup, keys or noise."""
    text = text[:_SAMPLE]
    tokens = text.split()
    solid = sum(map(len, tokens))
    letters = _LETTER.findall(text)
    if len(text) < _LEAST or len(letters) < _MIN_LETTERS * solid:
        return False
    plain = [letter for letter in letters if letter.isascii()]
    if 2 * len(plain) < len(letters):
        return True
    words = sum(_WORD.fullmatch(token) is not None for token in tokens)
    vowels = sum(_VOWEL.match(letter) is not None for letter in plain)
    return words >= max(_MIN_WORDS, _MIN_WORD_SHARE * len(tokens)) and _VOWELS[0] * len(plain) <= vowels <= _VOWELS[
        1
    ] * len(plain)


def is_disguised(text: str) -> bool:
    """Whether letters of the text were chosen to look like others, so that what it folds to is worth reading."""
    return len(list(islice(_MIXED.finditer(text), 2))) > 1


class Inner:
    """Decoded texts of one call, each once, in the order in which they were found.

    Attributes:
        left_out: The segments of which some was found and not kept.
        offered: How many were found, kept or not.
    """

    def __init__(self) -> None:
        self.left_out: set[int] = set()
        self.offered = 0
        self._kept: list[tuple[int, View]] = []
        self._rest: dict[int, list[View]] = {}
        self._known: set[tuple[int, str]] = set()

    def __iter__(self) -> Iterator[tuple[int, View]]:
        """Yields what was kept, with the index of its segment; what comes late and is short, in one text a segment."""
        yield from self._kept
        for index, views in self._rest.items():
            yield index, (views[0] if len(views) == 1 else join(views[0].how, views))

    def __len__(self) -> int:
        return len(self._kept) + len(self._rest)

    def offer(self, index: int, view: View) -> None:
        """Keeps what is new and plausibly language in a decoded text of a segment."""
        for part in _parts(view):
            key = (index, part.text.strip())
            if key in self._known or not is_language(part.text):
                continue
            if len(self._known) < _REMEMBERED:
                self._known.add(key)
            self.offered += 1
            self._keep(index, part)

    def _keep(self, index: int, part: View) -> None:
        if len(self._kept) < MOST - 1:
            self._kept.append((index, part))
            return
        others = self._rest.get(index, [])
        if sum(len(other.text) for other in others) + len(part.text) > LONGEST or (not others and len(self) >= MOST):
            self.left_out.add(index)
        else:
            self._rest.setdefault(index, []).append(part)


def _parts(view: View) -> Iterable[View]:
    """Yields the part of a view that differs from its parent, with a little around it, in pieces."""
    start, end = view.focus or (0, len(view.text))
    start, end = max(0, start - _AROUND), min(len(view.text), end + _AROUND)
    if (start, end) == (0, len(view.text)) and end <= LONGEST and not isinstance(view, Folded):
        yield view
        return
    how = (*view.how, "disguised letters") if isinstance(view, Folded) else view.how
    for at in range(start, end, LONGEST):
        yield Part(text=view.text[at : min(end, at + LONGEST)], how=how, parent=view, at=at)


def is_unseen(view: View) -> bool:
    """Whether the text is in a part of markup that nobody sees, so that it is content, whoever sends it."""
    return bool(UNSEEN & set(view.how))
