"""Inputs that a model was not made for, by how far their features lie from those of reference inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bartizan.registry import need

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[Any]

_ROWS = 256
"""How many rows are compared at a time, so that memory does not grow with their number."""


def knn_distance(reference: ArrayLike, features: ArrayLike, *, k: int = 10, normalise: bool = True) -> Floats:
    """Returns the distance to the k-th nearest reference.

    Args:
        reference: (m, d), features of inputs that the model was made for; m at least k.
        features: (n, d), such as the activations of the last layer but one.
        k: Which neighbour counts; more for a larger reference.
        normalise: Whether only directions count, as in the paper; a row of zeros stays one.

    Returns:
        (n,) Euclidean distances; from 0 to 2 where only directions count.

    Raises:
        ValueError: There are fewer references than `k`, or `k` is below 1.

    Source: Sun, Ming, Zhu, Li: Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022
    (https://arxiv.org/abs/2204.06507).
    """
    numpy = need("numpy", extra="ml")
    known, asked = numpy.asarray(reference, float), numpy.asarray(features, float)
    if not 1 <= k <= len(known):
        raise ValueError(f"k is {k}, and there are {len(known)} references")
    if normalise:
        known, asked = _directions(known), _directions(asked)
    squares = (known**2).sum(axis=1)
    found: Floats = numpy.empty(len(asked))
    for at in range(0, len(asked), _ROWS):
        part = asked[at : at + _ROWS]
        apart = (part**2).sum(axis=1)[:, None] + squares - 2 * part @ known.T
        found[at : at + _ROWS] = numpy.sqrt(numpy.maximum(numpy.partition(apart, k - 1, axis=1)[:, k - 1], 0))
    return found


@dataclass(frozen=True, kw_only=True)
class Gaussians:
    """What the features of each class look like: a mean each, and one covariance for all.

    Attributes:
        means: (classes, d).
        whitening: (d, d), by which differences are multiplied so that their squares sum up to the distance.
    """

    means: Floats
    whitening: Floats


def gaussians(features: ArrayLike, labels: ArrayLike, *, shrinkage: float = 0.05) -> Gaussians:
    """Fits a Gaussian for each class, with one covariance for all.

    Args:
        features: (m, d) of inputs that the model was made for.
        labels: (m,) their classes, of any type that sorts.
        shrinkage: How much the covariance is drawn to a ball of the same volume (Ledoit and Wolf 2004), above 0 to 1;
            it keeps directions in which the references do not vary from counting without bound.

    Raises:
        ValueError: Features and labels differ in number, there are none, or the shrinkage is out of range.

    Source: Lee, Lee, Lee, Shin: A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
    Attacks, NeurIPS 2018 (https://arxiv.org/abs/1807.03888).
    """
    numpy = need("numpy", extra="ml")
    known, classes = numpy.asarray(features, float), numpy.asarray(labels)
    if len(known) != len(classes) or not len(known) or not 0 < shrinkage <= 1:
        raise ValueError(f"{len(known)} features, {len(classes)} labels, and a shrinkage of {shrinkage}")
    _, numbers = numpy.unique(classes, return_inverse=True)
    means = numpy.stack([known[numbers == at].mean(axis=0) for at in range(int(numbers.max()) + 1)])
    apart = known - means[numbers]
    covariance = apart.T @ apart / len(known)
    level = numpy.trace(covariance) / len(covariance) or 1.0
    values, vectors = numpy.linalg.eigh((1 - shrinkage) * covariance + shrinkage * level * numpy.eye(len(covariance)))
    return Gaussians(means=means, whitening=vectors / numpy.sqrt(values))


def mahalanobis(known: Gaussians, features: ArrayLike) -> Floats:
    """Returns the Mahalanobis distance to the nearest class.

    Args:
        known: From `gaussians`.
        features: (n, d).

    Returns:
        (n,) distances, 0 or more; about the square root of d for what the model was made for.

    Source: as `gaussians`.
    """
    numpy = need("numpy", extra="ml")
    asked = numpy.asarray(features, float)
    distances = [numpy.linalg.norm((asked - mean) @ known.whitening, axis=1) for mean in known.means]
    found: Floats = numpy.min(distances, axis=0)
    return found


def _directions(rows: Any) -> Any:
    numpy = need("numpy", extra="ml")
    lengths = numpy.linalg.norm(rows, axis=1, keepdims=True)
    return rows / numpy.where(lengths > 0, lengths, 1)
