"""The machine against everything: what Python writes is clean, what it calls is seen, nothing breaks it."""

from __future__ import annotations

import pickle  # only to write pickles; nothing is ever loaded
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bartizan.scan.note import Verdict
from bartizan.scan.pickles import Pickles, recognises, results
from tests.scan import assembler as make

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner, inner),
    max_leaves=40,
)


@given(value=VALUES, protocol=st.integers(0, 5))
def test_plain_data_of_any_shape_is_clean_and_recognised(value: Any, protocol: int) -> None:
    content = pickle.dumps(value, protocol=protocol)
    pickles = Pickles(data=content)
    pickles.read()
    assert pickles.complete == 1
    assert not pickles.odds
    assert not list(results(pickles))
    assert recognises(content)


@given(before=VALUES, after=VALUES, protocol=st.integers(0, 5))
def test_a_call_between_any_data_is_found(before: Any, after: Any, protocol: int) -> None:
    parts = [pickle.dumps(value, protocol=protocol)[:-1] for value in (before, after)]
    call = make.called(make.old_name("os", "system"), make.text(make.MARKER))
    body = b"".join(part[2:] if protocol >= 2 else part for part in (parts[0],)) + call
    pickles = Pickles(data=make.proto() + body + b".")
    pickles.read()
    found = {(seen.module, seen.name): seen.judgement.verdict for seen in results(pickles)}
    assert found.get(("os", "system")) is Verdict.MALICIOUS


@given(content=st.binary(max_size=2_000))
def test_no_bytes_break_the_machine(content: bytes) -> None:
    pickles = Pickles(data=make.proto() + content)
    pickles.read()
    assert pickles.steps <= 2 + len(content)
    assert recognises(content) in {True, False}


@given(value=VALUES, flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8))
def test_no_damage_breaks_the_machine(value: Any, flips: list[tuple[int, int]]) -> None:
    content = bytearray(pickle.dumps(value, protocol=4) + make.call_pickle("os", "system"))
    for place, byte in flips:
        content[place % len(content)] = byte
    pickles = Pickles(data=bytes(content))
    pickles.read()
    assert pickles.steps <= len(content)
