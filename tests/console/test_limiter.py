from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bartizan.console.limiter import MOST_IN_ALL, MOST_PER_ADDRESS, WINDOW_SECONDS, Limiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_waits_after_its_failures_and_only_as_long_as_the_window() -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    for _ in range(MOST_PER_ADDRESS):
        assert limiter.wait("1.2.3.4") == 0
        limiter.failed("1.2.3.4")
    assert limiter.wait("1.2.3.4") == WINDOW_SECONDS
    assert limiter.wait("5.6.7.8") == 0
    clock.now = WINDOW_SECONDS - 1
    assert limiter.wait("1.2.3.4") == 1
    clock.now = WINDOW_SECONDS
    assert limiter.wait("1.2.3.4") == 0


def test_many_addresses_are_one_attacker() -> None:
    limiter = Limiter(clock=Clock())
    for place in range(MOST_IN_ALL):
        assert limiter.wait(f"10.0.0.{place}") == 0
        limiter.failed(f"10.0.0.{place}")
    assert limiter.wait("192.0.2.1") == WINDOW_SECONDS


def test_memory_is_bounded() -> None:
    limiter = Limiter(clock=Clock())
    for place in range(5_000):
        limiter.failed(str(place))
    assert len(limiter._failures) <= 1_000
    assert len(limiter._all) == MOST_IN_ALL


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 400)), max_size=60))
def test_no_address_fails_more_often_in_a_window_than_it_may(tries: list[tuple[str, float]]) -> None:
    clock = Clock()
    limiter = Limiter(clock=clock)
    failed: dict[str, list[float]] = {}
    for address, pause in tries:
        clock.now += pause
        if limiter.wait(address) == 0:
            limiter.failed(address)
            failed.setdefault(address, []).append(clock.now)
    for times in failed.values():
        for now in times:
            assert sum(now - WINDOW_SECONDS < at <= now for at in times) <= MOST_PER_ADDRESS
