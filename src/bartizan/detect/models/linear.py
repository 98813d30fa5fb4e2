"""The linear stage: hashed words, their pieces and their neighbours, weighed by one small table a head.

It costs well under a millisecond a page, clears the great majority of ordinary text, and says which stretches of the
rest are worth the encoder. Feature hashing after Weinberger et al. 2009 (https://arxiv.org/abs/0902.2206).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final
from zlib import crc32

import msgspec

BITS: Final = 18
_MASK: Final = (1 << BITS) - 1
_PAIR, _SKIP, _TRIPLE = 0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35
_GRAMS: Final = (3, 4, 5)
_FORGET: Final = 65_536
"""How many words are remembered; a text of random words must not fill the memory."""


class Head(msgspec.Struct, frozen=True):
    """What the table's numbers of one head mean: `bias + scale * sum / sqrt(units)` is the log odds."""

    scale: float
    bias: float


def own_features(word: str) -> tuple[int, ...]:
    """Returns the buckets of a word and of its pieces of three to five characters."""
    if word.isdigit():
        word = "0" * min(len(word), 5)
    marked = f"<{word}>"
    grams = {marked[at : at + size] for size in _GRAMS for at in range(len(marked) - size + 1)}
    return tuple({crc32(one.encode("utf-8", "surrogatepass")) & _MASK for one in (*grams, word)})


def joint_features(hashes: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yields for each word, given the hashes of all, the buckets it shares with the two words before."""
    before = earlier = 1
    for number in hashes:
        yield (
            ((before * _PAIR) ^ number) & _MASK,
            ((earlier * _SKIP) ^ number) & _MASK,
            (((earlier * _TRIPLE) ^ (before * _PAIR)) + number) & _MASK,
        )
        earlier, before = before, number


def number_of(word: str) -> int:
    """Returns the hash by which a word enters the features that it shares with its neighbours."""
    if word.isdigit():
        word = "0" * min(len(word), 5)
    hashed = crc32(word.encode("utf-8", "surrogatepass"))
    return hashed ^ (hashed >> 15)


class Linear:
    """The tables of all heads. Safe to share between threads.

    Args:
        heads: What each head's numbers mean.
        tables: A signed byte a bucket, for each head.
    """

    def __init__(self, heads: Mapping[str, Head], tables: Mapping[str, array[int]]) -> None:
        self._heads = dict(heads)
        self._tables = dict(tables)
        self._numbers: dict[str, int] = {}
        self._own: dict[str, dict[str, int]] = {name: {} for name in heads}

    @classmethod
    def read(cls, data: bytes) -> Linear:
        """Reads what `dump` wrote.

        Raises:
            ValueError: It is not that.
        """
        size = int.from_bytes(data[:4], "little")
        heads = msgspec.json.decode(data[4 : 4 + size], type=dict[str, Head])
        body = data[4 + size :]
        if len(body) != len(heads) << BITS:
            raise ValueError("the tables of the linear stage are cut short")
        tables = {name: array("b", body[at << BITS : (at + 1) << BITS]) for at, name in enumerate(heads)}
        return cls(heads, tables)

    @staticmethod
    def dump(heads: Mapping[str, Head], tables: Mapping[str, array[int]]) -> bytes:
        """Writes a model for `read`."""
        head = msgspec.json.encode(dict(heads))
        return len(head).to_bytes(4, "little") + head + b"".join(tables[name].tobytes() for name in heads)

    def sums(self, words: Sequence[str], head: str) -> list[int]:
        """Returns the running sum of what each word adds, with its neighbours, beginning with 0."""
        table, own = self._tables[head], self._own[head]
        numbers = self._number(words)
        if len(own) > _FORGET:
            own.clear()
        adds: list[int] = []
        for word, (pair, skip, triple) in zip(words, joint_features(numbers), strict=True):
            alone = own.get(word)
            if alone is None:
                alone = own[word] = sum(table[bucket] for bucket in own_features(word))
            adds.append(alone + table[pair] + table[skip] + table[triple])
        return list(accumulate(adds, initial=0))

    def log_odds(self, total: int, size: int, head: str) -> float:
        """Returns the log odds of a stretch of `size` words that add up to `total`."""
        meaning = self._heads[head]
        return meaning.bias + meaning.scale * total / math.sqrt(max(size, 1))

    def _number(self, words: Sequence[str]) -> list[int]:
        known = self._numbers
        if len(known) > _FORGET:
            known.clear()
        found: list[int] = []
        for word in words:
            number = known.get(word)
            if number is None:
                number = known[word] = number_of(word)
            found.append(number)
        return found
