"""Distances to the reference: against the slow way, and for inputs from elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.inputs.distance import gaussians, knn_distance, mahalanobis
from tests.detect.inputs.pictures import auc, numpy


@given(some.integers(0, 999), some.integers(1, 20), some.booleans())
def test_the_kth_neighbour_is_that_of_the_slow_way(seed: int, k: int, normalise: bool) -> None:
    random = numpy.random.default_rng(seed)
    reference, features = random.normal(size=(20, 3)), random.normal(size=(7, 3))
    found = knn_distance(reference, features, k=k, normalise=normalise)
    if normalise:
        reference, features = (one / numpy.linalg.norm(one, axis=1, keepdims=True) for one in (reference, features))
    slow = numpy.sort(numpy.linalg.norm(features[:, None] - reference, axis=2), axis=1)[:, k - 1]
    assert found == pytest.approx(slow, abs=1e-6)


def test_many_rows_are_compared_in_parts() -> None:
    random = numpy.random.default_rng(1)
    reference, features = random.normal(size=(50, 3)), random.normal(size=(600, 3))
    whole = knn_distance(reference, features, k=3)
    assert whole[300:] == pytest.approx(knn_distance(reference, features[300:], k=3))


def test_rows_of_zeros_are_no_error() -> None:
    assert numpy.isfinite(knn_distance(numpy.zeros((3, 2)), numpy.zeros((2, 2)), k=1)).all()
    assert numpy.isfinite(mahalanobis(gaussians(numpy.zeros((3, 2)), [0, 1, 1]), numpy.ones((2, 2)))).all()


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="3 references"):
        knn_distance(numpy.zeros((3, 2)), numpy.zeros((1, 2)), k=4)
    with pytest.raises(ValueError, match="2 labels"):
        gaussians(numpy.zeros((3, 2)), [0, 1])
    with pytest.raises(ValueError, match="shrinkage"):
        gaussians(numpy.zeros((1, 2)), [0], shrinkage=0)


@given(some.integers(0, 999))
def test_mahalanobis_does_not_see_units(seed: int) -> None:
    random = numpy.random.default_rng(seed)
    features, asked, labels = random.normal(size=(40, 3)), random.normal(size=(5, 3)), random.integers(0, 2, 40)
    turned = numpy.linalg.qr(random.normal(size=(3, 3)))[0] * 7
    plain = mahalanobis(gaussians(features, labels), asked)
    assert mahalanobis(gaussians(features @ turned, labels), asked @ turned) == pytest.approx(plain)
    assert plain.min() >= 0


def test_one_class_without_shrinkage_is_the_textbook_distance() -> None:
    random = numpy.random.default_rng(2)
    features = random.normal(size=(500, 2)) * (1, 10)
    covariance = numpy.cov(features.T, bias=True)
    apart = numpy.array([[3.0, 5.0]]) - features.mean(0)
    textbook = numpy.sqrt((apart @ numpy.linalg.inv(covariance) * apart).sum(1))
    known = gaussians(features, numpy.zeros(500), shrinkage=1e-9)
    assert mahalanobis(known, numpy.array([[3.0, 5.0]])) == pytest.approx(textbook, rel=1e-4)


def test_inputs_from_elsewhere_stand_out() -> None:
    random = numpy.random.default_rng(4)
    labels = random.integers(0, 3, 600)
    middles = random.normal(0, 3, (3, 16))
    known = middles[labels] + random.normal(size=(600, 16)) @ numpy.diag(numpy.linspace(0.2, 2, 16))
    elsewhere = random.normal(0, 3, 16) + random.normal(size=(200, 16))
    learned = gaussians(known[:400], labels[:400])
    assert auc(mahalanobis(learned, elsewhere), mahalanobis(learned, known[400:])) > 0.95
    assert auc(knn_distance(known[:400], elsewhere), knn_distance(known[:400], known[400:])) > 0.95
