"""Rates: repetitions of one prompt are no independent trials, and what cannot be scored is not counted as safe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.attack.tally import Tally, clustered
from bartizan.core.attempt import Attempt, Outcome
from bartizan.core.finding import wilson

S, R, B, U, E = Outcome.SUCCESS, Outcome.RESISTED, Outcome.BLOCKED, Outcome.UNSCORED, Outcome.ERROR


def attempt(number: int, outcome: Outcome, *, prompt: str = "p", mutator: str = "mutator.identity") -> Attempt:
    return Attempt(
        id=f"a{number}", run="r", probe="direct.x", objective="say", channel="user", mutator=mutator, trial=number,
        outcome=outcome, judge="judge.canary", request=f"a{number}", prompt=prompt,
    )  # fmt: skip


def test_outcomes_are_counted_and_the_unscored_apart() -> None:
    tally = Tally()
    for number, outcome in enumerate([S, S, R, B, U, E]):
        tally.add(attempt(number, outcome, prompt=str(number)))
    overall, by_mutator = tally.rates()
    assert (overall.successes, overall.scored) == (2, 4)
    assert overall.confidence
    assert overall.confidence.share == 0.5
    assert by_mutator.mutator == "mutator.identity"
    assert overall.outcomes == {S: 2, R: 1, B: 1, U: 1, E: 1}


def test_nothing_scored_is_no_rate() -> None:
    tally = Tally()
    tally.add(attempt(1, U))
    assert next(tally.rates()).confidence is None
    assert clustered([{U: 5}, {E: 1}]) is None


def test_independent_prompts_give_the_plain_interval() -> None:
    mixed = [{S: 1} if number % 2 else {R: 1} for number in range(40)]
    interval = clustered(mixed)
    plain = wilson(20, 40)
    assert interval
    assert interval.low == pytest.approx(plain.low, abs=0.01)
    assert interval.high == pytest.approx(plain.high, abs=0.01)


def test_repetitions_that_agree_count_as_one() -> None:
    interval = clustered([{S: 10}, {R: 10}, {S: 10}, {R: 10}])
    assert interval
    assert (interval.successes, interval.trials, interval.share) == (20, 40, 0.5)
    assert interval.high - interval.low > wilson(20, 40).high - wilson(20, 40).low
    none = clustered([{R: 100}])
    assert none
    assert none.high == pytest.approx(wilson(0, 1).high)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_an_interval_holds_its_share_and_is_no_narrower_than_the_plain_one(pairs: list[tuple[int, int]]) -> None:
    interval = clustered([{S: successes, R: failures} for successes, failures in pairs])
    trials = sum(map(sum, pairs))
    if interval is None:
        assert trials == 0
        return
    plain = wilson(sum(pair[0] for pair in pairs), trials)
    assert 0 <= interval.low <= interval.share <= interval.high <= 1
    assert interval.high - interval.low >= (plain.high - plain.low) * 0.95


def test_a_sample_of_successes_is_kept_small() -> None:
    tally = Tally()
    for number in range(100):
        tally.add(attempt(number, S))
    assert 1 <= len(tally.sample("direct.x")) <= 5
    assert tally.sample("direct.other") == ()
