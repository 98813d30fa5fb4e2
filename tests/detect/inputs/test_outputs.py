"""Scores of logits: known values, invariances, and pictures that the model was not made for."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.inputs.outputs import energy, softmax_doubt
from tests.detect.inputs.pictures import SIDE, auc, numpy, trained

ROWS = some.lists(some.lists(some.floats(-300, 300), min_size=3, max_size=3), min_size=1, max_size=5)


@given(ROWS, some.floats(-100, 100), some.floats(0.2, 50))
def test_a_shift_of_the_logits_is_a_shift_of_the_energy_alone(rows: Any, shift: float, temperature: float) -> None:
    logits = numpy.array(rows)
    assert energy(logits + shift, temperature=temperature) == pytest.approx(
        energy(logits, temperature=temperature) - shift, abs=1e-6
    )
    assert softmax_doubt(logits + shift, temperature=temperature) == pytest.approx(
        softmax_doubt(logits, temperature=temperature), abs=1e-6
    )


@given(ROWS)
def test_bounds(rows: Any) -> None:
    logits = numpy.array(rows)
    assert ((softmax_doubt(logits) >= 0) & (softmax_doubt(logits) <= 2 / 3 + 1e-12)).all()
    assert (energy(logits) <= -logits.max(1) + 1e-9).all()
    assert (energy(logits) >= -logits.max(1) - math.log(3) - 1e-9).all()


def test_known_values() -> None:
    logits = numpy.array([[0.0, 0.0], [math.log(3), 0.0], [1e6, -1e6]])
    assert energy(logits) == pytest.approx([-math.log(2), -math.log(4), -1e6])
    assert softmax_doubt(logits) == pytest.approx([0.5, 0.25, 0.0])


@pytest.mark.parametrize("temperature", [0, -1, math.nan])
@pytest.mark.parametrize("score", [energy, softmax_doubt])
def test_temperatures_are_above_zero(score: Any, temperature: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        score(numpy.zeros((1, 2)), temperature=temperature)


@pytest.mark.parametrize("score", [energy, softmax_doubt])
def test_pictures_of_nothing_stand_out(score: Any) -> None:
    model = trained()
    grey = numpy.clip(numpy.random.default_rng(5).normal(0.2, 0.15, (200, SIDE, SIDE)), 0, 1)
    assert auc(score(model.logits(grey)), score(model.logits(model.pictures))) > 0.85
