"""The meter: what is spent, and when there is no more."""

import asyncio

from bartizan.attack.budget import Budget, Meter


async def test_requests_are_exact() -> None:
    meter = Meter(budget=Budget(requests=3))
    assert [await meter.take(10) for _ in range(5)] == [True, True, True, False, False]
    assert meter.stopped_by == "requests"


async def test_no_budget_is_no_limit() -> None:
    meter = Meter()
    assert all([await meter.take(10) for _ in range(1000)])
    assert meter.seconds_left is None


async def test_tokens_wait_for_what_is_under_way_and_then_stop() -> None:
    meter = Meter(budget=Budget(tokens=1_000))
    assert await meter.take(3)
    waiting = asyncio.ensure_future(meter.take(3))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    meter.settle(100, 100)
    assert await waiting
    meter.settle(300, 200)
    assert meter.tokens == 700
    assert not await meter.take(3)
    assert meter.stopped_by == "tokens"


async def test_time_that_is_over_gives_nothing() -> None:
    meter = Meter(budget=Budget(seconds=0.01))
    await asyncio.sleep(0.02)
    assert not await meter.take(1)
    assert meter.stopped_by == "seconds"
