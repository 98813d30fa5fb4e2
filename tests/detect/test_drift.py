"""Drift: bets never gain on the traffic of the calibration, and soon on other traffic; the state is a value."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.binomial import at_most
from bartizan.detect.drift import Drift, begin
from bartizan.detect.thresholds import Choice, choose
from bartizan.errors import InputError

CALM = choose([(at + 0.5) / 3000 for at in range(3000)], budget=0.001)
START = begin(CALM)
SCORES = st.lists(st.floats(0, 1), max_size=300)


@given(SCORES, st.integers(0, 300))
def test_any_cut_of_the_traffic_gives_the_same_state(scores: list[float], cut: int) -> None:
    whole = START.observe_all(scores)
    assert START.observe_all(scores[:cut]).observe_all(scores[cut:]) == whole
    one_by_one = START
    for score in scores:
        one_by_one = one_by_one.observe(score)
    assert one_by_one == whole


@given(SCORES)
def test_the_state_survives_json(scores: list[float]) -> None:
    state = START.observe_all(scores)
    assert msgspec.json.decode(msgspec.json.encode(state), type=Drift) == state


@given(st.lists(st.floats(0, 0.999), min_size=400, max_size=500), st.floats(0.001, 0.5), st.floats(0, 0.3))
def test_no_bet_gains_where_the_share_is_within_its_bounds(
    scores: list[float], false_withdrawal: float, attacks: float
) -> None:
    choice = choose(scores, budget=0.01)
    for bet in begin(choice, false_withdrawal=false_withdrawal, attacks=attacks).bets:
        share = sum(one > bet.mark if bet.rises else one >= bet.mark for one in scores) / len(scores)
        spread = (1 - attacks) * share + attacks * bet.rises
        assert spread * bet.hit + (1 - spread) * bet.miss <= 1 + 1e-9


def test_the_capital_that_comes_in_is_one_at_most() -> None:
    assert sum(bet.stake for bet in START.bets) == pytest.approx(1)
    still = msgspec.structs.replace(
        START, bets=tuple(msgspec.structs.replace(bet, hit=1.0, miss=1.0) for bet in START.bets)
    )
    assert 0.9 < sum(still.observe_all([0.5] * 5_000).capital) < 1


def test_a_withdrawn_statement_stays_withdrawn() -> None:
    gone = START.observe_all([0.9999] * 1_000)
    assert not gone.stands
    assert gone.withdrawn_at == gone.seen < 50
    assert gone.evidence >= 1
    assert "more texts score above" in gone.reason
    assert gone.observe(0.1) is gone


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.5, float("inf")])
def test_what_is_no_score_is_an_error(score: float) -> None:
    with pytest.raises(InputError, match="no number from 0 to 1"):
        START.observe(score)


def test_impossible_settings_are_errors() -> None:
    for wrong in ({"false_withdrawal": 0.0}, {"false_withdrawal": 1.0}, {"attacks": 1.0}, {"attacks": -0.1}):
        with pytest.raises(InputError):
            begin(CALM, **wrong)
    with pytest.raises(InputError, match="no marks"):
        begin(Choice(budget=0.1, confidence=0.9, threshold=0.5, n=10, exceedances=0))


def withdrawals(runs: int, requests: int, live: float, false_withdrawal: float) -> list[int | None]:
    """Calibrates and watches anew in each run; live scores are a uniform number to the power of `live`."""
    rng = random.Random(7)
    found = []
    for _ in range(runs):
        choice = choose((rng.random() for _ in range(600)), budget=0.01)
        start = begin(choice, false_withdrawal=false_withdrawal)
        found.append(start.observe_all(rng.random() ** live for _ in range(requests)).withdrawn_at)
    return found


def test_the_statement_stands_while_the_traffic_stays() -> None:
    gone = [one for one in withdrawals(100, 2_000, 1.0, 0.1) if one is not None]
    assert at_most(len(gone) - 1, 100, 0.1) < 0.999


@pytest.mark.parametrize(("live", "bound"), [(0.3, 300), (0.5, 900), (2.0, 900), (4.0, 400)])
def test_the_statement_goes_soon_after_the_traffic_changes(live: float, bound: int) -> None:
    found = withdrawals(30, 2_000, live, 0.01)
    assert all(one is not None and one <= bound for one in found)


def test_late_drift_costs_little_more_than_early_drift() -> None:
    rng = random.Random(3)
    calm = START.observe_all(rng.random() for _ in range(50_000))
    assert calm.stands
    gone = calm.observe_all(rng.random() ** 0.4 for _ in range(2_000)).withdrawn_at
    assert gone is not None
    assert gone - 50_000 < 500


@pytest.mark.parametrize("attacks", [0.02, 0.1, 0.3])
def test_attacks_within_the_share_allowed_are_no_drift(attacks: float) -> None:
    rng = random.Random(5)
    start = begin(CALM, attacks=attacks)
    live = (1.0 if rng.random() < attacks / 2 else rng.random() for _ in range(2_000))
    assert start.observe_all(live).stands
