"""Claims and what sources say to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.detectors.grounding import Grounding
from bartizan.detect.reader import NOTHING_KNOWN, Context
from bartizan.detect.support import Sources

_GUIDE = (
    "The Marlow observatory was founded in 1887 by Edith Crane. It has a refracting telescope of 45 cm and stands "
    "1,240 metres above the sea. Visitors are welcome on Fridays from April to October. Photography is not permitted "
    "inside."
)
_NEWS = (
    "In 2021 the observatory discovered the comet Marlow-7. The staff consists of nine astronomers and two engineers."
)
SOURCES = Sources((_GUIDE, _NEWS))
SUPPORTED = (
    "Edith Crane founded the Marlow observatory in 1887.",
    "The telescope is a refractor of 45 cm.",
    "It stands 1240 metres above the sea.",
    "Visitors are welcome on Fridays from April to October.",
    "Photography inside is not permitted.",
    "The staff consists of 9 astronomers and 2 engineers.",
    "The comet Marlow-7 was discovered by the observatory in 2021.",
)
UNSUPPORTED = (
    "Edith Crane founded the Marlow observatory in 1901.",
    "The telescope is a refractor of 60 cm.",
    "Photography is permitted inside.",
    "Visitors are not welcome on Fridays from April to October.",
    "The observatory has a planetarium with two hundred seats.",
    "The staff consists of 19 astronomers and 2 engineers.",
    "The dome was painted green after a storm destroyed its roof.",
    "Admission costs six pounds for adults.",
)
NO_CLAIMS = ("Hello!", "Would you like to visit?", "Let me know if you need anything else.", "Opening times:", "Yes.")


@pytest.mark.parametrize("sentence", SUPPORTED)
def test_what_a_source_says_is_supported(sentence: str) -> None:
    assert [claim.support >= 0.5 for claim in SOURCES.claims(sentence)] == [True]


@pytest.mark.parametrize("sentence", UNSUPPORTED)
def test_what_no_source_says_is_not(sentence: str) -> None:
    assert [claim.support < 0.5 for claim in SOURCES.claims(sentence)] == [True]


@pytest.mark.parametrize("sentence", NO_CLAIMS)
def test_what_claims_nothing_is_left_out(sentence: str) -> None:
    assert not list(SOURCES.claims(sentence))


def test_sentences_are_marked_where_they_stand() -> None:
    answer = f"{SUPPORTED[0]} {UNSUPPORTED[4]} {SUPPORTED[3]}"
    sights = list(Grounding().read(answer, Context(sources=tuple(SOURCES.texts))))
    assert [answer[sight.start : sight.end] for sight in sights] == [UNSUPPORTED[4]]


def test_without_sources_nothing_is_said() -> None:
    assert not list(Grounding().read(UNSUPPORTED[0], NOTHING_KNOWN))
    assert not list(Grounding().read(UNSUPPORTED[0], Context(sources=(" ",))))


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_texts_may_be_compared(answer: str, source: str) -> None:
    for claim in Sources((source,)).claims(answer):
        assert 0 <= claim.support <= 1
        assert 0 <= claim.start < claim.end <= len(answer)
