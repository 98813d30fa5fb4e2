"""Perturbed images and sounds: predictions that change when the input is made simpler, or moved a little.

What an attacker adds is fragile: it lies in the last bits and in single pixels. A model that is asked again about an
input without these mostly says the same of an honest one and something else of a perturbed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bartizan.registry import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[Any]

Change = Callable[["Floats"], "Floats"]
"""Makes inputs (n, ...) of other inputs (n, ...), row by row."""
Predict = Callable[["Floats"], "Floats"]
"""Gives the probabilities (n, classes) of inputs (n, ...)."""


def reduced(inputs: Floats, bits: int) -> Floats:
    """Returns inputs with fewer bits.

    Args:
        inputs: Any shape, from 0 to 1.
        bits: How many are left of each value, 1 to 16.

    Raises:
        ValueError: `bits` is out of range.

    Source: Xu, Evans, Qi: Feature Squeezing, NDSS 2018 (https://arxiv.org/abs/1704.01155).
    """
    if not 1 <= bits <= 16:
        raise ValueError(f"bits is {bits}, and must be from 1 to 16")
    numpy = need("numpy", extra="ml")
    steps = 2**bits - 1
    return _floats(numpy.rint(numpy.clip(inputs, 0, 1) * steps) / steps)


def smoothed(inputs: Floats, size: int = 2, *, axes: Sequence[int] = (1, 2)) -> Floats:
    """Returns inputs in which each value is the median of its neighbours; the edges are mirrored.

    Args:
        inputs: (n, height, width), (n, height, width, channels), or for a sound (n, samples) with `axes=(1,)`.
        size: How many values wide the neighbourhood is along each axis; for an even one it reaches to the left.
        axes: Along which axes.

    Raises:
        ValueError: The size is below 1 or larger than an axis.

    Source: as `reduced`.
    """
    numpy = need("numpy", extra="ml")
    values = numpy.asarray(inputs)
    if size < 1 or any(values.shape[axis] < size for axis in axes):
        raise ValueError(f"a neighbourhood of {size} does not fit into {values.shape}")
    pads = [(size // 2, (size - 1) // 2) if axis in axes else (0, 0) for axis in range(values.ndim)]
    padded = numpy.pad(values, pads, mode="symmetric")
    stretches = numpy.lib.stride_tricks.sliding_window_view(padded, (size,) * len(axes), axis=tuple(axes))
    return _floats(numpy.median(stretches, axis=tuple(range(-len(axes), 0))))


def moved(inputs: Floats, by: int, *, axis: int) -> Floats:
    """Returns inputs moved along an axis, the edge repeated.

    Args:
        inputs: (n, ...).
        by: How far; negative to the front.
        axis: Along which axis, from 1 on.
    """
    numpy = need("numpy", extra="ml")
    values = numpy.asarray(inputs)
    last = values.shape[axis] - 1
    return _floats(numpy.take(values, numpy.clip(numpy.arange(last + 1) - by, 0, last), axis=axis))


SQUEEZERS: tuple[Change, ...] = (partial(reduced, bits=4), partial(smoothed, size=2), partial(smoothed, size=3))
"""The squeezers of the paper for small images in colour or grey, without its slow one (non-local means)."""
MOVES: tuple[Change, ...] = tuple(partial(moved, by=by, axis=axis) for axis in (1, 2) for by in (-1, 1))
"""One pixel in each of four directions."""


def squeezing_scores(predict: Predict, inputs: Floats, *, squeezers: Sequence[Change] = SQUEEZERS) -> Floats:
    """Returns how far the predictions move when the inputs are squeezed: the most of all squeezers.

    Args:
        predict: The model; it is asked once for the inputs and once for each squeezer.
        inputs: (n, ...).
        squeezers: What makes them simpler, at least one.

    Returns:
        (n,) L1 distances of the probabilities, 0 to 2.

    Source: as `reduced`, section IV.
    """
    numpy = need("numpy", extra="ml")
    return _floats(numpy.max(_distances(predict, inputs, squeezers), axis=0))


def disagreement(predict: Predict, inputs: Floats, *, changes: Sequence[Change] = MOVES) -> Floats:
    """Returns how far the predictions move on average when the inputs are changed in ways that mean nothing.

    Args:
        predict: The model; it is asked once for the inputs and once for each change.
        inputs: (n, ...).
        changes: What must not matter to the model, at least one.

    Returns:
        (n,) total variation distances, 0 to 1.

    Source: Tian, Yang, Cai: Detecting Adversarial Examples Through Image Transformation, AAAI 2018
    (https://doi.org/10.1609/aaai.v32i1.11828).
    """
    numpy = need("numpy", extra="ml")
    return _floats(numpy.mean(_distances(predict, inputs, changes), axis=0) / 2)


def _distances(predict: Predict, inputs: Floats, changes: Sequence[Change]) -> Floats:
    if not changes:
        raise ValueError("there must be at least one change")
    numpy = need("numpy", extra="ml")
    before = numpy.asarray(predict(inputs))
    return _floats(
        numpy.stack([numpy.abs(numpy.asarray(predict(change(inputs))) - before).sum(1) for change in changes])
    )


def _floats(values: Any) -> Floats:
    """Tells the type checker what numpy, imported late, has returned."""
    found: Floats = values
    return found
