"""Tokens of the encoder: WordPiece over units (Wu et al. 2016); the longest known word in scripts without blanks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from bartizan.detect.models.units import Unit

_LONGEST_WORD: Final = 40
"""Longer words are data (hashes, base64, paths without breaks): one unknown token."""
_LONGEST_SEGMENT: Final = 6
_KNOWN: Final = 65_536


class Vocabulary:
    """The pieces that the encoder knows. Safe to share between threads.

    Args:
        pieces: In the order of their ids; `##` begins a piece that continues a word.

    Raises:
        ValueError: A piece that every vocabulary has is missing.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        missing = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"} - self._ids.keys()
        if missing:
            raise ValueError(f"the vocabulary has no {min(missing)}")
        self.begin, self.separator, self.unknown = self._ids["[CLS]"], self._ids["[SEP]"], self._ids["[UNK]"]
        self._pieces = lru_cache(_KNOWN)(self._split)

    def __len__(self) -> int:
        return len(self._ids)

    def encode(self, units: Sequence[Unit]) -> tuple[list[int], list[int]]:
        """Returns the ids of the pieces of `units` and, for each, the index of the unit that it begins in."""
        ids: list[int] = []
        origins: list[int] = []
        at = 0
        while at < len(units):
            word = units[at].word
            size = self._segment(units, at) if len(word) == 1 and not word.isascii() else 1
            if size > 1:
                ids.append(self._ids["".join(unit.word for unit in units[at : at + size])])
                origins.append(at)
            else:
                pieces = self._pieces(word)
                ids += pieces
                origins += [at] * len(pieces)
            at += size
        return ids, origins

    def _segment(self, units: Sequence[Unit], at: int) -> int:
        """Returns how many single characters from here make the longest known word."""
        text = units[at].word
        best, end = 1, units[at].end
        for size, unit in enumerate(units[at + 1 : at + _LONGEST_SEGMENT], 2):
            if unit.start != end or len(unit.word) != 1:
                break
            text += unit.word
            end = unit.end
            if text in self._ids:
                best = size
        return best

    def _split(self, word: str) -> tuple[int, ...]:
        whole = self._ids.get(word)
        if whole is not None:
            return (whole,)
        if len(word) > _LONGEST_WORD:
            return (self.unknown,)
        found: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(word[start:end] if not start else f"##{word[start:end]}")
                if piece is not None:
                    found.append(piece)
                    break
            else:
                return (self.unknown,)
            start = end
        return tuple(found)
