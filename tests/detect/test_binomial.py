"""Binomial tails against sums of exact fractions, and the bounds against the tails."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.binomial import at_most, share_above, share_below


def exact(count: int, trials: int, share: Fraction) -> Fraction:
    terms = (comb(trials, at) * share**at * (1 - share) ** (trials - at) for at in range(count + 1))
    return sum(terms, Fraction(0))


@given(st.integers(1, 120), st.data())
def test_tails_are_exact(trials: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, trials))
    share = data.draw(st.fractions(Fraction(1, 1000), Fraction(999, 1000), max_denominator=1000))
    assert at_most(count, trials, float(share)) == pytest.approx(
        float(exact(count, trials, share)), rel=1e-7, abs=1e-12
    )


def test_the_ends() -> None:
    assert at_most(-1, 10, 0.5) == 0
    assert at_most(10, 10, 0.5) == 1
    assert at_most(3, 10, 0.0) == 1
    assert at_most(3, 10, 1.0) == 0
    assert at_most(0, 2995, 0.001) == pytest.approx(0.999**2995)


def test_large_samples_cost_little_and_stay_right() -> None:
    assert at_most(4_999_999, 10_000_000, 0.5) == pytest.approx(0.49987384, abs=1e-6)
    assert at_most(0, 10_000_000, 0.5) == 0


@given(st.integers(1, 500), st.floats(1e-5, 0.2), st.data())
def test_the_bounds_enclose_the_share_of_the_sample(trials: int, risk: float, data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, trials))
    low, high = share_below(rank, trials, risk), share_above(rank, trials, risk)
    assert 0 <= low < high <= 1
    assert at_most(rank - 1, trials, high) == pytest.approx(risk, rel=1e-6, abs=1e-9)
    assert 1 - at_most(rank - 1, trials, low) == pytest.approx(risk, rel=1e-6, abs=1e-9)
