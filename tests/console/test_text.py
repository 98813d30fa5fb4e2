from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.console.text import ago, clock, number, percent, reveal, tag_label, tag_title, visible

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", [("plain", False)]),
        ("a\u200bb", [("a", False), ("U+200B", True), ("b", False)]),
        ("\u202e\u2066x", [("U+202E U+2066", True), ("x", False)]),
        ("\U000e0041", [("U+E0041", True)]),
        ("line\n\ttab", [("line\n\ttab", False)]),
        ("\x00\x1b[31m", [("U+0000 U+001B", True), ("[31m", False)]),
        ("", []),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, shown: list[tuple[str, bool]]) -> None:
    assert [tuple(piece) for piece in reveal(text)] == shown


def test_a_long_run_of_hidden_characters_is_summed_up() -> None:
    (piece,) = reveal("\U000e0041" * 5_000)
    assert piece.hidden
    assert len(piece.text) < 150
    assert piece.text.endswith("and 4,988 more")


DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\uffa0\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_no_invisible_character_reaches_the_page_and_no_visible_one_is_lost(text: str) -> None:
    pieces = list(reveal(text))
    shown = "".join(piece.text for piece in pieces)
    assert not [each for each in shown if unicodedata.category(each) in {"Cf", "Cc", "Cs", "Co"} and each not in "\n\t"]
    assert visible(text) == "".join(
        each
        for each in text
        if each in "\n\t"
        or (
            unicodedata.category(each) not in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
            and not DRAWN_AS_NOTHING.match(each)
        )
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (1, "100%"),
        (0.5, "50%"),
        (0.6667, "66.7%"),
        (0.0001, "<0.1%"),
        (0.9999, ">99.9%"),
        (0.082, "8.2%"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.floats(0, 1))
def test_nothing_and_all_are_said_of_nothing_and_all_only(share: float) -> None:
    assert (percent(share) == "0%") == (share == 0)
    assert (percent(share) == "100%") == (share == 1)


def test_numbers_and_times() -> None:
    assert number(1234567) == "1,234,567"
    assert number(12.34) == "12.3"
    assert clock(NOW) == "2026-11-21 09:00:00"
    spans = {0: "now", 5: "5 s ago", 90: "1 min ago", 7_300: "2 h ago", 200_000: "2 d ago", -10: "now"}
    for seconds, text in spans.items():
        assert ago(NOW - timedelta(seconds=seconds), now=NOW) == text


def test_tags() -> None:
    assert tag_label("owasp-llm:2026:LLM01") == "OWASP 2026 LLM01"
    assert tag_title("owasp-llm:2026:LLM01") == "Prompt Injection"
    assert tag_label("cwe:4:CWE-502") == "CWE-502"
    assert tag_label("atlas:2026.09:AML.T0051") == "ATLAS AML.T0051"
    assert tag_label("<script>") == tag_title("<script>") == "<script>"
