"""Whether the traffic is still what a threshold was set on: a test that may be looked at after every request.

Some scores of the calibration serve as marks. For each there is a share of harmless texts above it that is known up to
chance. Money is bet on the share of live texts above each mark being greater, or smaller: while the traffic is that of
the calibration, no bet gains on average, whatever the past, so that the capital ever exceeds 1/a with probability a at
most (Ville's inequality; bets on bounded means as in Waudby-Smith and Ramdas 2023,
https://arxiv.org/abs/2010.09686). Capital comes in by and by, one unit in all, so that a drift that begins late finds
money that was not lost before (a mixture over beginnings, as in Shin, Ramdas and Rinaldo 2023,
https://arxiv.org/abs/2203.03532); what it costs to have waited grows with the logarithm of the requests only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

import msgspec

from bartizan.core.record import Record
from bartizan.detect.binomial import share_above, share_below
from bartizan.detect.thresholds import Choice, Origin, SiteThreshold
from bartizan.errors import InputError

_ODDS: Final = (1.2, 1.5, 3.0, 10.0)
"""By how much the odds of a text above a mark are betted to have changed."""
_INSTALMENT: Final = 100
"""After how many texts fresh capital comes in."""

_Factor = Annotated[float, msgspec.Meta(gt=0)]


class Bet(Record, frozen=True, kw_only=True, array_like=True):
    """A bet on the share of texts above a mark.

    Attributes:
        mark: The score.
        rises: Whether the share is betted to have grown; then texts above the mark count, else also those at it.
        hit: What a text that counts multiplies the capital with.
        miss: What another does.
        stake: The share of all capital that is on this bet.
    """

    mark: float
    rises: bool
    hit: _Factor
    miss: _Factor
    stake: _Factor


class Drift(Record, frozen=True, kw_only=True):
    """The state of the test: a value, which JSON keeps exactly.

    Attributes:
        bets: What is betted on.
        capital: What each bet has, in their order.
        limit: The capital at which the statement is withdrawn.
        false_withdrawal: The probability that it is ever withdrawn although it is true and the traffic is that of
            the calibration.
        seen: How many texts were observed.
        withdrawn_at: Which text, counted from 1, withdrew the statement; None while it stands.
        reason: What was seen then.
        origin: What the calibration was made from, where the test began with the threshold of a site.
    """

    bets: tuple[Bet, ...]
    capital: tuple[float, ...]
    limit: float
    false_withdrawal: float
    seen: int = 0
    withdrawn_at: int | None = None
    reason: str = ""
    origin: Origin | None = None

    @property
    def stands(self) -> bool:
        """Whether the statement still holds."""
        return self.withdrawn_at is None

    @property
    def evidence(self) -> float:
        """How far the evidence has come on the way to withdrawal, as a share of the logarithm of the limit; from 0."""
        return max(0.0, math.log(max(sum(self.capital), 1.0)) / math.log(self.limit))

    def observe(self, score: float) -> Drift:
        """Returns the state after one more text; that of a withdrawn statement stays as it is.

        Raises:
            InputError: The score is no number from 0 to 1.
        """
        return self.observe_all((score,))

    def observe_all(self, scores: Iterable[float]) -> Drift:
        """Returns the state after more texts, the same as one by one.

        Raises:
            InputError: A score is no number from 0 to 1.
        """
        if not self.stands:
            return self
        capital, seen = list(self.capital), self.seen
        for score in scores:
            if not 0 <= score <= 1:
                raise InputError(f"the score {score} is no number from 0 to 1")
            fresh = _instalment(seen)
            seen += 1
            for at, bet in enumerate(self.bets):
                counts = score > bet.mark if bet.rises else score >= bet.mark
                capital[at] = (capital[at] + fresh * bet.stake) * (bet.hit if counts else bet.miss)
            if sum(capital) >= self.limit:
                return msgspec.structs.replace(
                    self, capital=tuple(capital), seen=seen, withdrawn_at=seen, reason=self._reason(capital)
                )
        return msgspec.structs.replace(self, capital=tuple(capital), seen=seen)

    def _reason(self, capital: Sequence[float]) -> str:
        bet = self.bets[max(range(len(capital)), key=capital.__getitem__)]
        change = "more" if bet.rises else "fewer"
        return f"{change} texts score above {bet.mark:.6g} than in the calibration"


def begin(choice: Choice, *, false_withdrawal: float = 0.01, attacks: float = 0.0) -> Drift:
    """Returns the test before the first text.

    Half of `false_withdrawal` pays for not knowing the shares above the marks exactly, half for the bets. Against the
    statement itself, that the share which reaches the threshold is within the budget, money is bet as well.

    Args:
        choice: The threshold; its marks are used.
        false_withdrawal: The probability that the statement is ever withdrawn although it is true and the traffic has
            not changed.
        attacks: The share of live texts that may be attacks, with any scores, without that counting as drift.

    Raises:
        InputError: A share is out of range, or the marks leave nothing to bet on.
    """
    if not 0 < false_withdrawal < 1 or not 0 <= attacks < 1:
        raise InputError("the probability of a false withdrawal lies between 0 and 1, the share of attacks from 0 to 1")
    risk = false_withdrawal / 2 / (2 * max(1, len(choice.marks)))
    bets: list[Bet] = []
    for mark in choice.marks:
        high = (1 - attacks) * share_above(mark.rank, choice.n, risk) + attacks
        low = (1 - attacks) * share_below(mark.rank, choice.n, risk)
        for odds in _ODDS:
            bets += _bet(mark.score, high, odds)
            bets += _bet(mark.score, low, 1 / odds)
    for odds in _ODDS:
        bets += _bet(math.nextafter(choice.threshold, -math.inf), (1 - attacks) * choice.budget + attacks, odds)
    if not choice.marks:
        raise InputError("the threshold has no marks to look for drift at", hint="calibrate again, with more texts")
    even = 1 / len(bets)
    return Drift(
        bets=tuple(msgspec.structs.replace(bet, stake=even) for bet in bets),
        capital=(0.0,) * len(bets),
        limit=2 / false_withdrawal,
        false_withdrawal=false_withdrawal,
        origin=choice.origin if isinstance(choice, SiteThreshold) else None,
    )


def _bet(mark: float, share: float, odds: float) -> list[Bet]:
    """Returns the bet that the odds of `share` have changed by a factor; none where that cannot be told from it."""
    if not 0 < share < 1:
        return []
    other = share * odds / (1 - share + share * odds)
    return [Bet(mark=mark, rises=odds > 1, hit=other / share, miss=(1 - other) / (1 - share), stake=1.0)]


def _instalment(seen: int) -> float:
    """Returns the capital that comes in before the next text; the instalments of all time sum to 1."""
    number, rest = divmod(seen, _INSTALMENT)
    return 0.0 if rest else 1 / ((number + 1) * (number + 2))
