"""Readers that are made of patterns: what an answer must not hold, each with its own score and reason.

They do not take part in the one pass: answers only are looked at, and the words of code and markup, which are common,
would make the pass over everything else fire all the time.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

from bartizan.detect.automaton import Automaton, compile_pattern
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.detect.syntax import trigger
from bartizan.errors import LimitError

MAX_PLACES = 5_000
"""The most places of one rule in one text; beyond it the engine reports a failure rather than an excerpt."""
_CODE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]{1,400}`", re.DOTALL)


class Rule(NamedTuple):
    """A pattern of RE2, how sure a match is (0 to 1), and what it is, in words that repeat no content."""

    score: float
    reason: str
    pattern: str


@dataclass(frozen=True, kw_only=True)
class Ruled(Reader):
    """A reader made of rules.

    Attributes:
        in_code: By what the score of a match is multiplied that stands in code of Markdown, which is shown and not run.
    """

    in_code: float = 1.0
    heeds: bool = False

    @property
    @abstractmethod
    def rules(self) -> Sequence[Rule]:
        """What is looked for; a class variable."""

    def read(self, text: str, context: Context) -> Iterator[Sight]:  # noqa: ARG002  (patterns need no context)
        """Yields the matches, of those inside each other the widest.

        Raises:
            LimitError: A rule matches more than `MAX_PLACES` times.
        """
        found = sorted(self._found(text), key=lambda sight: (sight.start, -sight.end, -sight.score))
        code = [match.span() for match in _CODE.finditer(text)] if found and self.in_code < 1 else []
        reached = 0
        for sight in found:
            if sight.end > reached:
                reached = sight.end
                is_code = any(start <= sight.start < end for start, end in code)
                yield sight._replace(score=round(sight.score * self.in_code, 4)) if is_code else sight

    def _found(self, text: str) -> Iterator[Sight]:
        for rule in self._possible(text.encode()):
            for count, match in enumerate(_compiled(rule.pattern).finditer(text), 1):
                if count > MAX_PLACES:
                    raise LimitError(f"more than {MAX_PLACES:,} places", hint="send less text at a time")
                start, end = match.span()
                yield Sight(start, end, rule.score, rule.reason)

    def _possible(self, data: bytes) -> list[Rule]:
        """Returns the rules of whose words there are some in a text, by one pass over it."""
        members, automaton = self._members
        return [rule for number in sorted(automaton.fired(data)) for rule in members[number]]

    @cached_property
    def _members(self) -> tuple[Sequence[Sequence[Rule]], Automaton]:
        return _pass(tuple(self.rules))


@cache
def _pass(rules: Sequence[Rule]) -> tuple[Sequence[Sequence[Rule]], Automaton]:
    members: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        members[trigger(rule.pattern) or rule.pattern].append(rule)
    return tuple(map(tuple, members.values())), Automaton(list(members))


@cache
def _compiled(pattern: str) -> Any:
    return compile_pattern(pattern)
