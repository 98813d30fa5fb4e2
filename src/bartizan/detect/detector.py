"""What a detector is: patterns that the one pass runs, and a judgement on each place where they match."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any, NamedTuple, final

import msgspec

from bartizan.core.segment import Role
from bartizan.detect.automaton import compile_pattern
from bartizan.detect.sketch import is_large, octets, sketch
from bartizan.detect.syntax import parse, trigger, widest
from bartizan.detect.validators import VALIDATORS
from bartizan.errors import LimitError, PluginError
from bartizan.registry import Meta, nearest

MAX_PLACES = 20_000
"""The most places of one detector in one text; beyond it the engine reports a failure rather than an excerpt."""
_GAP = r"""[\s"'`*_,:;~-]{1,6}"""
_WORD = r"\w{1,20}"
_NEAR = 400
"""How many bytes between two stretches are looked at as fast as a new stretch is begun."""
_PATIENCE = 64
"""How many places are judged between two looks at the clock."""
VALUE = "value"
"""The named group of a pattern that is the finding, where its surroundings are only there to recognise it."""


Where = Mapping[int, Sequence[int]]
"""Places in a text, in bytes, by number of pattern."""


class Found(NamedTuple):
    """A place where a pattern matched: `text[start:end]`."""

    text: str
    start: int
    end: int

    @property
    def value(self) -> str:
        """What matched."""
        return self.text[self.start : self.end]


class Hit(NamedTuple):
    """A place that a detector stands by, with the reason in words that do not repeat the content."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Detector(ABC):
    """The base of all detectors.

    Attributes:
        patterns: RE2 patterns; each match is a place to judge. A group named `value` narrows the span to itself.
        triggers: For the pass, a cheaper pattern in the place of each of `patterns` that has no rare words of its own;
            it matches within every match of its pattern. Empty for what `syntax.trigger` reads off the pattern.
        hints: For the second pass, the same for large patterns whose sketch, cut to size, would match too often. Empty
            for the trigger that was given, or the sketch.
        category: What redaction puts in the place of the span.
        score: How sure a hit is, 0 to 1.
        roles: The roles whose segments are looked at; empty for all.
        context: Words of which one must stand near the span, in any case; empty for no condition.
        reach: How many characters before and after the span count as near.
    """

    patterns: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    category: str = ""
    score: float = 0.8
    roles: tuple[Role, ...] = ()
    context: tuple[str, ...] = ()
    reach: int = 60

    @property
    @abstractmethod
    def meta(self) -> Meta:
        """What the detector says of itself; a class variable in Python, the record's own table in TOML."""

    def narrow(self, found: Found) -> Found:
        """Returns the part of a match that is meant, where a pattern cannot say it."""
        return found

    def judge(self, found: Found) -> str | None:
        """Returns why the place is a hit, or None where it is not one. Sees every match; may look around it."""
        return self.meta.title if found.start < found.end else None

    @final
    def locate(self, text: str, where: Where | None = None, *, late: Callable[[], bool] | None = None) -> Iterator[Hit]:
        """Yields every hit in `text`, which holds no lone surrogates.

        Args:
            text: What to look at.
            where: The numbers of the patterns to try, each with bytes of the text in UTF-8 of which every match has
                one within it or at its end, or with none where it may match anywhere. All patterns where None.
            late: Says when to stop.

        Raises:
            LimitError: There are more matches than `MAX_PLACES`.
        """
        data = text.encode()
        spans = self._spans(data, where, self._widths if text.isascii() else self._octets)
        for places, (start, end) in enumerate(spans if text.isascii() else _in_characters(data, spans), 1):
            if places > MAX_PLACES:
                raise LimitError(f"more than {MAX_PLACES:,} places to judge", hint="send less text at a time")
            if late is not None and places % _PATIENCE == 0 and late():
                return
            found = self.narrow(Found(text, start, end))
            if start < end and self._near(found):
                reason = self.judge(found)
                if reason is not None:
                    yield Hit(found.start, found.end, reason)

    def _spans(self, data: bytes, where: Where | None, widths: Sequence[int | None]) -> Iterator[tuple[int, int]]:
        """Yields begin and end of every match, in bytes, pattern by pattern.

        A match covers one of the places and is at most so wide. Places nearer to each other than that are looked at in
        one piece, so that of matches that overlap the same ones are found as in the whole text.
        """
        for number, (regex, width) in enumerate(zip(self._compiled, widths, strict=True)):
            if where is not None and number not in where:
                continue
            group = regex.groupindex.get(VALUE, 0)
            places = where[number] if where else ()
            for begin, end in pieces(places, width if places else None, len(data)):
                for match in regex.finditer(data, begin, end):
                    yield match.span(group)

    @cached_property
    def max_span(self) -> int | None:
        """How many characters a match can cover with the context it needs, or None where there is no bound."""
        if None in self._widths:
            return None
        return max((width or 0 for width in self._widths), default=0) + (2 * self.reach if self.context else 0)

    @cached_property
    def members(self) -> tuple[str, ...]:
        """What the pass looks for, one pattern for each of `patterns`, in their order."""
        return tuple(
            given or trigger(pattern) or pattern
            for pattern, given in zip_longest(self.patterns, self.triggers[: len(self.patterns)], fillvalue="")
        )

    @cached_property
    def sketches(self) -> tuple[str, ...]:
        """Coarse copies of `patterns`, in their order: each matches within every match of its pattern.

        A trigger that was given is closer to a large pattern than what is left of it when it is cut to size.
        """
        size = len(self.patterns)
        rows = zip_longest(self.patterns, self.members, self.triggers[:size], self.hints[:size], fillvalue="")
        return tuple(
            hint or (given if is_large(pattern) else "") or sketch(pattern) or member
            for pattern, member, given, hint in rows
        )

    @cached_property
    def _widths(self) -> tuple[int | None, ...]:
        return tuple(widest(parse(pattern)) for pattern in self.patterns)

    @cached_property
    def _octets(self) -> tuple[int | None, ...]:
        return tuple(map(octets, self.patterns))

    @cached_property
    def _compiled(self) -> tuple[Any, ...]:
        return tuple(compile_pattern(pattern) for pattern in self.patterns)

    def _near(self, found: Found) -> bool:
        if not self.context:
            return True
        around = found.text[max(0, found.start - self.reach) : found.end + self.reach].casefold()
        return any(word in around for word in self.context)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Detector:
        """Makes a detector from a TOML record.

        Raises:
            PluginError: A field is missing, unknown or of the wrong type.
        """
        if "learned" in record:
            learned = msgspec.convert(record, type=_LearnedRecord)
            return Learned(about=learned.meta, **msgspec.structs.asdict(learned.learned))
        fields = dict(record)
        parsed = msgspec.convert({"meta": fields.pop("meta", {}), "match": fields}, type=_Record)
        match = parsed.match
        if match.validator and match.validator not in VALIDATORS:
            raise PluginError(
                f"{parsed.meta.id}: no validator {match.validator!r}", hint=nearest(match.validator, VALIDATORS)
            )
        settings = msgspec.structs.asdict(match)
        patterns = match.patterns + tuple(map(phrase, settings.pop("phrases")))
        return PatternDetector(about=parsed.meta, **{**settings, "patterns": patterns})


def _in_characters(data: bytes, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yields spans of a text in UTF-8 in characters."""
    octets = characters = 0
    for start, end in spans:
        if start < octets:
            octets = characters = 0
        characters += len(data[octets:start].decode())
        octets = start
        yield characters, characters + len(data[start:end].decode())


def pieces(places: Sequence[int], reach: int | None, size: int) -> Iterator[tuple[int, int]]:
    """Yields begin and end of the stretches of a text that lie within `reach` of a place; all of it where None."""
    if reach is None:
        yield 0, size
        return
    begin, end = 0, -1
    for place in sorted(places):
        if place - reach > end + _NEAR:
            if end >= 0:
                yield begin, end
            begin = max(0, place - reach)
        end = min(size, place + reach)
    if end >= 0:
        yield begin, end


def phrase(words: str) -> str:
    """Turns words into a pattern: whole words, in any case, a blank being any short gap of space and soft punctuation.

    The gap has no full stop, so that a phrase does not run from one sentence into the next, and a bound, so that the
    pattern has one.
    """
    bounded = words.replace(r"\w+", _WORD).replace(" ", _GAP)
    return rf"(?i)\b(?:{bounded})\b"


class _Match(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a TOML record beside its `meta` table."""

    category: str
    score: float
    patterns: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    context: tuple[str, ...] = ()
    reach: int = 60
    validator: str = ""
    allow: tuple[str, ...] = ()


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    meta: Meta
    match: _Match


@dataclass(frozen=True, kw_only=True)
class PatternDetector(Detector):
    """A detector from a TOML record.

    Attributes:
        about: What the record says of itself.
        validator: The name of a function in `detect/validators.py` that must agree, empty for none.
        allow: Values that are never hits, such as the example keys of a vendor's documentation.
    """

    about: Meta
    validator: str = ""
    allow: tuple[str, ...] = ()

    @property
    def meta(self) -> Meta:
        """The record's own `meta` table."""
        return self.about

    def judge(self, found: Found) -> str | None:
        """Asks the allow-list and the validator."""
        if self.allow and found.value in self.allow:
            return None
        validate: Callable[[str], bool] | None = VALIDATORS.get(self.validator)
        return self.meta.title if validate is None or validate(found.value) else None


class _Learned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of a TOML record's table `learned`."""

    head: str
    category: str
    roles: tuple[Role, ...]
    kind: str = ""
    gate: str = ""
    threshold: float = 0.5


class _LearnedRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    meta: Meta
    learned: _Learned


@dataclass(frozen=True, kw_only=True)
class Learned(Detector):
    """A detector whose judgement was learned: a head of the models that ship. Each text has its own score.

    Attributes:
        about: What the record says of itself.
        head: Whose score counts.
        kind: The head of a kind of attack that must be the likeliest of its kinds; empty for any.
        gate: The head whose score counts instead, where this one only says of which category it is; empty for none.
        threshold: From which score on there is a signal.
    """

    about: Meta
    head: str
    kind: str = ""
    gate: str = ""
    threshold: float = 0.5

    @property
    def meta(self) -> Meta:
        """The record's own `meta` table."""
        return self.about

    @cached_property
    def max_span(self) -> int | None:
        """None: a span may be as long as the text."""
        return None
