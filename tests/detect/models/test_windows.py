"""Windows cover every unit, and what straddles an edge is whole in one of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.models.windows import SIZE, STRIDE, starts


@given(st.integers(0, 5_000))
def test_every_unit_is_covered(count: int) -> None:
    places = list(starts(count))
    assert places == sorted(set(places))
    assert {at for start in places for at in range(start, min(count, start + SIZE))} == set(range(count))


@given(st.integers(SIZE, 5_000), st.integers(0, 5_000))
def test_a_short_stretch_is_whole_in_a_window(count: int, at: int) -> None:
    size = SIZE - STRIDE
    at = min(at, count - size)
    assert any(start <= at and at + size <= start + SIZE for start in starts(count))
