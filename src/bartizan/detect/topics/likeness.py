"""How alike sentences are: by the words and pieces of words that they share, and by the encoder's vectors."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple
from zlib import crc32

from bartizan.detect.models.units import Unit, units
from bartizan.detect.models.windows import SIZE
from bartizan.detect.sentences import STOP
from bartizan.registry import need

_BITS: Final = 20
_GRAMS: Final = (3, 4, 5)
_QUIET: Final = 0.3
"""What a word of no content counts: how something is asked says little of what it is about."""
_BATCH: Final = 8
_REMEMBERED: Final = 4_096

Embed = Callable[[Sequence[Sequence[Unit]]], Sequence[Sequence[float]]]
"""Gives a vector for each of some sentences, in units."""


class Likeness(NamedTuple):
    """How alike a sentence is to each of those known, as cosines.

    Attributes:
        words: By the words and pieces of words.
        vectors: By the encoder's vectors; empty where there are none.
    """

    words: Sequence[float]
    vectors: Sequence[float]


class Sentences:
    """Sentences that others are compared with. Safe to share between threads.

    Words and their pieces are hashed, and weighed by how rare they are among the sentences (TF-IDF, Sparck Jones 1972;
    hashing after Weinberger et al. 2009).

    Args:
        known: The sentences.
        embed: Gives vectors; None where there are none.
    """

    def __init__(self, known: Sequence[str], embed: Embed | None = None) -> None:
        counted = [_features(one) for one in known]
        seen = Counter(bucket for one in counted for bucket in one)
        self._rarity: Mapping[int, float] = {
            bucket: math.log((len(known) + 1) / (count + 1)) for bucket, count in seen.items()
        }
        self._new = math.log(len(known) + 1)
        self._places: dict[int, list[tuple[int, float]]] = {}
        for at, one in enumerate(counted):
            for bucket, share in self._weighed(one).items():
                self._places.setdefault(bucket, []).append((at, share))
        self._size = len(known)
        self._embed = embed
        self._vectors: Any = _unit_length(self._embedded(known)) if embed else None
        self.like = lru_cache(_REMEMBERED)(self._like)

    @property
    def has_vectors(self) -> bool:
        """Whether sentences are compared by vectors too."""
        return self._embed is not None

    def _like(self, text: str) -> Likeness:
        alike = [0.0] * self._size
        for bucket, share in self._weighed(_features(text)).items():
            for at, other in self._places.get(bucket, ()):
                alike[at] += share * other
        if self._vectors is None:
            return Likeness(alike, ())
        return Likeness(alike, (self._vectors @ _unit_length(self._embedded([text]))[0]).tolist())

    def _weighed(self, counted: Mapping[int, float]) -> dict[int, float]:
        weighed = {bucket: count * self._rarity.get(bucket, self._new) for bucket, count in counted.items()}
        length = math.sqrt(sum(one * one for one in weighed.values())) or 1.0
        return {bucket: one / length for bucket, one in weighed.items()}

    def _embedded(self, texts: Sequence[str]) -> list[Sequence[float]]:
        found: list[Sequence[float]] = []
        for at in range(0, len(texts), _BATCH):
            windows = [units(one)[:SIZE] for one in texts[at : at + _BATCH]]
            found += self._embed(windows) if self._embed else ()
        return found


def _features(text: str) -> dict[int, float]:
    counted: dict[int, float] = {}
    words = [unit.word for unit in units(text)]
    for word in words:
        share = _QUIET if word in STOP else 1.0
        for bucket, count in _pieces(word):
            counted[bucket] = counted.get(bucket, 0.0) + share * count
    for first, second in pairwise(words):
        bucket = _bucket(f"{first} {second}")
        counted[bucket] = counted.get(bucket, 0.0) + _QUIET
    return counted


@lru_cache(maxsize=16_384)
def _pieces(word: str) -> tuple[tuple[int, float], ...]:
    """Returns the buckets of a word and its pieces, with what they count; the pieces together about as the word."""
    grams = list(_grams(f"<{word}>"))
    return ((_bucket(word), 1.0), *((_bucket(one), 1 / math.sqrt(len(grams))) for one in grams))


def _grams(marked: str) -> Iterator[str]:
    for size in _GRAMS:
        if len(marked) > size:
            yield from (marked[at : at + size] for at in range(len(marked) - size + 1))


def _bucket(feature: str) -> int:
    return crc32(feature.encode("utf-8", "surrogatepass")) & ((1 << _BITS) - 1)


def _unit_length(vectors: Sequence[Sequence[float]]) -> Any:
    numpy = need("numpy", extra="ml")
    rows = numpy.asarray(vectors, "float32")
    return rows / numpy.maximum(numpy.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
