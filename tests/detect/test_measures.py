"""Figures of labelled texts: recall at shares of false alarms, accuracy, area."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.measures import Scored, area, evaluate, limit
from bartizan.errors import InputError

SCORES = st.lists(st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.5, 1.0))), min_size=1, max_size=60)


def row(score: float, source: str = "a", *, attack: bool) -> Scored:
    return Scored(score, score >= 0.5, attack, source)


@given(SCORES, st.floats(0.001, 0.9))
def test_a_limit_is_the_lowest_that_keeps_to_its_budget(scores: list[float], budget: float) -> None:
    found = limit(sorted(scores), budget)
    assert found.alarms == sum(one >= found.threshold for one in scores) <= budget * len(scores) + 1e-6
    lower = max((one for one in scores if one < found.threshold), default=None)
    assert lower is not None
    assert sum(one >= lower for one in scores) > budget * len(scores) - 1e-6


@given(SCORES, SCORES)
def test_the_area_counts_pairs(attacks: list[float], harmless: list[float]) -> None:
    pairs = [(one > other) + (one == other) / 2 for one in attacks for other in harmless]
    found = area(attacks, sorted(harmless))
    assert found.share == pytest.approx(sum(pairs) / len(pairs))
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_figures_by_source_and_in_all() -> None:
    rows = [row(at / 200, "calm", attack=False) for at in range(100)]
    rows += [row(0.9, "loud", attack=True)] * 3 + [row(0.1, "loud", attack=True), row(0.6, "calm", attack=False)]
    found = evaluate(rows)
    assert [(one.budget, one.alarms, one.benign, one.is_coarse) for one in found.limits] == [
        (0.01, 1, 101, False),
        (0.001, 0, 101, True),
    ]
    calm, loud = found.parts
    assert (calm.source, calm.attacks, calm.benign, calm.recall, calm.flagged) == ("calm", 0, 101, (None, None), None)
    assert calm.right is not None
    assert calm.right.share == pytest.approx(100 / 101)
    assert loud.right is None
    assert [one and one.share for one in (*loud.recall, loud.flagged)] == [0.75, 0.75, 0.75]
    assert loud.recall[0] is not None
    assert loud.recall[0].low < 0.75 < loud.recall[0].high
    assert found.whole.recall == loud.recall
    assert found.whole.area == loud.area


def test_other_harmless_texts_set_the_limits_and_the_area() -> None:
    found = evaluate([row(0.4, attack=True), row(0.9, attack=False)], [0.1] * 100)
    assert found.whole.recall[0] is not None
    assert found.whole.recall[0].share == 1
    assert found.whole.area is not None
    assert found.whole.area.share == 1


def test_nothing_and_nothing_harmless_are_errors() -> None:
    with pytest.raises(InputError, match="nothing to measure"):
        evaluate([], [0.1])
    with pytest.raises(InputError, match="no harmless texts"):
        evaluate([row(0.9, attack=True)])
