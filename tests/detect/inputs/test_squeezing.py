"""Squeezers, and that they tell perturbed pictures from honest ones."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.inputs.outputs import softmax_doubt
from bartizan.detect.inputs.squeezing import disagreement, moved, reduced, smoothed, squeezing_scores
from tests.detect.inputs.pictures import auc, numpy, trained

MODEL = trained()
SHAPES = some.tuples(some.integers(1, 3), some.integers(3, 7), some.integers(3, 7))


def arrays(shape: tuple[int, ...], seed: int) -> Any:
    return numpy.random.default_rng(seed).uniform(0, 1, shape)


@given(SHAPES, some.integers(0, 99), some.integers(1, 16))
def test_reducing_keeps_the_range_and_is_done_once(shape: tuple[int, ...], seed: int, bits: int) -> None:
    before = arrays(shape, seed)
    after = reduced(before, bits)
    assert len(numpy.unique(after)) <= 2**bits
    assert numpy.abs(after - before).max() <= 0.5 / (2**bits - 1) + 1e-12
    assert (reduced(after, bits) == after).all()


@given(SHAPES, some.integers(0, 99), some.integers(1, 3))
def test_smoothing_takes_values_of_the_neighbourhood(shape: tuple[int, ...], seed: int, size: int) -> None:
    before = arrays(shape, seed)
    after = smoothed(before, size)
    assert after.shape == before.shape
    assert after.min() >= before.min()
    assert after.max() <= before.max()
    assert (smoothed(numpy.full(shape, 0.3), size) == 0.3).all()
    if size == 1:
        assert (after == before).all()


def test_smoothing_takes_out_single_pixels_in_colour_and_in_sounds() -> None:
    picture = numpy.full((1, 5, 5, 3), 0.2)
    picture[0, 2, 2] = 1.0
    assert (smoothed(picture, 3) == 0.2).all()
    sound = numpy.full((2, 9), 0.2)
    sound[:, 4] = 1.0
    assert (smoothed(sound, 3, axes=(1,)) == 0.2).all()


def test_moving_repeats_the_edge() -> None:
    rows = numpy.array([[[1, 2, 3]]])
    assert moved(rows, 1, axis=2).tolist() == [[[1, 1, 2]]]
    assert moved(rows, -1, axis=2).tolist() == [[[2, 3, 3]]]


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="bits"):
        reduced(numpy.zeros((1, 2, 2)), 0)
    with pytest.raises(ValueError, match="neighbourhood"):
        smoothed(numpy.zeros((1, 2, 2)), 3)
    with pytest.raises(ValueError, match="at least one"):
        squeezing_scores(MODEL.predict, MODEL.pictures, squeezers=())


def test_the_model_is_a_fair_target() -> None:
    assert (MODEL.predict(MODEL.pictures).argmax(1) == MODEL.labels).mean() > 0.97
    assert MODEL.attacked(0.1)[1].mean() > 0.8


@pytest.mark.parametrize("score", [squeezing_scores, disagreement], ids=["squeezing", "moving"])
@pytest.mark.parametrize(("step", "least"), [(0.06, 0.92), (0.1, 0.87), (0.15, 0.74)])
def test_perturbed_pictures_stand_out(score: Any, step: float, least: float) -> None:
    pictures, fooled = MODEL.attacked(step)
    found = auc(score(MODEL.predict, pictures[fooled]), score(MODEL.predict, MODEL.pictures))
    unsure = auc(softmax_doubt(MODEL.logits(pictures[fooled])), softmax_doubt(MODEL.logits(MODEL.pictures)))
    assert found > least
    assert found > unsure + 0.03, "asking again must be worth more than asking how sure the model is"


@pytest.mark.parametrize("score", [squeezing_scores, disagreement], ids=["squeezing", "moving"])
def test_an_attacker_who_knows_the_squeezers_stands_out_less(score: Any) -> None:
    honest = score(MODEL.predict, MODEL.pictures)
    (plain, fooled), (smooth, also) = MODEL.attacked(0.1), MODEL.attacked(0.1, smooth=True)
    known = auc(score(MODEL.predict, smooth[also]), honest)
    assert 0.75 < known < auc(score(MODEL.predict, plain[fooled]), honest)


def test_noise_that_fools_nobody_does_not_stand_out() -> None:
    noise = numpy.random.default_rng(3).choice((-0.06, 0.06), MODEL.pictures.shape)
    honest = squeezing_scores(MODEL.predict, MODEL.pictures)
    noisy = squeezing_scores(MODEL.predict, numpy.clip(MODEL.pictures + noise, 0, 1))
    assert (noisy > numpy.quantile(honest, 0.95)).mean() < 0.1
