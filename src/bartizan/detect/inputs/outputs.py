"""Inputs that a classifier was not made for, by its logits alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from bartizan.registry import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[Any]


def energy(logits: Floats, *, temperature: float = 1.0) -> Floats:
    """Returns the energy of each row: higher for what is less like the training data.

    Args:
        logits: (n, classes).
        temperature: Above 0; 1 as in the paper.

    Returns:
        (n,) of any sign; it has no scale of its own, so compare it with that of reference inputs (`p_values`).

    Raises:
        ValueError: The temperature is not above 0.

    Source: Liu, Wang, Owens, Li: Energy-based Out-of-distribution Detection, NeurIPS 2020
    (https://arxiv.org/abs/2010.03759).
    """
    numpy = need("numpy", extra="ml")
    scaled = numpy.asarray(logits, float) / _positive(temperature)
    most = scaled.max(axis=1, keepdims=True)
    found: Floats = -temperature * (most[:, 0] + numpy.log(numpy.exp(scaled - most).sum(axis=1)))
    return found


def softmax_doubt(logits: Floats, *, temperature: float = 1.0) -> Floats:
    """Returns one minus the largest probability of each row.

    Args:
        logits: (n, classes).
        temperature: Above 0; 1 for the baseline, 1000 for that of ODIN (https://arxiv.org/abs/1706.02690).

    Returns:
        (n,) from 0 (sure) to 1 - 1 / classes (no idea).

    Raises:
        ValueError: The temperature is not above 0.

    Source: Hendrycks, Gimpel: A Baseline for Detecting Misclassified and Out-of-Distribution Examples, ICLR 2017
    (https://arxiv.org/abs/1610.02136).
    """
    numpy = need("numpy", extra="ml")
    scaled = numpy.asarray(logits, float) / _positive(temperature)
    raised = numpy.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Floats = 1 - raised.max(axis=1) / raised.sum(axis=1)
    return found


def _positive(temperature: float) -> float:
    if not temperature > 0:
        raise ValueError(f"the temperature is {temperature}, and must be above 0")
    return temperature
