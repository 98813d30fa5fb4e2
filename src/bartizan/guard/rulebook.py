"""A policy compiled against the detectors there are: which rules apply to a detector's signal on a segment."""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bartizan.core.segment import Direction, Role, Segment
from bartizan.core.verdict import Action
from bartizan.errors import PolicyError
from bartizan.guard.policy import Policy, Rule
from bartizan.registry import nearest

_Place = tuple[str, Direction, Role, bool]


class _Entry(NamedTuple):
    """A rule with its source patterns compiled; None where it has none."""

    rule: Rule
    sources: re.Pattern[str] | None
    except_sources: re.Pattern[str] | None

    def covers(self, source: str) -> bool:
        if self.sources is not None and not self.sources.match(source):
            return False
        return self.except_sources is None or not self.except_sources.match(source)


class RuleBook:
    """The rules by detector, direction, role and trust, so that a signal costs one look-up.

    Args:
        policy: What is compiled.
        detectors: The ids of the detectors that run.
        disabled: Ids and `family.*` that are switched off; a policy may name them without an error.

    Attributes:
        policy: What was compiled.
        uses: The detector ids behind each rule, by rule id.

    Raises:
        PolicyError: A rule names a detector or family that there is not.
    """

    def __init__(self, policy: Policy, detectors: Collection[str], *, disabled: Iterable[str] = ()) -> None:
        self.policy = policy
        self._detectors = frozenset(detectors)
        self._disabled = tuple(disabled)
        uses: dict[str, tuple[str, ...]] = {}
        lookup: dict[_Place, list[_Entry]] = {}
        for rule in policy.rules:
            left_out = {name for pattern in rule.except_detectors for name in self._expand(pattern, rule)}
            named = {name for pattern in rule.detectors for name in self._expand(pattern, rule)}
            uses[rule.id] = tuple(sorted(named - left_out))
            if rule.action is not Action.ALLOW:
                entry = _Entry(rule, _compile(rule.sources), _compile(rule.except_sources))
                for place in _places(rule, uses[rule.id]):
                    lookup.setdefault(place, []).append(entry)
        self.uses: Mapping[str, tuple[str, ...]] = MappingProxyType(uses)
        self._lookup = MappingProxyType({place: tuple(entries) for place, entries in lookup.items()})

    def rules_for(self, detector: str, direction: Direction, segment: Segment) -> Iterator[Rule]:
        """Yields the rules that act on this detector's signals on this segment, whatever their threshold."""
        for entry in self._lookup.get((detector, direction, segment.role, segment.trusted), ()):
            if entry.covers(segment.source):
                yield entry.rule

    def rules_on_failure(self, detector: str, direction: Direction, segment: Segment) -> Iterator[Rule]:
        """Yields the rules that miss this detector; an unknown one stands for the engine, and so for all of them."""
        if detector in self._detectors:
            yield from self.rules_for(detector, direction, segment)
            return
        seen: set[str] = set()
        for name in self._detectors:
            for rule in self.rules_for(name, direction, segment):
                if rule.id not in seen:
                    seen.add(rule.id)
                    yield rule

    def _expand(self, pattern: str, rule: Rule) -> Iterator[str]:
        if pattern == "*":
            yield from self._detectors
            return
        family = pattern.removesuffix("*") if pattern.endswith(".*") else ""
        found = {name for name in self._detectors if name == pattern or (family and name.startswith(family))}
        if not found and not self._is_disabled(pattern):
            names = {*self._detectors, *self._disabled}
            known = sorted({*names, *(f"{name.partition('.')[0]}.*" for name in names)})
            raise PolicyError(
                f"policy {self.policy.id!r}: rule {rule.id!r} names {pattern!r}, which is no detector",
                hint=nearest(pattern, known),
            )
        yield from found

    def _is_disabled(self, pattern: str) -> bool:
        family = f"{pattern.partition('.')[0]}.*"
        if pattern.endswith(".*"):
            return any(name.partition(".")[0] == pattern.partition(".")[0] for name in self._disabled)
        return pattern in self._disabled or family in self._disabled


def _compile(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)) if patterns else None


def _places(rule: Rule, detectors: Iterable[str]) -> Iterator[_Place]:
    trust = (True, False) if rule.trusted is None else (rule.trusted,)
    yield from itertools.product(detectors, dict.fromkeys(rule.directions), dict.fromkeys(rule.roles or Role), trust)
