"""Every detector on the shelf keeps the same promises, whoever wrote it."""

from __future__ import annotations

import contextlib
import re
import time

import pytest

from bartizan.core.segment import Role, Segment
from bartizan.core.taxonomy import parse_tag
from bartizan.detect import detectors as shelf
from bartizan.detect.automaton import Automaton, Places, compile_pattern
from bartizan.detect.detector import Detector, Learned
from bartizan.detect.engine import Engine
from bartizan.detect.models.cascade import Cascade
from bartizan.detect.reader import Context, Reader
from bartizan.detect.syntax import parse
from bartizan.errors import LimitError
from bartizan.registry import scan

FAMILIES = {
    "injection",
    "jailbreak",
    "secrets",
    "pii",
    "unicode",
    "exfiltration",
    "leak",
    "moderation",
    "output",
    "quality",
    "sentiment",
}
DETECTORS = sorted(scan(shelf, Detector), key=lambda plugin: plugin.meta.id)  # type: ignore[type-abstract]
ENGINE = Engine(DETECTORS, cascade=Cascade.load())
every = pytest.mark.parametrize("plugin", DETECTORS, ids=lambda plugin: plugin.meta.id)


def segment(plugin: Detector, text: str) -> Segment:
    return Segment(text=text, role=plugin.roles[0] if plugin.roles else Role.USER)


def around(plugin: Detector) -> Context | None:
    return plugin.example if isinstance(plugin, Reader) else None


def places(plugin: Detector, text: str) -> int:
    found = plugin.read(text, plugin.example) if isinstance(plugin, Reader) else plugin.locate(text)
    return len(list(found))


def hits(plugin: Detector, text: str, engine: Engine = ENGINE) -> list[tuple[int, int]]:
    detection = engine.detect([segment(plugin, text)], around(plugin))
    assert not detection.failures
    return [(signal.start, signal.end) for signal in detection.signals if signal.detector == plugin.meta.id]


def test_there_are_enough() -> None:
    assert len(DETECTORS) >= 60
    assert len(ENGINE.members) >= 60
    assert {plugin.meta.id.partition(".")[0] for plugin in DETECTORS} <= FAMILIES


@every
def test_meta(plugin: Detector) -> None:
    meta = plugin.meta
    assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", meta.id)
    assert meta.id.partition(".")[0] in FAMILIES
    assert meta.tags
    assert all(parse_tag(tag) for tag in meta.tags)
    assert meta.references
    assert all(reference.startswith("https://") for reference in meta.references)
    assert meta.title
    assert meta.why.endswith(".")
    assert meta.false_positives
    assert len(meta.hits) >= 2
    assert len(meta.misses) >= 2
    assert 0 < plugin.score <= 1
    assert re.fullmatch(r"[a-z0-9_]+", plugin.category)


@every
def test_hits_hit(plugin: Detector) -> None:
    for text in plugin.meta.hits:
        assert hits(plugin, text), text


@every
def test_misses_miss(plugin: Detector) -> None:
    for text in plugin.meta.misses:
        assert not hits(plugin, text), text


@every
def test_the_pass_sees_all_that_its_patterns_match(plugin: Detector) -> None:
    """What a pattern locates, the trigger in its place fires on: otherwise the pass would hide a hit."""
    for number, pattern in enumerate(plugin.patterns):
        automaton = Automaton([plugin.members[number]])
        for text in (*plugin.meta.hits, *plugin.meta.misses):
            if compile_pattern(pattern).search(text):
                assert automaton.fired(text.encode()), (pattern, text)
                assert automaton.fired(text.upper().encode()) or not compile_pattern(pattern).search(text.upper())


@every
def test_the_sketches_match_within_all_that_their_patterns_match(plugin: Detector) -> None:
    """A sketch that stays silent in a match would hide it from the engine, which tries patterns near sketches only."""
    for number, pattern in enumerate(plugin.patterns):
        sketch = Places([plugin.sketches[number]])
        for text in (*plugin.meta.hits, *plugin.meta.misses):
            data = text.encode()
            for match in compile_pattern(pattern).finditer(data):
                begin, end = match.span()
                found = sketch.found(data)
                assert found
                assert any(begin < place <= end for place in found[0]), (pattern, text)


@every
def test_patterns_allow_texts_to_be_joined(plugin: Detector) -> None:
    for pattern in (*plugin.patterns, *plugin.members):
        parse(pattern)
        assert r"\A" not in pattern
        assert r"\z" not in pattern


@every
def test_spans_are_within_the_bound(plugin: Detector) -> None:
    for text in plugin.meta.hits:
        for start, end in hits(plugin, text):
            assert 0 <= start < end <= len(text)
            assert isinstance(plugin, Reader) or plugin.max_span is None or end - start <= plugin.max_span


@every
def test_the_number_of_places_grows_with_the_text_and_not_faster(plugin: Detector) -> None:
    """A bound on work, not on time: what is judged in a text repeated n times is at most n times as much, and a bit."""
    unit = " ".join((*plugin.meta.hits, *plugin.meta.misses)) + "\n"
    few, many = (places(plugin, unit * times) for times in (4, 40))
    assert many <= 11 * max(few, 1)


@every
def test_it_hits_among_other_segments(plugin: Detector) -> None:
    text = plugin.meta.hits[0]
    calm = Segment(text="The harbour was quiet that morning.", role=Role.USER)
    detection = ENGINE.detect([calm, segment(plugin, text), calm], around(plugin))
    found = {
        (signal.segment, signal.start, signal.end) for signal in detection.signals if signal.detector == plugin.meta.id
    }
    if isinstance(plugin, Learned):  # it also reads what the user asked for, so its span may end elsewhere
        assert found
    else:
        assert found == {(1, start, end) for start, end in hits(plugin, text)}


HOSTILE = (
    "a",
    "!",
    "(",
    "<a ",
    "<script ",
    "{{",
    "' or ",
    "curl ",
    "pip install a ",
    "https://a.b@",
    "`",
    "1,",
    "a. ",
    "I ",
)
"""What a pattern or a loop may stumble over when it is repeated."""


@pytest.mark.parametrize("plugin", [one for one in DETECTORS if isinstance(one, Reader)], ids=lambda one: one.meta.id)
def test_readers_take_about_linear_time(plugin: Reader) -> None:
    for unit in HOSTILE:
        text = unit * (50_000 // len(unit))
        begin = time.thread_time()
        with contextlib.suppress(LimitError):
            list(plugin.read(text, plugin.example))
        assert time.thread_time() - begin < 2, unit
