"""How strongly negative a text is, by words of praise and of complaint in twelve languages.

What is meant is what somebody thinks, not what is spoken of. Words are counted, with those before them that turn them
round or make them stronger; irony, and complaints in plain words, are not seen.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

import bartizan.detect
from bartizan.detect.automaton import compile_pattern

MAX_CHARS = 20_000
"""Of longer texts only the beginning is read."""
_STRONG, _NORMAL, _WEAK = 2.0, 1.0, 0.4
_BOOST = 1.5
_TURNED = 0.8
"""What praise counts as a complaint where it is denied; a complaint that is denied counts as nothing."""
_LEAST_WORDS, _LEAST = 2, 2.5
"""The fewest complaints that are not weak, and the least that all weigh: one word makes no furious customer."""
_SENTENCE, _DENSE_SENTENCE = 12, 20
"""Words, or characters where words are not set apart, to a sentence, about."""
_SHORTEST = 1.5
_STEEP = 0.8
_BEFORE, _AFTER = 3, 2
_SIGNS_AROUND = 8
_WORD = re.compile(r"[\u0900-\u0963\u0966-\u097f]+|[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_KANA, _HANGUL, _HAN = "[\u3040-\u30ff]", "[\uac00-\ud7a3]", "[\u4e00-\u9fff]"
_SCRIPTS = (
    ("ja", re.compile(_KANA)),
    ("ko", re.compile(_HANGUL)),
    ("zh", re.compile(_HAN)),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)
_UNSPACED = frozenset({"ja", "ko", "zh"})
_LATIN = ("en", "de", "fr", "es", "pt", "it")
_SAMPLE = 2_000
_FORMS = re.compile("(?:\u0648|\u0641|\u0628|\u0644)?(?:\u0627\u0644)?")
"""What Arabic writes in one with the word that follows: `and`, `the` and the like."""


class Opinion(NamedTuple):
    """How strongly negative a text is, 0 to 1; from its first to its last word of complaint; in which language."""

    score: float
    start: int = 0
    end: int = 0
    language: str = ""


class _Word(NamedTuple):
    """A word of praise (above 0) or of complaint, and where it stands."""

    value: float
    start: int
    end: int


class _Lists(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    strong: str
    negative: str
    weak: str
    positive: str
    boosts: str
    negations: str = ""
    negations_after: str = ""
    marks: str = ""


@dataclass(frozen=True)
class Lexicon:
    """The words of one language."""

    lists: _Lists

    @cached_property
    def values(self) -> Mapping[str, float]:
        """What each word counts; those that end in `*` stand for all that begin so."""
        found: dict[str, float] = {}
        for words, value in (
            (self.lists.positive, _NORMAL),
            (self.lists.weak, -_WEAK),
            (self.lists.negative, -_NORMAL),
            (self.lists.strong, -_STRONG),
        ):
            found |= dict.fromkeys(_split(words), value)
        return MappingProxyType(found)

    @cached_property
    def marks(self) -> frozenset[str]:
        """Short words of this language."""
        return _split(self.lists.marks)

    @cached_property
    def _boosts(self) -> frozenset[str]:
        return _split(self.lists.boosts)

    @cached_property
    def _negations(self) -> frozenset[str]:
        return _split(self.lists.negations)

    @cached_property
    def _later(self) -> frozenset[str]:
        return _split(self.lists.negations_after)

    @cached_property
    def _sizes(self) -> Sequence[int]:
        return sorted({len(word) - 1 for word in self.values if word.endswith("*")}, reverse=True)

    @cached_property
    def _regex(self) -> Any:
        return compile_pattern("|".join(map(re.escape, sorted(self.values, key=len, reverse=True))))

    def value(self, word: str) -> float:
        """Returns what a word counts: above 0 for praise, below for a complaint."""
        exact = self.values.get(word, 0.0)
        return exact or next(
            (found for size in self._sizes if size <= len(word) and (found := self.values.get(word[:size] + "*"))), 0.0
        )

    def in_words(self, found: Sequence[re.Match[str]]) -> Iterator[_Word]:
        """Yields the words that count, with what those around them make of them."""
        words = [match[0].casefold().replace("\u2019", "'") for match in found]
        for at, word in enumerate(words):
            value = self.value(word) or self.value(_FORMS.sub("", word, count=1))
            if not value:
                continue
            before = words[max(0, at - _BEFORE) : at]
            is_denied = any(one in self._negations or one.endswith("n't") for one in before)
            is_denied = is_denied or not self._later.isdisjoint(words[at + 1 : at + 1 + _AFTER])
            around = (*before[-_AFTER:], *words[at + 1 : at + 2])
            boosted = value * (_BOOST if not self._boosts.isdisjoint(around) else 1.0)
            yield _Word(_denied(boosted) if is_denied else boosted, *found[at].span())

    def in_signs(self, text: str) -> Iterator[_Word]:
        """Yields the same of a text whose words are not set apart."""
        for match in self._regex.finditer(text):
            start, end = match.span()
            before, after = text[max(0, start - _SIGNS_AROUND) : start], text[end : end + _SIGNS_AROUND]
            near = before.split()[-1:] if " " in before else [before[-_AFTER:]]
            is_denied = any(one in part for one in self._negations for part in near)
            is_denied = is_denied or any(one in after for one in self._later)
            boosted = self.values[match[0]] * (_BOOST if any(one in before for one in self._boosts) else 1.0)
            yield _Word(_denied(boosted) if is_denied else boosted, start, end)


def negative(text: str) -> Opinion:
    """Returns how strongly negative a text is, without lone surrogates, in time linear in its length."""
    text = text[:MAX_CHARS]
    if not _complaints().search(text):
        return Opinion(0.0)
    found = list(_WORD.finditer(text))
    language = _language(text, found)
    lexicon = _lexicons()[language]
    if language in _UNSPACED:
        words, size = list(lexicon.in_signs(text)), len(text) / _DENSE_SENTENCE
    else:
        words, size = list(lexicon.in_words(found)), len(found) / _SENTENCE
    complaints = [word for word in words if word.value < 0]
    distinct = {text[word.start : word.end] for word in complaints if word.value <= -_TURNED}
    against = -sum(word.value for word in complaints)
    praise = sum(word.value for word in words if word.value > 0)
    if len(distinct) < _LEAST_WORDS or against < max(_LEAST, praise):
        return Opinion(0.0)
    share = (against - praise) / (against + praise)
    score = share * (1 - math.exp(-_STEEP * (against - praise) / max(_SHORTEST, size)))
    return Opinion(score, complaints[0].start, complaints[-1].end, lexicon.lists.name)


def _denied(value: float) -> float:
    return -_TURNED * value if value > 0 else 0.0


def _language(text: str, found: Sequence[re.Match[str]]) -> str:
    """Returns the language by the letters; among those in Latin letters by short words, and words that count."""
    if not text.isascii():
        beginning = text[:_SAMPLE]
        letters = sum(map(str.isalpha, beginning))
        for language, script in _SCRIPTS:
            share = 0.1 if language in _UNSPACED else 0.4
            if len(script.findall(beginning)) > share * letters:
                return language
    counts = dict.fromkeys(_LATIN, 0)
    for match in found[:_SAMPLE]:
        for name in _speakers(match[0].casefold()):
            counts[name] += 1
    return max(_LATIN, key=lambda name: counts[name])


@lru_cache(maxsize=20_000)
def _speakers(word: str) -> tuple[str, ...]:
    """Returns the languages in Latin letters in which a word is known."""
    lexicons = _lexicons()
    return tuple(name for name in _LATIN if word in lexicons[name].marks or lexicons[name].value(word))


@cache
def _complaints() -> Any:
    """Returns what looks for the complaints of all languages at once; ordinary texts have none."""
    words = {word for one in _lexicons().values() for word in (*_split(one.lists.strong), *_split(one.lists.negative))}
    return compile_pattern("(?i)" + "|".join(map(_pattern, sorted(words))))


def _pattern(word: str) -> str:
    stem = word.rstrip("*")
    begin = r"\b" if stem[0].isascii() else ""
    end = r"\b" if stem == word and stem[-1].isascii() else ""
    return begin + re.escape(stem) + end


def _split(words: str) -> frozenset[str]:
    return frozenset(word.replace("_", " ") for word in words.split())


@cache
def _lexicons() -> Mapping[str, Lexicon]:
    tree = tomllib.loads(files(bartizan.detect).joinpath("sentiment.toml").read_text(encoding="utf-8"))
    return MappingProxyType({name: Lexicon(msgspec.convert(lists, type=_Lists)) for name, lists in tree.items()})
