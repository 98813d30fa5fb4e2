"""What a score means: how rare it is among reference inputs, with a guarantee for any score and any data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from bartizan.registry import need

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[Any]


def p_values(reference: ArrayLike, scores: ArrayLike) -> Floats:
    """Returns how rare scores are: at most a share `a` of inputs like the reference gets a value of `a` or less.

    That holds on average over references that were drawn like the inputs and not used to fit what gives the scores.
    With 1000 references, the smallest value is about 0.001.

    Args:
        reference: (m,) scores of inputs that the model was made for.
        scores: (n,) scores to judge, higher for what is more suspicious.

    Returns:
        (n,) from 1 / (m + 1) to 1. A score that is no number counts as the most suspicious.

    Raises:
        ValueError: There is no reference, or one that is no number.

    Source: Bates, Candes, Lei, Romano, Sesia: Testing for Outliers with Conformal p-values, Annals of Statistics 2023
    (https://arxiv.org/abs/2104.08279).
    """
    numpy = need("numpy", extra="ml")
    known = numpy.sort(numpy.asarray(reference, float))
    if not len(known) or numpy.isnan(known).any():
        raise ValueError("the reference must be numbers, at least one")
    asked = numpy.nan_to_num(numpy.asarray(scores, float), nan=numpy.inf, posinf=numpy.inf, neginf=-numpy.inf)
    at_least = len(known) - numpy.searchsorted(known, asked, side="left")
    found: Floats = (1 + at_least) / (1 + len(known))
    return found


def outliers(values: ArrayLike, *, rate: float = 0.1) -> Floats:
    """Returns which of many inputs are outliers, at most about a share `rate` of those named being none.

    Args:
        values: (n,) from `p_values`.
        rate: The share of false ones among those named, above 0 and below 1.

    Returns:
        (n,) booleans.

    Raises:
        ValueError: The rate is out of range.

    Source: Benjamini, Hochberg 1995 (https://doi.org/10.1111/j.2517-6161.1995.tb02031.x); that it holds for conformal
    values is shown in the source of `p_values`.
    """
    if not 0 < rate < 1:
        raise ValueError(f"the rate is {rate}, and must be between 0 and 1")
    numpy = need("numpy", extra="ml")
    given = numpy.asarray(values, float)
    ordered = numpy.sort(given)
    passed = numpy.nonzero(ordered <= rate * numpy.arange(1, len(given) + 1) / max(len(given), 1))[0]
    found: Floats = given <= (ordered[passed[-1]] if len(passed) else -1.0)
    return found
