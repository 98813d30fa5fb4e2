"""The pace: up while it goes well, down on trouble, still while the target asks for it."""

import asyncio
import time

from bartizan.attack.pace import Pace


def well(pace: Pace, rounds: int, seconds: float = 0.01) -> None:
    for _ in range(rounds):
        for _ in range(int(pace.limit) + 1):
            pace.answered(seconds)


def test_it_rises_to_the_most_and_not_above() -> None:
    pace = Pace(most=32)
    assert pace.limit < 32
    well(pace, 10)
    assert pace.limit == 32


def test_trouble_halves_it_once_a_round_and_it_recovers_step_by_step() -> None:
    pace = Pace(most=32)
    well(pace, 10)
    for _ in range(10):
        pace.troubled()
    assert pace.limit == 16
    well(pace, 5)
    assert 16 < pace.limit < 20


def test_it_never_falls_below_one() -> None:
    pace = Pace(most=4)
    for _ in range(20):
        pace.troubled()
        well(pace, 1)
        pace.troubled()
    assert pace.limit >= 1


def test_answers_that_become_much_slower_lower_it() -> None:
    pace = Pace(most=32)
    well(pace, 10, seconds=0.01)
    for _ in range(34):
        pace.answered(1.0)
    assert pace.limit < 32


async def test_no_more_enter_than_the_limit_allows() -> None:
    pace = Pace(most=2)
    await pace.enter()
    await pace.enter()
    third = asyncio.ensure_future(pace.enter())
    await asyncio.sleep(0)
    assert not third.done()
    pace.leave()
    await third


async def test_a_cancelled_waiter_does_not_take_a_place() -> None:
    pace = Pace(most=1)
    await pace.enter()
    waiting = asyncio.ensure_future(pace.enter())
    behind = asyncio.ensure_future(pace.enter())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    pace.leave()
    await asyncio.wait_for(behind, 5)
    assert waiting.cancelled()
    assert not behind.cancelled()


async def test_retry_after_stops_everybody() -> None:
    pace = Pace(most=4)
    pace.troubled(0.1)
    begun = time.monotonic()
    await pace.enter()
    assert time.monotonic() - begun >= 0.09
