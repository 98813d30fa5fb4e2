"""Decisions that hang on what should not matter: the same case, changed harmlessly, must get the same answer.

Fraud checks, moderation, hiring, imaging and steering decide about people. A decision that a rounding, another spelling
or a shift by a pixel turns around is wrong in one of the two cases: it was manipulated, or is not fit to be relied on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bartizan.registry import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """How decisions held.

    Attributes:
        names: The changes, in order.
        flipped: (changes, n) whether the decision about a row was another one.
        scores: (n,) the share of the changes that turned it, 0 to 1.
    """

    names: tuple[str, ...]
    flipped: Floats
    scores: Floats

    def why(self, row: int) -> tuple[str, ...]:
        """Returns the names of the changes that turned the decision about a row."""
        return tuple(name for name, flips in zip(self.names, self.flipped, strict=True) if flips[row])


def consistency(
    decide: Callable[[Any], Any],
    inputs: Any,
    changes: Mapping[str, Callable[[Any], Any]],
    *,
    tolerance: float | None = None,
) -> Consistency:
    """Decides about inputs as they are and after each of some harmless changes.

    Args:
        decide: Gives a label or a number for each of n inputs; it is asked once, and once for each change.
        inputs: What it takes: an array (n, ...), or a sequence of n texts or records.
        changes: Make harmlessly changed inputs of inputs, by name; at least one.
        tolerance: How far numbers may differ and still be the same decision; None where they are labels.

    Raises:
        ValueError: There is no change, or the answers differ in number.

    Source: metamorphic testing, Chen, Cheung, Yiu 1998 (https://arxiv.org/abs/2002.12543), applied to one decision at a
    time.
    """
    if not changes:
        raise ValueError("there must be at least one change")
    numpy = need("numpy", extra="ml")
    before = numpy.asarray(decide(inputs))
    rows = []
    for name, change in changes.items():
        after = numpy.asarray(decide(change(inputs)))
        if after.shape != before.shape or before.ndim != 1:
            raise ValueError(f"{name}: {after.shape} answers, and {before.shape} before; one for each input is needed")
        rows.append(after != before if tolerance is None else ~(numpy.abs(after - before) <= tolerance))
    flipped = numpy.stack(rows)
    return Consistency(names=tuple(changes), flipped=flipped, scores=flipped.mean(axis=0))


def jittered(inputs: Floats, share: float, *, columns: Sequence[int] | None = None, seed: int = 0) -> Floats:
    """Returns a table in which numbers are a little different: a harmless change for measurements and amounts.

    Args:
        inputs: (n, d).
        share: By how much at most, as a share of each number.
        columns: Which columns; all where None.
        seed: Makes it repeatable.
    """
    numpy = need("numpy", extra="ml")
    found: Floats = numpy.array(inputs, float)
    chosen = slice(None) if columns is None else list(columns)
    part = found[:, chosen]
    found[:, chosen] = part * (1 + share * numpy.random.default_rng(seed).uniform(-1, 1, part.shape))
    return found
