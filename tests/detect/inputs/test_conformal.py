"""The guarantee of conformal values, on data that nobody chose."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.inputs.conformal import outliers, p_values
from tests.detect.inputs.pictures import numpy

NUMBERS = some.lists(some.floats(-1e9, 1e9), min_size=1, max_size=30)


@given(NUMBERS, NUMBERS)
def test_it_counts(reference: Any, scores: Any) -> None:
    found = p_values(reference, scores)
    for value, score in zip(found.tolist(), scores, strict=True):
        assert value == pytest.approx((1 + sum(one >= score for one in reference)) / (1 + len(reference)))


@given(some.integers(0, 30), some.sampled_from([0.01, 0.05, 0.2]))
def test_no_more_false_alarms_than_promised(seed: int, share: float) -> None:
    random = numpy.random.default_rng(seed)
    alarms = [(p_values(random.gamma(1, size=199), random.gamma(1, size=50)) <= share).mean() for _ in range(200)]
    assert numpy.mean(alarms) <= share + 4 * math.sqrt(share / 50 / 200 + share / 199 / 200)


def test_what_is_no_number_is_the_most_suspicious() -> None:
    assert p_values([1.0, 2.0, math.inf], [math.nan, math.inf, -math.inf]).tolist() == [0.5, 0.5, 1.0]


@pytest.mark.parametrize("reference", [[], [math.nan]])
def test_the_reference_must_be_numbers(reference: Any) -> None:
    with pytest.raises(ValueError, match="reference"):
        p_values(reference, [1.0])


def test_outliers_are_named_with_few_false_ones() -> None:
    random = numpy.random.default_rng(8)
    false = []
    for _ in range(60):
        scores = numpy.concatenate([random.normal(size=180), random.normal(6, 1, 20)])
        named = outliers(p_values(random.normal(size=1_000), scores), rate=0.1)
        assert named[180:].mean() > 0.9
        false.append(named[:180].sum() / max(1, named.sum()))
    assert numpy.mean(false) < 0.12
    assert not outliers(numpy.ones(5)).any()
    assert outliers(numpy.array([])).shape == (0,)
    with pytest.raises(ValueError, match="rate"):
        outliers(numpy.ones(3), rate=1.0)
