"""Windows cover every unit, and what straddles an edge is whole in one of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.models.windows import OVERLAP, SIZE, windows


@given(st.integers(1, 5_000))
def test_every_unit_is_covered_by_windows_of_one_size(count: int) -> None:
    places = list(windows(count))
    assert places == sorted(set(places))
    assert {at for start, end in places for at in range(start, end)} == set(range(count))
    assert len({end - start for start, end in places}) == 1
    assert all(end - start <= SIZE for start, end in places)


@given(st.integers(OVERLAP, 5_000), st.integers(0, 5_000))
def test_a_short_stretch_is_whole_in_a_window(count: int, at: int) -> None:
    at = min(at, count - OVERLAP)
    assert any(start <= at and at + OVERLAP <= end for start, end in windows(count))


@given(st.integers(1, 5_000))
def test_no_window_is_more_than_is_needed(count: int) -> None:
    fewer = len(list(windows(count))) - 1
    assert not fewer or fewer * (SIZE - OVERLAP) + OVERLAP < count
