"""Rows of a table that are unlike those a model was made for, and in what: values, and pairs of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from bartizan.registry import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[Any]

_BINS = 6
_EXPECTED = 8.0
"""How often a pair must be expected, were its columns independent, for its absence to mean something."""
_MANY = 64
"""Columns with more distinct values are names, not categories: their pairs say nothing."""


class Kind(StrEnum):
    """In what a row is unlike the reference."""

    OUT_OF_RANGE = "out_of_range"
    UNKNOWN_VALUE = "unknown_value"
    NO_NUMBER = "no_number"
    RARE_PAIR = "rare_pair"


class Oddity(NamedTuple):
    """One thing that is odd about a row.

    Attributes:
        row: Its number.
        columns: The columns that show it.
        kind: What it is.
        score: How odd, above 0: for a number, how many times the reference's spread (interquartile range) it lies
            outside its range; for a pair, the negative logarithm of the chance to see it so rarely; otherwise 1.
    """

    row: int
    columns: tuple[str, ...]
    kind: Kind
    score: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What is known of the reference.

    Attributes:
        size: How many rows it had.
        ranges: By column of numbers: the smallest, the largest, and the interquartile range.
        cuts: By column of numbers, where its bins begin.
        gaps: The columns of numbers in which some were missing.
        values: By column of categories, how often each was seen.
        pairs: By two columns, how often each pair of bins or categories was seen.
    """

    size: int
    ranges: Mapping[str, tuple[float, float, float]]
    cuts: Mapping[str, Floats]
    gaps: frozenset[str]
    values: Mapping[str, Mapping[str, int]]
    pairs: Mapping[tuple[str, str], Mapping[tuple[str, str], int]]


def profile(columns: Mapping[str, Any]) -> Profile:
    """Learns what ordinary rows look like.

    Args:
        columns: By name, (m,) values each: numbers (which may be NaN) or anything else, which counts as categories.

    Raises:
        ValueError: There is no row, or columns differ in length.
    """
    numpy = need("numpy", extra="ml")
    arrays = _arrays(columns)
    size = len(next(iter(arrays.values())))
    numbers = {name: one for name, one in arrays.items() if one.dtype.kind == "f" and numpy.isfinite(one).any()}
    ranges, cuts = {}, {}
    for name, one in numbers.items():
        known = one[numpy.isfinite(one)]
        low, quarter, rest, high = (float(at) for at in numpy.quantile(known, [0, 0.25, 0.75, 1]))
        ranges[name] = (low, high, rest - quarter or high - low or max(abs(high), 1.0))
        cuts[name] = numpy.unique(numpy.quantile(known, numpy.linspace(0, 1, _BINS + 1)[1:-1]))
    gaps = frozenset(name for name, one in numbers.items() if not numpy.isfinite(one).all())
    coded = {name: _coded(one, cuts.get(name)) for name, one in arrays.items()}
    values = {name: _counted(one) for name, one in coded.items()}
    few = [name for name in coded if len(values[name]) <= _MANY]
    pairs = {(a, b): _counted(list(zip(coded[a], coded[b], strict=True))) for a, b in combinations(few, 2)}
    return Profile(size=size, ranges=ranges, cuts=cuts, gaps=gaps, values=values, pairs=pairs)


def oddities(known: Profile, columns: Mapping[str, Any], *, rare: float = 1e-4) -> list[Oddity]:
    """Returns what is odd about rows, in their order.

    Args:
        known: From `profile`.
        columns: By name, (n,) values each; the columns of the profile, others are passed over.
        rare: Below which chance a pair counts as rare; it is judged where the reference is large enough to say.

    Raises:
        ValueError: A column of the profile is missing, or columns differ in length.
    """
    missing = known.values.keys() - columns.keys()
    if missing:
        raise ValueError(f"there is no column {min(missing)!r}")
    arrays = _arrays({name: columns[name] for name in known.values})
    coded = {name: _coded(one, known.cuts.get(name)) for name, one in arrays.items()}
    found = [*_odd_numbers(known, arrays), *_odd_values(known, coded), *_odd_pairs(known, coded, rare)]
    return sorted(found)


