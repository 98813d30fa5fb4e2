from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.automaton import Automaton
from bartizan.detect.syntax import parse, trigger, widest
from bartizan.errors import PluginError


@pytest.mark.parametrize(
    ("pattern", "width"),
    [
        ("abc", 3),
        ("a|bcd", 3),
        ("(?i)a{2,4}b?", 5),
        (r"[^\]\n]{0,200}x", 201),
        (r"\bword\b", 4),
        ("a+", None),
        ("(?:ab){3}", 6),
        (r"\x{1F600}\p{L}\pL", 3),
        (r"(?P<value>\d{2,3}){2}", 6),
        ("(?:a*)?b", None),
        ("^$", 0),
        ("a{3,}", None),
    ],
)
def test_width(pattern: str, width: int | None) -> None:
    assert widest(parse(pattern)) == width


@pytest.mark.parametrize("pattern", ["(open", "close)", "(?:a"])
def test_what_is_not_closed_is_an_error(pattern: str) -> None:
    with pytest.raises(PluginError):
        parse(pattern)


def test_no_trigger_where_nothing_is_certain() -> None:
    assert trigger(r"\d{4}-\d{4}") is None
    assert trigger("(?:secret|[a-z]+)") is None


WORDS = ["ignore", "forget", "previous", "rules", "orders", "the", "überall", "забудь"]


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3, unique=True), min_size=1, max_size=4),
    st.lists(st.sampled_from(["x", "é", " ", "\n", *WORDS]), max_size=6),
    st.data(),
)
def test_a_trigger_fires_wherever_its_pattern_matches(
    steps: list[list[str]], noise: list[str], data: st.DataObject
) -> None:
    pattern = "(?i)" + r"[^.]{1,3}(?:\w{2} )?".join(f"(?:{'|'.join(choices)})" for choices in steps)
    found = trigger(pattern) or pattern
    gap = st.sampled_from([" ", "é", "—  ", " ab ", "éxy "])
    text = "".join(noise)
    for place, choices in enumerate(steps):
        word = data.draw(st.sampled_from(choices))
        text += (data.draw(gap) if place else "") + (word.upper() if data.draw(st.booleans()) else word)
    if re.search(pattern, text):
        assert Automaton([found]).fired(text.encode())
