from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.detect.automaton import Places
from bartizan.detect.detector import Detector, pieces
from bartizan.detect.engine import Engine
from bartizan.detect.sketch import octets, sketch
from bartizan.detect.syntax import parse, widest

ENGINE = Engine.load()
NUMBERED = [(plugin, number) for plugin in ENGINE.detectors.values() for number in range(len(plugin.patterns))]
SKETCHES = Places([plugin.sketches[number] for plugin, number in NUMBERED])
HITS = [text for plugin in ENGINE.detectors.values() for text in plugin.meta.hits]
WORDS = sorted({word for text in HITS for word in text.split()})


def found(text: str) -> dict[Detector, dict[int, list[int]]]:
    places = SKETCHES.found(text.encode())
    assert places is not None
    where: dict[Detector, dict[int, list[int]]] = {}
    for at, ends in places.items():
        plugin, number = NUMBERED[at]
        where.setdefault(plugin, {})[number] = list(ends)
    return where


def assert_the_same_near_places(text: str) -> None:
    where = found(text)
    for plugin in ENGINE.detectors.values():
        near = list(plugin.locate(text, where[plugin])) if plugin in where else []
        assert near == list(plugin.locate(text)), plugin.meta.id


@given(
    st.lists(
        st.one_of(
            st.sampled_from(HITS),
            st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\u212a\u017f"), max_size=20),
            st.integers(1, 3_000).map(lambda size: "the sea was calm \u00e9t\u00e9 " * (size // 20)),
        ),
        max_size=8,
    ),
    st.sampled_from(["", " ", "\n", ". "]),
)
@settings(max_examples=150, deadline=None)
def test_near_the_places_of_the_sketches_there_is_all_that_there_is(texts: list[str], between: str) -> None:
    assert_the_same_near_places(between.join(texts))


@pytest.mark.parametrize("seed", range(5))
def test_in_a_long_text_of_words_of_attacks_too(seed: int) -> None:
    assert_the_same_near_places(" ".join(random.Random(seed).choices(WORDS, k=1_500)))


@given(st.lists(st.integers(0, 2_000), max_size=20), st.integers(1, 500), st.integers(1, 2_000))
def test_pieces_cover_the_reach_of_every_place_and_do_not_overlap(places: list[int], reach: int, size: int) -> None:
    places = [place for place in places if place <= size]
    stretches = list(pieces(places, reach, size))
    for place in places:
        assert any(begin <= max(0, place - reach) and end >= min(size, place + reach) for begin, end in stretches)
    for (_, end), (begin, _) in pairwise(stretches):
        assert end < begin
    assert all(0 <= begin <= end <= size for begin, end in stretches)


def test_pieces_without_a_reach_are_the_whole_text() -> None:
    assert list(pieces([5], None, 10)) == [(0, 10)]
    assert list(pieces([], 5, 10)) == []


@pytest.mark.parametrize(
    ("pattern", "hit", "miss"),
    [
        (r"(?i)\bignore (?:all )?rules\b", b"IGNORE all rules", b"ignore no rules"),
        (r"sk-[A-Za-z0-9]{20,40}", b"sk-" + b"a" * 12, b"sk-" + b"a" * 11),
        (r"\[[^\]]{0,200}\]\(http", "[é—ñ](http".encode(), b"[a] (http"),
        (r"f[oò]rget", "fòrget".encode(), b"f--rget"),
    ],
)
def test_a_sketch_is_loose_where_it_says_and_not_elsewhere(pattern: str, hit: bytes, miss: bytes) -> None:
    drawn = sketch(pattern)
    assert drawn is not None
    assert Places([drawn]).found(hit)
    assert not Places([drawn]).found(miss)


def test_there_is_no_sketch_without_words() -> None:
    assert sketch(r"\d{4}-\d{4}") is None


@pytest.mark.parametrize(
    ("pattern", "width"), [("abc", 3), ("é", 4), (r"[^x]{0,10}a", 41), (r"\w{1,5}", 5), ("a+", None), ("a|é", 4)]
)
def test_octets(pattern: str, width: int | None) -> None:
    assert octets(pattern) == width
    assert (widest(parse(pattern)) is None) == (width is None)


def test_more_places_than_are_counted_are_no_answer() -> None:
    assert Places(["a"]).found(b"a" * 200_000) is None
    assert Places(["a"]).found(b"b" * 200_000) == {}
