"""The linear stage: what is written is read, and sums are those of the features."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.models.linear import BITS, Head, Linear, joint_features, number_of, own_features

TABLE = array("b", (bytes(range(256)) * (1 << (BITS - 8))))
MODEL = Linear({"user": Head(scale=0.5, bias=-1.0)}, {"user": TABLE})


@given(st.lists(st.sampled_from(["ignore", "all", "previous", "2026", "rules", "忽", "!"]), max_size=30))
def test_sums_are_those_of_the_features(words: list[str]) -> None:
    expected = 0
    numbers = [number_of(word) for word in words]
    for word, joint in zip(words, joint_features(numbers), strict=True):
        expected += sum(TABLE[bucket] for bucket in (*own_features(word), *joint))
    assert MODEL.sums(words, "user")[-1] == expected


def test_what_is_written_is_read() -> None:
    copy = Linear.read(Linear.dump({"user": Head(scale=0.5, bias=-1.0)}, {"user": TABLE}))
    words = ["some", "words", "here"]
    assert copy.sums(words, "user") == MODEL.sums(words, "user")
    assert copy.log_odds(12, 4, "user") == MODEL.log_odds(12, 4, "user") == -1.0 + 0.5 * 12 / 2


def test_a_table_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        Linear.read(Linear.dump({"user": Head(scale=1.0, bias=0.0)}, {"user": TABLE})[:-1])


def test_numbers_of_like_length_are_one_word() -> None:
    assert own_features("2026") == own_features("1999")
    assert number_of("2026") == number_of("1999")
