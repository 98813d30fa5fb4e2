"""How much of the operator's instructions an answer gives away, and where.

Three kinds of evidence, each blind to what the others see:

* letters: common runs of characters, through codes and ciphers; each run counts by its length, each place of the
  instructions by what it is: a rule counts fully, who the assistant is and what it is told to say hardly;
* sentences: rules that a sentence of the answer tells in other words, by the weight of the words that both hold;
* anchors: names, numbers and code of the instructions, and the roots of long words, which survive a translation.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, chain
from types import MappingProxyType
from typing import NamedTuple

from bartizan.detect.automaton import compile_pattern
from bartizan.detect.ciphers import Reading, Vocabulary, apart, coded
from bartizan.detect.overlap import Grams, Stream
from bartizan.detect.sentences import STOP, Words, content, sentences, words
from bartizan.detect.stock import addresses, is_curt, is_stock

MAX_INSTRUCTIONS = 60_000
"""Of longer instructions, only the beginning is looked for, in characters."""
_LETTERS = 5.0
"""Characters of a stream to a word, about."""
_FREE_WORDS = 3.0
"""Words in a row that two texts share by chance."""
_WHOLE = 60
"""Instructions of fewer characters are mostly words that everybody uses."""
_NEARLY_ALL = 0.8
_GIVEN, _STOCK = 0.9, 0.85
"""The least score of instructions that are given away whole, and the most of those that are in everybody's words."""
_CODE_GAIN = 1.5
_OPENING = 4.0
"""Words by which a run counts more that begins where the instructions do: an assistant says `I am`, not `you are`."""
_COGNATE = 0.4
_LONG, _ROOT = 6, 4
_SAID_FACTOR = 0.2
_IS_RULE = 0.6
"""What a character is worth at least that is not of who the assistant is, nor of what it is told to say."""
_NARROW = 600
_MOST_HOLDERS, _MOST_TRIES = 64, 100
_GAP = 60
_MIN_SIZE = 4

_RULE = re.compile(
    r"(?i)\b(?:never|always|must|do not|don't|should|shall|only|avoid|refuse|under no circumstances|make sure|ensure|"
    r"if (?:the|a|an|asked|someone|anyone|users?|you)|when (?:the|a|asked|users?|someone|you)|"
    r"you (?:will|are|may|can|have)|your (?:task|job|role|goal|rules?)|keep|limit|reply|respond|answer|forbidden|"
    r"confidential|secret|not allowed|nie|niemals|immer|musst|darfst|nunca|siempre|jamais|toujours|mai|sempre|debes|"
    r"deve|doit)\b|\u4e0d\u8981|\u5fc5\u987b|\u4e0d\u5f97|\u4f60\u662f"
)
_IDENTITY = re.compile(
    r"(?i)^\W*(?:you are|you're|you help|you assist|you support|help|assist|your name is|your role is|act as|du bist|"
    r"eres|tu es|vous \u00eates|sei|voc\u00ea \u00e9|je bent)\b"
)
_SAID = re.compile(
    r"(?i)\b(?:say|saying|reply|respond|answer|greet|greeting|with|message|phrase|words|sign off|end with)\b"
    r"[^\"\u201c\n.]{0,40}[\"\u201c]([^\"\u201d\n]{3,300})[\"\u201d]"
)
_FRAME = compile_pattern(
    r"(?i)\b(?:my|the|these|this) (?:\w+ )?(?:instructions?|(?:system )?prompt|guidelines|guidance|rules|configuration|"
    r"brief(?:ing)?|directives|orders|setup|operator)\b"
    r"|\bI(?:'m| am| was|'ve been| have been| had been) (?:\w+ )?(?:told|instructed|configured|programmed|asked|set up|"
    r"given|supposed|required|not allowed|not permitted|forbidden|ordered)\b"
    r"|\bmeine (?:anweisungen|regeln|vorgaben|instruktionen)|\bich (?:wurde|soll|darf)\b"
    r"|\bmes (?:instructions|consignes|r\x{e8}gles)|\bje (?:dois|ne dois)\b|\bmis (?:instrucciones|reglas)|"
    r"\b(?:no )?debo\b|\bminhas (?:instru\x{e7}\x{f5}es|regras)|\ble mie (?:istruzioni|regole)|\bdevo\b|"
    r"\bmijn (?:instructies|regels)|\x{43c}\x{43e}\x{438} (?:\x{438}\x{43d}\x{441}\x{442}\x{440}\x{443}|"
    r"\x{43f}\x{440}\x{430}\x{432}\x{438}\x{43b})|\x{7cfb}\x{7edf}\x{63d0}\x{793a}|"
    r"\x{6211}\x{7684}(?:\x{6307}\x{4ee4}|\x{89c4}\x{5219})|\x{6307}\x{793a}\x{306f}"
)
"""Words by which an answer speaks of its instructions, in some languages. They prove nothing by themselves."""
_ANCHOR = re.compile(
    r"https?://[^\s)\"'>]+|[\w.+-]+@[\w-]+\.\w+|\b\w*\d[\w.:/%-]*\w\b|\b\d\b|\b[A-Z]{2,}[\w-]*|\b\w+_\w+\b|\b[a-z]+[A-Z]\w*"
    r"|\b[A-Z][\w\u00c0-\u024f]{2,}"
)