def oddness(known: Profile, columns: Mapping[str, Any], *, rare: float = 1e-4) -> Floats:
    """Returns one score a row, the sum of those of its oddities; for `p_values`. Arguments as for `oddities`."""
    numpy = need("numpy", extra="ml")
    odd = oddities(known, columns, rare=rare)
    found: Floats = numpy.zeros(len(next(iter(columns.values()))))
    for one in odd:
        found[one.row] += one.score
    return found


def _odd_numbers(known: Profile, arrays: Mapping[str, Any]) -> Iterator[Oddity]:
    numpy = need("numpy", extra="ml")
    for name, (low, high, spread) in known.ranges.items():
        values = _numbers(arrays[name])
        for row in numpy.nonzero(~numpy.isfinite(values))[0].tolist():
            if name not in known.gaps or math.isinf(values[row]):
                yield Oddity(row, (name,), Kind.NO_NUMBER, 1.0)
        for row in numpy.nonzero(numpy.isfinite(values) & ((values < low) | (values > high)))[0].tolist():
            value = float(values[row])
            yield Oddity(row, (name,), Kind.OUT_OF_RANGE, max(low - value, value - high) / spread)


def _odd_values(known: Profile, coded: Mapping[str, list[str]]) -> Iterator[Oddity]:
    for name, counts in known.values.items():
        if name not in known.ranges and len(counts) <= _MANY:
            for row, value in enumerate(coded[name]):
                if value not in counts:
                    yield Oddity(row, (name,), Kind.UNKNOWN_VALUE, 1.0)


def _odd_pairs(known: Profile, coded: Mapping[str, list[str]], rare: float) -> Iterator[Oddity]:
    for (a, b), counts in known.pairs.items():
        for row, (first, second) in enumerate(zip(coded[a], coded[b], strict=True)):
            expected = known.values[a].get(first, 0) * known.values[b].get(second, 0) / known.size
            seen = counts.get((first, second), 0)
            if expected >= _EXPECTED and seen < expected:
                surprise = _surprise(seen, expected)
                if surprise >= -math.log(rare):
                    yield Oddity(row, (a, b), Kind.RARE_PAIR, surprise)


def _surprise(seen: int, expected: float) -> float:
    """Returns the negative logarithm of the chance to see something at most so often, by Poisson's law."""
    terms = [at * math.log(expected) - math.lgamma(at + 1) for at in range(max(0, seen - 40), seen + 1)]
    most = max(terms)
    return expected - most - math.log(sum(math.exp(term - most) for term in terms))


def _arrays(columns: Mapping[str, Any]) -> dict[str, Any]:
    numpy = need("numpy", extra="ml")
    arrays = {name: numpy.asarray(values) for name, values in columns.items()}
    arrays = {name: one.astype(float) if one.dtype.kind in "fiu" else one for name, one in arrays.items()}
    if len({one.shape for one in arrays.values()}) != 1 or any(
        one.ndim != 1 or not len(one) for one in arrays.values()
    ):
        raise ValueError("a table is at least one column, all of the same length, with at least one row")
    return arrays


def _numbers(values: Any) -> Any:
    """Returns the numbers of a column that should hold them; what is none becomes NaN."""
    numpy = need("numpy", extra="ml")
    if values.dtype.kind == "f":
        return values
    return numpy.array([one if isinstance(one, int | float) else math.nan for one in values.tolist()], float)


def _coded(values: Any, cuts: Any) -> list[str]:
    if cuts is None:
        return [str(one) for one in values.tolist()]
    numpy = need("numpy", extra="ml")
    numbers = _numbers(values)
    bins = numpy.searchsorted(cuts, numbers, side="right").tolist()
    return [str(one) if known else "" for one, known in zip(bins, numpy.isfinite(numbers).tolist(), strict=True)]


def _counted(values: list[Any]) -> dict[Any, int]:
    counts: dict[Any, int] = {}
    for one in values:
        counts[one] = counts.get(one, 0) + 1
    return counts
