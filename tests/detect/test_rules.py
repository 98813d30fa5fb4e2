"""Readers made of rules: the pass before them hides nothing, and code that is shown counts less."""

from __future__ import annotations

import pytest

from bartizan.detect import detectors as shelf
from bartizan.detect.automaton import compile_pattern
from bartizan.detect.detector import Detector
from bartizan.detect.detectors.script import Script
from bartizan.detect.detectors.shell import Shell
from bartizan.detect.reader import NOTHING_KNOWN
from bartizan.detect.rules import MAX_PLACES, Ruled
from bartizan.errors import LimitError
from bartizan.registry import scan

RULED = [one for one in scan(shelf, Detector) if isinstance(one, Ruled)]  # type: ignore[type-abstract]
every = pytest.mark.parametrize("reader", RULED, ids=lambda one: one.meta.id)


@every
def test_the_pass_hides_no_match(reader: Ruled) -> None:
    for text in (*reader.meta.hits, *reader.meta.misses, "\n".join(reader.meta.hits), reader.meta.hits[0].upper()):
        plain = {match.span() for rule in reader.rules for match in compile_pattern(rule.pattern).finditer(text)}
        widest = {span for span in plain if not any(a <= span[0] and span[1] <= b and (a, b) != span for a, b in plain)}
        assert {(one.start, one.end) for one in reader.read(text, NOTHING_KNOWN)} >= widest


@every
def test_every_rule_has_an_example(reader: Ruled) -> None:
    silent = [
        rule.reason
        for rule in reader.rules
        if not any(compile_pattern(rule.pattern).search(text) for text in reader.meta.hits)
    ]
    assert len(silent) <= len(reader.rules) // 2, silent


def test_code_that_is_shown_counts_less() -> None:
    markup = "<script>alert(1)</script>"
    bare, shown = (next(iter(Script().read(text, NOTHING_KNOWN))) for text in (markup, f"Like so:\n```\n{markup}\n```"))
    assert shown.score < 0.7 <= bare.score


def test_a_command_counts_wherever_it_stands() -> None:
    assert next(iter(Shell().read("```sh\nrm -rf /\n```", NOTHING_KNOWN))).score >= 0.9


def test_too_many_places_are_a_failure() -> None:
    with pytest.raises(LimitError):
        list(Script().read("<script>" * (MAX_PLACES + 1), NOTHING_KNOWN))
