from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import InputError, LimitError
from bartizan.llm.strict_json import decode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_is_json_is_read_as_any_parser_reads_it(value: Any, escaped: bool) -> None:
    try:
        body = json.dumps(value, ensure_ascii=escaped).encode()
    except UnicodeEncodeError:
        return
    assert decode(body) == value


@given(st.binary())
def test_garbage_is_one_error(garbage: bytes) -> None:
    try:
        found = decode(garbage)
    except InputError:
        return
    assert found == json.loads(garbage)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": 1, "b": {"c": [{"d": 1, "d": 2}]}}', "b.c.0.d"),
        (b'{"a": {"x": 1, "x": 1}, "a": 2}', "a"),
        (b'{"\\u0061": 1, "a": 2}', "a: this name stands twice"),
        (b'{"a": "\xff"}', "UTF-8"),
        (b'{"a": "\\ud800"}', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"[NaN]", "not JSON"),
    ],
)
def test_what_two_parsers_could_read_differently_is_an_error(body: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        decode(body)


@pytest.mark.parametrize("body", [b"[" * 65 + b"]" * 65, b"[" * 1_000_000, b'{"a":' * 65 + b"1" + b"}" * 65])
def test_depth_is_limited_without_recursion(body: bytes) -> None:
    with pytest.raises(LimitError, match="deeper than 64"):
        decode(body)


def test_colons_inside_strings_are_no_members() -> None:
    assert decode(b'{"a:\\":": "b:\\\\", "c": [":"]}') == {'a:":': "b:\\", "c": [":"]}
    assert decode(b"[" * 64 + b"]" * 64)
