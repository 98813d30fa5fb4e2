"""How well sources support what an answer says, sentence by sentence, by words, names, numbers and negation.

This is lexical: a sentence that says the same in words of its own looks unsupported, and one that puts the words of a
source together in another way looks supported. It is made to point at sentences, not to judge answers.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import NamedTuple

from bartizan.detect.sentences import content, sentences, words

_NUMBER = re.compile(r"(?<![\w.])[-+]?\d{1,3}(?:[,\u00a0\u202f]\d{3})+(?:\.\d+)?|(?<![\w])\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"(?<=[a-z,;)] )[A-Z][\w'\u2019-]{2,}|\b[A-Z]{2,}\w*\b")
_NEGATION = re.compile(
    r"(?i)\b(?:not|no|never|none|nothing|nobody|neither|nor|without|cannot|\w+n't|fails? to|unable|"
    r"nicht|kein\w*|nie|ohne|"
    r"pas|jamais|aucun\w*|sans|nunca|ning[u\u00fa]n\w*|sin|non|mai|n\u00e3o|niet|geen)\b"
)
_PAIRS = """
    increase/decrease rise/fall rose/fell more/less higher/lower before/after open/closed opens/closes
    allowed/forbidden permitted/prohibited include/exclude included/excluded approve/reject approved/rejected
    always/never first/last minimum/maximum least/most safe/unsafe legal/illegal possible/impossible free/paid
    win/lose won/lost true/false increased/decreased early/late hot/cold up/down above/below required/optional
    supported/unsupported
"""
_OPPOSITES = tuple(frozenset(pair.split("/")) for pair in _PAIRS.split())
_NO_CLAIM = re.compile(
    r"(?i)^\W*(?:hello|hi|dear|thanks?|thank you|sure|of course|certainly|you'?re welcome|let me know|feel free"
    r"|i hope|please|here (?:is|are)|i (?:can|could|will|would|am|have|cannot|can't|don't|do not)|i'(?:m|ll|ve|"
    r"d)|sorry|in summary|if you|would you|do you|let's|shall)\b"
)
_DIGITS: Mapping[str, str] = MappingProxyType(
    dict(
        zip(
            ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
            map(str, range(1, 13)),
            strict=True,
        )
    )
)
_WINDOW = 3
_MOST_HOLDERS = 256
"""A word that stands in more sentences of the sources than this says nothing about one of them."""
_LEAST_WORDS = 3
_ALIKE = 0.6
_NUMBER_COST, _NAME_COST = 0.45, 0.25


class Claim(NamedTuple):
    """A sentence of an answer: `text[start:end]`, how well it is supported (0 to 1), and what speaks against it."""

    start: int
    end: int
    support: float
    reason: str


class _Source(NamedTuple):
    """A sentence of a source."""

    stems: Mapping[str, float]
    plain: AbstractSet[str]
    numbers: AbstractSet[str]
    is_negated: bool


@dataclass(frozen=True)
class Sources:
    """Sources, ready to support sentences.

    Attributes:
        texts: What they say.
    """

    texts: Sequence[str]

    @cached_property
    def _sentences(self) -> Sequence[_Source]:
        return [_read(text[start:end]) for text in self.texts for start, end in sentences(text)]

    @cached_property
    def _holders(self) -> Mapping[str, Sequence[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for number, sentence in enumerate(self._sentences):
            for key in sentence.stems:
                found[key].append(number)
        return {key: numbers for key, numbers in found.items() if len(numbers) <= _MOST_HOLDERS}

    @cached_property
    def _numbers(self) -> frozenset[str]:
        return frozenset(number for sentence in self._sentences for number in sentence.numbers)

    @cached_property
    def _lowered(self) -> str:
        return "\n".join(self.texts).lower()

    def claims(self, answer: str) -> Iterator[Claim]:
        """Yields every sentence of an answer that claims something: no question, greeting, offer or heading."""
        for start, end in sentences(answer):
            text = answer[start:end]
            if text.rstrip().endswith(("?", ":")) or _NO_CLAIM.match(text):
                continue
            read = _read(text)
            if len(read.stems) >= _LEAST_WORDS:
                support, reason = self._support(text, read)
                yield Claim(start, start + len(text.rstrip()), support, reason)

    def _support(self, text: str, claim: _Source) -> tuple[float, str]:
        total = sum(claim.stems.values())
        shared: dict[int, float] = defaultdict(float)
        for key, value in claim.stems.items():
            for number in self._holders.get(key, ()):
                shared[number] += value
        if not shared:
            return 0.0, "no source says anything like it"
        best = max(shared, key=lambda number: shared[number])
        first = max(0, best - _WINDOW // 2)
        near = self._sentences[first : best + _WINDOW // 2 + 1]
        around = {key for sentence in near for key in sentence.stems}
        support = (
            0.4 * shared[best] / total + 0.6 * sum(claim.stems[key] for key in claim.stems if key in around) / total
        )
        source = self._sentences[best]
        if shared[best] / total >= _ALIKE and _opposed(claim, source):
            return min(support, 0.2), "it says the opposite of a source"
        numbers = claim.numbers - frozenset(number for sentence in near for number in sentence.numbers)
        if numbers - self._numbers or (numbers and source.numbers):
            return max(0.0, min(support, 0.75) - _NUMBER_COST), "it gives a number that its source does not"
        names = {match[0].lower() for match in _NAME.finditer(text)}
        unknown = [name for name in names if name not in self._lowered]
        support -= _NAME_COST * min(2, len(unknown))
        return max(0.0, support), "it names what no source names" if unknown else "no source says quite the same"


@lru_cache(maxsize=16)
def ready(texts: tuple[str, ...]) -> Sources:
    """Returns sources ready to support sentences; those of a conversation are made ready once."""
    return Sources(texts)


def _read(text: str) -> _Source:
    found = words(text).texts
    numbers = {_value(match[0]) for match in _NUMBER.finditer(text)}
    numbers |= {_DIGITS[word] for word in found if word in _DIGITS}
    return _Source(content(found), frozenset(found), frozenset(numbers), len(_NEGATION.findall(text)) % 2 == 1)


def _value(number: str) -> str:
    """Returns a number without separators of thousands and without zeros at the end of its decimals."""
    bare = re.sub(r"[,\u00a0\u202f](?=\d{3}(?!\d))", "", number.lstrip("+"))
    bare = bare.replace(",", ".")
    return bare.rstrip("0").rstrip(".") if bare.count(".") == 1 else bare


def _opposed(one: _Source, other: _Source) -> bool:
    """Whether exactly one of two sentences is negated, or each holds one word of a pair of opposites."""
    turned = any(
        len(pair & one.plain) == len(pair & other.plain) == 1 and pair & one.plain != pair & other.plain
        for pair in _OPPOSITES
    )
    return turned != (one.is_negated != other.is_negated)
