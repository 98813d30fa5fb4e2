"""Tokens of the encoder: the likeliest pieces of each stretch between blanks (unigram segmentation, Kudo 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from bartizan.detect.models.units import Unit

BLANK: Final = "\u2581"
"""What stands for the blank before a stretch (SentencePiece)."""
_LONGEST_WORD: Final = 40
"""Longer words are data (hashes, base64, paths without breaks): one unknown token."""
_LONGEST_STRETCH: Final = 256
"""Longer stretches are cut between units."""
_LONGEST_KNOWN: Final = 24
"""Longer stretches hardly come twice; they are not remembered."""
_UNKNOWN_COST: Final = 10.0
_KNOWN: Final = 65_536

_Pieces = tuple[tuple[int, ...], tuple[int, ...]]
"""Ids, and the character of the stretch, its blank counted, at which each begins."""


class Vocabulary:
    """The pieces that the encoder knows. Safe to share between threads.

    Args:
        pieces: The log probability of each, in the order of their ids.

    Raises:
        ValueError: A piece that every vocabulary has is missing.
    """

    def __init__(self, pieces: Mapping[str, float]) -> None:
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        missing = {"<pad>", "<unk>", "<s>", "</s>"} - self._ids.keys()
        if missing:
            raise ValueError(f"the vocabulary has no {min(missing)}")
        self.begin, self.separator, self.unknown = self._ids["<s>"], self._ids["</s>"], self._ids["<unk>"]
        self._odds = {piece: odds for piece, odds in pieces.items() if not piece.startswith("<") or len(piece) == 1}
        self._longest = max(map(len, self._odds), default=1)
        self._strange = min(self._odds.values(), default=0.0) - _UNKNOWN_COST
        self._remembered = lru_cache(_KNOWN)(self._split)

    @classmethod
    def read(cls, text: str) -> Vocabulary:
        """Reads lines of a piece, a tab and its log probability.

        Raises:
            ValueError: It is not that.
        """
        rows = (line.rpartition("\t") for line in text.rstrip("\n").split("\n"))
        return cls({piece: float(odds) for piece, _, odds in rows})

    def __len__(self) -> int:
        return len(self._ids)

    def encode(self, units: Sequence[Unit], most: int) -> tuple[list[int], list[int]]:
        """Returns the ids of the pieces of `units` and, for each, the index of the unit that it begins in.

        Args:
            units: The words, characters and marks of a text.
            most: How many pieces are wanted; what comes after them is not looked at.
        """
        ids: list[int] = []
        origins: list[int] = []
        at, count = 0, len(units)
        while at < count and len(ids) < most:
            unit = units[at]
            after = at + 1
            if len(unit.word) > _LONGEST_WORD:
                ids.append(self.unknown)
                origins.append(at)
            elif after == count or units[after].start != unit.end:  # a word by itself, as most are
                pieces, begins = self._pieces(unit.word)
                ids += pieces
                origins += [at] * len(begins)
            else:
                after = _end_of_stretch(units, at)
                pieces, begins = self._pieces("".join(one.word for one in units[at:after]))
                owners = [number for number in range(at, after) for _ in units[number].word]
                ids += pieces
                origins += [owners[max(0, begin - 1)] for begin in begins]
            at = after
        return ids[:most], origins[:most]

    def _pieces(self, stretch: str) -> _Pieces:
        return self._remembered(stretch) if len(stretch) <= _LONGEST_KNOWN else self._split(stretch)

    def _split(self, stretch: str) -> _Pieces:
        """Returns the likeliest pieces of a stretch (Viterbi); what no piece begins with is unknown, once in a row."""
        text = BLANK + stretch
        known = self._odds.get(text)
        if known is not None:
            return (self._ids[text],), (0,)
        size = len(text)
        best = [0.0] + [-1e30] * size
        back = [0] * (size + 1)
        odds, longest = self._odds, self._longest
        for start in range(size):
            here = best[start]
            if here + self._strange > best[start + 1]:
                best[start + 1], back[start + 1] = here + self._strange, start
            for end in range(start + 1, min(size, start + longest) + 1):
                found = odds.get(text[start:end])
                if found is not None and here + found > best[end]:
                    best[end], back[end] = here + found, start
        ids: list[int] = []
        begins: list[int] = []
        end = size
        while end:
            start = back[end]
            number = self._ids.get(text[start:end], self.unknown)
            if number == self.unknown and ids and ids[-1] == self.unknown:
                begins[-1] = start
            else:
                ids.append(number)
                begins.append(start)
            end = start
        return tuple(reversed(ids)), tuple(reversed(begins))


def _end_of_stretch(units: Sequence[Unit], start: int) -> int:
    """Returns the index behind the last unit that no blank parts from the one at `start`."""
    size, at = len(units[start].word), start + 1
    while at < len(units) and units[at].start == units[at - 1].end:
        size += len(units[at].word)
        if size > _LONGEST_STRETCH or len(units[at].word) > _LONGEST_WORD:
            break
        at += 1
    return at
