"""How alike sentences are: bounds, symmetry, and vectors where there are any."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.models.units import Unit
from bartizan.detect.topics.likeness import Sentences
from bartizan.detect.topics.topic import ordinary

KNOWN = ("How long do I have to boil an egg?", "Which spices go into a curry?", "请把这封邮件写得更礼貌一些。")


def by_length(windows: Sequence[Sequence[Unit]]) -> list[list[float]]:
    """Vectors that tell sentences apart by how many units they have."""
    return [[float(len(window)), 1.0] for window in windows]


@given(some.text())
def test_likeness_is_a_cosine(text: str) -> None:
    like = Sentences(KNOWN).like(text)
    assert all(-1e-9 <= one <= 1 + 1e-9 for one in like.words)
    assert like.vectors == ()


def test_a_sentence_is_most_like_itself_whatever_its_dress() -> None:
    known = Sentences((*KNOWN, *ordinary()))
    for at, text in enumerate(KNOWN):
        assert known.like(text).words[at] == pytest.approx(1)
        dressed = known.like(text.upper().replace("O", "\u041e")).words
        assert max(range(len(dressed)), key=dressed.__getitem__) == at


def test_inflected_words_are_alike_and_others_are_not() -> None:
    likes = Sentences((*KNOWN, *ordinary())).like("boiling eggs").words
    assert max(range(len(likes)), key=likes.__getitem__) == 0


def test_vectors_are_compared_where_there_are_some() -> None:
    pytest.importorskip("numpy")
    known = Sentences(("one two", "one two three four five six seven"), by_length)
    assert known.has_vectors
    near, far = known.like("three four").vectors
    assert near == pytest.approx(1, abs=1e-6)
    assert far < near
    assert known.like("").vectors
