"""Topics by example: what they reach on sentences that nothing was fitted to, and how they stand in the engine."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bartizan.config import DetectConfig, TopicConfig
from bartizan.core.segment import Role, Segment
from bartizan.detect.engine import Engine
from bartizan.detect.models.units import Unit
from bartizan.detect.reader import NOTHING_KNOWN
from bartizan.detect.topics.topic import Topic, ordinary, topics
from bartizan.errors import LimitError

SENTENCES: dict[str, Any] = tomllib.loads(Path(__file__).with_name("sentences.toml").read_text(encoding="utf-8"))
NAMES = [name for name in SENTENCES if name != "ordinary"]
ORDINARY = SENTENCES["ordinary"]["held_out"]
CONFIGURED = {
    name: TopicConfig(examples=tuple(one["examples"]), counter_examples=tuple(one["counter_examples"]))
    for name, one in SENTENCES.items()
    if name != "ordinary"
}
FOUND = {one.category: one for one in topics(CONFIGURED)}


def auc(meant: Sequence[float], others: Sequence[float]) -> float:
    return sum((one > other) + (one == other) / 2 for one in meant for other in others) / len(meant) / len(others)


def sure(topic: Topic, sentences: Sequence[str]) -> list[float]:
    return [topic.sureness(one) for one in sentences]


def by_words(windows: Sequence[Sequence[Unit]]) -> list[list[float]]:
    """Vectors that know what a good encoder knows, for one topic: whether a sentence is about food."""
    food = {"spices", "cake", "soup", "rice", "egg", "chicken", "curry", "lasagne", "sauce", "dessert"}
    food |= {"pasta", "butter", "potatoes"}
    return [[1.0, 3.0 * bool(food & {unit.word for unit in window})] for window in windows]


def test_nothing_is_in_both_sets() -> None:
    known = {*ordinary(), *(text for one in CONFIGURED.values() for text in (*one.examples, *one.counter_examples))}
    held_out = [text for one in SENTENCES.values() for text in one["held_out"]]
    assert len(held_out) == 8 * 20 + 60
    assert not known & set(held_out)


def test_what_words_alone_reach() -> None:
    """The figures of docs/detect.md."""
    areas = [auc(sure(FOUND[name], SENTENCES[name]["held_out"]), sure(FOUND[name], ORDINARY)) for name in NAMES]
    hits = [one >= 0.5 for name in NAMES for one in sure(FOUND[name], SENTENCES[name]["held_out"])]
    alarms = [one >= 0.5 for name in NAMES for one in sure(FOUND[name], ORDINARY)]
    assert sum(areas) / len(areas) > 0.84
    assert sum(hits) / len(hits) > 0.2
    assert sum(alarms) / len(alarms) <= 0.02


def test_vectors_help_where_words_do_not_meet() -> None:
    pytest.importorskip("numpy")
    only = {"cooking": CONFIGURED["cooking"]}
    (plain,), (better,) = topics(only), topics(only, by_words)
    asked = ("My soup is too salty.", "Is it all right to freeze rice?")
    assert all(better.sureness(one) > plain.sureness(one) for one in asked)
    assert better.sureness(asked[0]) > 0.5
    assert better.sureness(ORDINARY[0]) < 0.5


def test_examples_are_found_and_counter_examples_are_not() -> None:
    for name, config in CONFIGURED.items():
        assert all(one >= 0.5 for one in sure(FOUND[name], config.examples))
        assert all(one < 0.5 for one in sure(FOUND[name], config.counter_examples))


def test_a_topic_says_how_good_it_is() -> None:
    meta = FOUND["medical"].meta
    assert meta.id == "topic.medical"
    assert "10 examples, each left out in turn" in meta.false_positives


def test_the_sentence_is_marked() -> None:
    asked = CONFIGURED["cooking"].examples[3]
    text = f"{ORDINARY[0]} {asked} {ORDINARY[1]}"
    (sight,) = FOUND["cooking"].read(text, NOTHING_KNOWN)
    assert text[sight.start : sight.end].strip() == asked


def test_long_texts_raise_no_more_alarms_than_short_ones() -> None:
    document = "\n".join(ORDINARY)
    assert not [name for name in NAMES if list(FOUND[name].read(document, NOTHING_KNOWN))]


def test_time_that_runs_out_is_said() -> None:
    with pytest.raises(LimitError, match="first 0 sentences"):
        list(FOUND["cooking"].read_until("One. Two.", NOTHING_KNOWN, lambda: True))


def test_the_configuration_makes_detectors() -> None:
    config = DetectConfig(topics={"cooking": CONFIGURED["cooking"]}, models=False)
    engine = Engine.load(config)
    segments = [Segment(text=CONFIGURED["cooking"].examples[1], role=role) for role in (Role.USER, Role.TOOL)]
    found = [one for one in engine.detect(segments).signals if one.detector == "topic.cooking"]
    assert [one.segment for one in found] == [0]


@pytest.mark.parametrize("text", ["", "?!", "\u200b" * 1_000, "a" * 100_000, "a. " * 3_000, "\U000e0041" * 500])
def test_hostile_texts_get_an_answer(text: str) -> None:
    assert len(list(FOUND["legal"].read(text, NOTHING_KNOWN))) <= 1


def test_examples_that_say_nothing_are_no_error() -> None:
    for examples in (("", "", ""), ("a", "a", "a"), ("?", "!", ".")):
        (topic,) = topics({"nothing": TopicConfig(examples=examples)})
        assert 0 <= topic.sureness("Where is the station?") < 0.5
