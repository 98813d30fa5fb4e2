"""Exact binomial tails, and the bounds on an unknown share that follow from them: no normal approximation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

_NEGLIGIBLE: Final = 1e-17
_STEPS: Final = 60


def at_most(count: int, trials: int, share: float) -> float:
    """Returns the probability that at most `count` of `trials` succeed, each with probability `share`.

    Terms are summed outwards from `count` until they no longer matter, so that the cost grows with the root of
    `trials`. The relative error stays below 1e-7 up to ten million trials.
    """
    if count < 0:
        return 0.0
    if count >= trials or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    if count < trials * share:
        return min(1.0, _sum(count, trials, share, step=-1))
    return max(0.0, 1 - _sum(count + 1, trials, share, step=1))


def share_above(rank: int, trials: int, risk: float) -> float:
    """Returns what the share of a population above its sample's `rank`-th greatest value exceeds with `risk` at most.

    That share is distributed as Beta(rank, trials - rank + 1) where values never tie, and is no greater where they do,
    if it is counted strictly (H. A. David and H. N. Nagaraja, Order Statistics, 2003, section 2.5).

    Args:
        rank: 1 for the greatest of the sample.
        trials: The size of the sample.
        risk: The probability that the bound is wrong.
    """
    return _solve(lambda share: at_most(rank - 1, trials, share) > risk)


def share_below(rank: int, trials: int, risk: float) -> float:
    """Returns what the share of a population that reaches its sample's `rank`-th greatest value is below with `risk`.

    The counterpart of `share_above`; here a tie counts as reaching.
    """
    return _solve(lambda share: 1 - at_most(rank - 1, trials, share) < risk)


def _solve(too_low: Callable[[float], bool]) -> float:
    """Returns where a condition that holds for small shares ends, by halving; from above, so that 1 stays possible."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if too_low(middle):
            low = middle
        else:
            high = middle
    return high


def _sum(count: int, trials: int, share: float, *, step: int) -> float:
    """Returns the sum of the probabilities of `count` and of all counts beyond it, where they only fall."""
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(count + 1)
        - math.lgamma(trials - count + 1)
        + count * math.log(share)
        + (trials - count) * math.log1p(-share)
    )
    odds, total = share / (1 - share), 0.0
    while term > total * _NEGLIGIBLE and term > 0:
        total += term
        if step < 0:
            term *= count / (trials - count + 1) / odds
        else:
            term *= (trials - count) / (count + 1) * odds
        count += step
    return total