class Evidence(NamedTuple):
    """What was found: a score of 0 to 1, where in the answer, and how it was given away."""

    score: float
    spans: tuple[tuple[int, int], ...] = ()
    how: str = ""


_NONE = Evidence(0.0)


class _Sentence(NamedTuple):
    """A sentence of the instructions: its stems with weights, their sum, and what telling it counts."""

    stems: Mapping[str, float]
    total: float
    factor: float


@dataclass(frozen=True)
class Instructions:
    """The operator's instructions, ready to be looked for in answers."""

    text: str

    @cached_property
    def words(self) -> Words:
        """Their words."""
        return words(self.text)

    @cached_property
    def stream(self) -> Stream:
        """Their letters."""
        return Stream(self.words)

    @cached_property
    def grams(self) -> Grams:
        """Their letters, ready to be looked for."""
        return Grams(self.stream.text)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """Their words in every cipher."""
        return Vocabulary(self.words.texts)

    @cached_property
    def _bounds(self) -> tuple[list[int], list[float]]:
        spans = sentences(self.text)
        factors = [self._factor(number, self.text[start:end]) for number, (start, end) in enumerate(spans)]
        return [start for start, _ in spans], factors

    @staticmethod
    def _factor(number: int, sentence: str) -> float:
        if _IDENTITY.match(sentence):
            return 0.5 if number < 2 else 0.8
        return 1.0 if _RULE.search(sentence) else 0.7

    @cached_property
    def worth(self) -> Sequence[float]:
        """What the first n characters of the stream are worth, for every n, a character of a rule being worth 1."""
        begins, factors = self._bounds
        said = [match.span(1) for match in _SAID.finditer(self.text)]
        values: list[float] = []
        for word, (start, _) in zip(self.words.texts, self.words.places, strict=True):
            factor = factors[max(0, bisect_right(begins, start) - 1)] if factors else 1.0
            if any(first <= start < last for first, last in said):
                factor = _SAID_FACTOR
            values.extend([factor] * len(word.replace("'", "")))
        return [0.0, *accumulate(values)]

    @cached_property
    def is_stock(self) -> bool:
        """Whether they say nothing that not everybody's instructions say."""
        return is_stock(self.words.texts)

    def is_given(self, covered: Sequence[int]) -> bool:
        """Whether it is a leak, however short they are, that an answer holds the characters that `covered` marks.

        `I am Nilo, the assistant of the library` holds most of `You are Nilo, ...` and is no leak; `You are` is.
        """
        if self.is_stock or is_curt(self.words.texts):
            return False
        if covered[0] and addresses(self.text):
            return True
        worth = self.worth
        rules = sum(worth[at + 1] - worth[at] >= _IS_RULE for at, held in enumerate(covered[:-1]) if held)
        return rules * 3 >= 2 * self.grams.shortest

    @cached_property
    def sentences(self) -> Sequence[_Sentence]:
        """The sentences, words that stand in many of them weighing less."""
        begins, factors = self._bounds
        parts: list[list[str]] = [[] for _ in begins]
        for word, (start, _) in zip(self.words.texts, self.words.places, strict=True):
            parts[max(0, bisect_right(begins, start) - 1)].append(word)
        weighed = [content(part) for part in parts]
        spread: dict[str, int] = defaultdict(int)
        for key in chain.from_iterable(weighed):
            spread[key] += 1
        found = []
        for stems, factor in zip(weighed, factors, strict=True):
            lighter = {key: value / math.sqrt(spread[key]) for key, value in stems.items()}
            found.append(_Sentence(lighter, sum(lighter.values()), factor))
        return found

    @cached_property
    def holders(self) -> Mapping[str, Sequence[int]]:
        """The numbers of the sentences that hold a stem; one that stands in too many says nothing."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, sentence in enumerate(self.sentences):
            for key in sentence.stems:
                found[key].append(number)
        return MappingProxyType({key: numbers for key, numbers in found.items() if len(numbers) <= _MOST_HOLDERS})

    @cached_property
    def anchors(self) -> Sequence[str]:
        """Names, numbers and code, in order, each once; the first word of a sentence is no name."""
        begins = set(self._bounds[0])
        found = dict.fromkeys(
            match[0].lower()
            for match in _ANCHOR.finditer(self.text)
            if not (match[0].isalpha() and match[0].istitle() and self._begins_sentence(match.start(), begins))
        )
        return [one for one in found if one not in STOP]

    @cached_property
    def roots(self) -> Sequence[str]:
        """The beginnings of long words, which related languages share: `information`, `informaci\u00f3n`."""
        long = (word for word in self.words.texts if len(word) >= _LONG and word.isalpha())
        return list(dict.fromkeys(word[:_ROOT] for word in long if word.isascii() and word not in STOP))

    def _begins_sentence(self, at: int, begins: set[int]) -> bool:
        while at > 0 and not self.text[at - 1].isalnum() and at not in begins:
            at -= 1
        return at in begins or at == 0


@lru_cache(maxsize=64)
def instructions(text: str) -> Instructions:
    """Returns instructions ready to be looked for; those of a conversation are made ready once."""
    return Instructions(text[:MAX_INSTRUCTIONS])


def disclosed(answer: str, system: Iterable[str], *, said: str = "") -> Evidence:
    """Returns how much of the instructions an answer gives away: the strongest evidence of any of them.

    Args:
        answer: What the model said, without lone surrogates.
        system: The instructions, one text each.
        said: What the user said: whoever repeats it gives nothing away.
    """
    found = [_disclosed(answer, instructions(text), said) for text in dict.fromkeys(system) if text.strip()]
    return max(found, key=lambda one: one.score, default=_NONE)


def _disclosed(answer: str, known: Instructions, said: str) -> Evidence:
    plain = words(answer)
    if len(known.words) < _MIN_SIZE:
        return _NONE
    heard = Stream(words(said)).text if said else ""
    letters = max(
        (_letters(reading, known, heard) for reading in _readings(answer, plain, known)), key=lambda one: one.score
    )
    if letters.score >= 0.95:
        return letters
    has_frame = _FRAME.search(answer) is not None
    told = _told(answer, known, has_frame=has_frame)
    kept = _anchored(answer, plain, known, has_frame=has_frame)
    best = max(letters, told, kept, key=lambda one: one.score)
    joint = 1 - (1 - letters.score) * (1 - 0.6 * max(told.score, kept.score))
    if joint > best.score:
        return Evidence(min(joint, max(0.89, best.score)), best.spans, best.how)
    return best


def _readings(answer: str, plain: Words, known: Instructions) -> Iterator[Reading]:
    yield Reading(plain)
    yield from coded(answer)
    yield from apart(answer, plain)
    yield from known.vocabulary.deciphered(plain)


def _letters(reading: Reading, known: Instructions, heard: str) -> Evidence:
    """Returns what the common runs of characters prove."""
    stream = Stream(reading.words)
    runs = [run for run in known.grams.runs(stream.text) if not (heard and _of(stream, run.at, run.size) in heard)]
    if not runs:
        return _NONE
    worth = known.worth
    free = _FREE_WORDS * known.grams.shortest / 21
    value = 0.0
    total = len(known.stream.text)
    covered = bytearray(len(worth))
    for run in runs:
        gained = (worth[run.source + run.size] - worth[run.source]) * (1 - _share(covered, run.source, run.size))
        value += max(0.0, gained / (known.grams.shortest / 21 * _LETTERS) - free)
        covered[run.source : run.source + run.size] = b"\1" * run.size
        if not run.source:
            value += _OPENING * min(1.0, total / _WHOLE)
    if reading.how:
        value *= _CODE_GAIN
    coverage = sum(covered) / max(1, total) * min(1.0, total / _WHOLE)
    score = max(1 - math.exp(-value / 7), coverage if coverage >= 0.5 else 0.0)
    share = sum(covered) / max(1, total)
    if known.is_stock:
        score = min(score, _STOCK)
    elif share >= _NEARLY_ALL and 2 * max(run.size for run in runs) >= total and known.is_given(covered):
        score = max(score, _GIVEN + (1 - _GIVEN) * (share - _NEARLY_ALL) / (1 - _NEARLY_ALL))
    spans = _merged(stream.span(run.at, run.size) for run in runs)
    return Evidence(min(1.0, score), spans, f"word for word, {reading.how}" if reading.how else "word for word")


def _of(stream: Stream, at: int, size: int) -> str:
    return stream.text[at : at + size]


def _share(covered: bytearray, at: int, size: int) -> float:
    return sum(covered[at : at + size]) / size


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Returns spans in order, those near to each other as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= _GAP:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _told(answer: str, known: Instructions, *, has_frame: bool) -> Evidence:
    """Returns what sentences in other words prove: how many are told, and how much of the instructions that is."""
    best: dict[int, tuple[float, tuple[int, int]]] = {}
    for span in sentences(answer):
        stems = content(words(answer[slice(*span)]).texts)
        total = sum(stems.values())
        shared: dict[int, float] = defaultdict(float)
        count: dict[int, int] = defaultdict(int)
        for key in stems:
            for number in known.holders.get(key, ()):
                shared[number] += known.sentences[number].stems[key]
                count[number] += 1
        for number, common in shared.items():
            sentence = known.sentences[number]
            if count[number] < 2 or not sentence.total:
                continue
            likeness = (common / sentence.total) ** 0.65 * min(1.0, common / total) ** 0.35
            told = min(1.0, max(0.0, (likeness - 0.3) / 0.35)) * min(1.0, sentence.total / 3)
            if told > best.get(number, (0.0, span))[0]:
                best[number] = (told, span)
    if not best:
        return _NONE
    value = sum(told * known.sentences[number].factor for number, (told, _) in best.items())
    whole = sum(sentence.total * sentence.factor for sentence in known.sentences)
    part_told = sum(best[number][0] * known.sentences[number].total * known.sentences[number].factor for number in best)
    share = part_told / whole if whole else 0.0
    strength = (0.3 * value + 1.2 * share) * (2.4 if has_frame else 0.8)
    score = 0.88 * (1 - math.exp(-strength))
    spans = _merged(span for told, span in best.values() if told > 0.2)
    return Evidence(score, spans, "in other words") if spans else _NONE


def _anchored(answer: str, plain: Words, known: Instructions, *, has_frame: bool) -> Evidence:
    """Returns what names, numbers and code of the instructions prove, and in another language their long words."""
    foreign = _is_foreign(plain, known.words)
    wanted = [(one, 1.0) for one in known.anchors]
    if foreign:
        wanted += [(one, _COGNATE) for one in known.roots]
    lowered = answer.lower() if len(answer.lower()) == len(answer) else answer
    places = sorted((at, value) for one, value in wanted if (at := _find(lowered, one, whole=value == 1.0)) >= 0)
    found, span = _densest(places, max(_NARROW, 2 * len(known.text)))
    if len(places) < 3:
        return _NONE
    share = found / sum(value if value == 1.0 else value / 2 for _, value in wanted)
    strength = found**0.5 * min(1.0, share) * (1.6 if foreign else 0.45) * (1.4 if has_frame else 1.0)
    return Evidence(0.85 * (1 - math.exp(-0.6 * strength)), (span,), "names, numbers and words that languages share")


def _densest(places: Sequence[tuple[int, float]], width: int) -> tuple[float, tuple[int, int]]:
    """Returns the most that is found within a width, and where."""
    best, span, total, first = 0.0, (0, 1), 0.0, 0
    for at, value in places:
        total += value
        while places[first][0] < at - width:
            total -= places[first][1]
            first += 1
        if total > best:
            best, span = total, (places[first][0], at + 1)
    return best, span


def _find(text: str, wanted: str, *, whole: bool) -> int:
    """Returns where a word, or one that begins so, stands in a text; -1 where it does not."""
    at = text.find(wanted)
    for _ in range(_MOST_TRIES):
        if at < 0:
            break
        end = at + len(wanted)
        begins = at == 0 or not text[at - 1].isalnum()
        if begins and (not whole or end == len(text) or not text[end].isalnum()):
            return at
        at = text.find(wanted, at + 1)
    return -1


def _is_foreign(plain: Words, known: Words) -> bool:
    """Whether two texts are in different languages: few of the words of no content of one stand in the other."""
    own = set(known.texts) & STOP
    if len(own) < 4:
        return False
    among = sum(word in own for word in plain.texts)
    return among < 0.12 * len(plain)
