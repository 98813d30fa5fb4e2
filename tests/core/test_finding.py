"""Confidence intervals and severities."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.core.finding import wilson
from bartizan.core.severity import Severity
from bartizan.core.verdict import Action


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_stays_in_zero_to_one(counts: tuple[int, int]) -> None:
    measured = wilson(*counts)
    assert 0.0 <= measured.low <= measured.share <= measured.high <= 1.0


def test_wilson_agrees_with_published_values() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)


@given(st.integers(1, 500))
def test_more_trials_make_it_narrower(trials: int) -> None:
    few, many = wilson(trials, 2 * trials), wilson(4 * trials, 8 * trials)
    assert math.isclose(few.share, many.share)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize("counts", [(0, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot form an interval"):
        wilson(*counts)


def test_severities_and_actions_are_ordered() -> None:
    assert sorted(Severity, key=lambda s: s.rank) == ["info", "low", "medium", "high", "critical"]
    assert max([Action.REDACT, Action.BLOCK, Action.FLAG], key=lambda a: a.rank) is Action.BLOCK
