from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bartizan.console.chart import bars, stack, timeline

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TONES = ("ok", "blocked")
moments = st.lists(
    st.tuples(st.integers(0, 10**6).map(lambda second: NOW + timedelta(seconds=second)), st.sampled_from(TONES)),
    max_size=80,
)


def test_bars_fill_their_frame_by_the_longest() -> None:
    assert [(bar.label, bar.length) for bar in bars({"a": 1, "b": 4})] == [("b", 100), ("a", 25)]
    assert bars({}) == ()
    assert [bar.length for bar in bars({"a": 0})] == [0]


def test_a_stack_is_whole() -> None:
    parts = stack({"high": 1, "low": 3, "none": 0}, order=("high", "none", "low"))
    assert [(part.label, part.start, part.length) for part in parts] == [("high", 0, 25), ("low", 25, 75)]


def test_an_empty_timeline() -> None:
    assert timeline([], order=TONES).columns == ()
    assert timeline([(NOW, "unknown")], order=TONES).columns == ()


def test_a_single_moment() -> None:
    drawn = timeline([(NOW, "ok")], order=TONES)
    assert [(part.value, part.top, part.height) for part in drawn.columns[0].parts] == [(1, 0, 100)]


@given(moments)
def test_a_timeline_counts_each_moment_once_and_stays_in_its_frame(found: list[tuple[datetime, str]]) -> None:
    drawn = timeline(found, order=TONES)
    for tone in TONES:
        counted = sum(part.value for column in drawn.columns for part in column.parts if part.tone == tone)
        assert counted == sum(each == tone for _, each in found)
    for column in drawn.columns:
        assert 0 <= column.left <= column.left + column.width <= 100
        assert sum(part.value for part in column.parts) <= drawn.most
        for part in column.parts:
            assert -0.01 <= part.top <= part.top + part.height <= 100.01
