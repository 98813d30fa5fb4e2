"""Odd rows of a table of loans that follow a few plain laws."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.inputs.conformal import p_values
from bartizan.detect.inputs.tabular import Kind, oddities, oddness, profile
from tests.detect.inputs.pictures import auc, numpy


def loans(count: int, seed: int) -> dict[str, Any]:
    random = numpy.random.default_rng(seed)
    works = random.choice(["pupil", "employed", "retired"], count, p=[0.2, 0.6, 0.2])
    age = numpy.where(works == "pupil", random.uniform(15, 20, count), random.uniform(20, 65, count))
    age = numpy.where(works == "retired", random.uniform(65, 90, count), age)
    return {
        "works": works,
        "age": age,
        "amount": random.lognormal(8, 1, count),
        "children": random.integers(0, 4, count),
    }


KNOWN = profile(loans(4_000, 1))
ORDINARY = {"works": ["employed"], "age": [40.0], "amount": [3_000.0], "children": [2]}


def test_ordinary_rows_are_hardly_ever_odd() -> None:
    assert oddities(KNOWN, ORDINARY) == []
    assert (oddness(KNOWN, loans(2_000, 2)) > 0).mean() < 0.005


@pytest.mark.parametrize(
    ("changed", "kind", "columns"),
    [
        ({"works": ["retired"], "age": [140.0]}, Kind.OUT_OF_RANGE, ("age",)),
        ({"amount": [-5.0]}, Kind.OUT_OF_RANGE, ("amount",)),
        ({"age": [math.nan]}, Kind.NO_NUMBER, ("age",)),
        ({"age": [math.inf]}, Kind.NO_NUMBER, ("age",)),
        ({"age": ["forty"]}, Kind.NO_NUMBER, ("age",)),
        ({"works": ["wizard"]}, Kind.UNKNOWN_VALUE, ("works",)),
        ({"works": ["pupil"], "age": [45.0]}, Kind.RARE_PAIR, ("works", "age")),
        ({"works": ["retired"], "age": [30.0]}, Kind.RARE_PAIR, ("works", "age")),
    ],
)
def test_each_kind_of_oddity(changed: dict[str, Any], kind: Kind, columns: tuple[str, ...]) -> None:
    (found,) = oddities(KNOWN, ORDINARY | changed)
    assert (found.row, found.columns, found.kind) == (0, columns, kind)
    assert found.score > 0


def test_gaps_that_were_there_before_are_not_odd() -> None:
    known = profile({"a": [1.0, math.nan, 2.0]})
    assert oddities(known, {"a": [math.nan]}) == []


def test_rows_with_values_mixed_up_stand_out_and_ordinary_ones_keep_the_promise() -> None:
    honest, other = loans(1_000, 3), loans(1_000, 4)
    forged = honest | {"works": other["works"]}
    differs = forged["works"] != honest["works"]
    scores = oddness(KNOWN, forged)[differs]
    assert auc(scores, oddness(KNOWN, loans(1_000, 5))) > 0.8
    assert (p_values(oddness(KNOWN, other), oddness(KNOWN, honest)) <= 0.01).mean() < 0.02


def test_wrong_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="'works'"):
        oddities(KNOWN, {"age": [1.0], "amount": [1.0], "children": [1]})
    wrong: list[dict[str, Any]] = [{}, {"a": []}, {"a": [1], "b": [1, 2]}, {"a": [[1]]}]
    for table in wrong:
        with pytest.raises(ValueError, match="table"):
            profile(table)


VALUES = some.one_of(some.floats(), some.integers(-5, 5), some.text(max_size=3), some.none())


@given(some.lists(some.tuples(VALUES, VALUES), min_size=1, max_size=12))
def test_no_table_is_too_odd(rows: list[tuple[Any, Any]]) -> None:
    table = {name: numpy.array([row[at] for row in rows], object) for at, name in enumerate("ab")}
    known = profile(table)
    assert oddities(known, table) == []
    assert oddness(known, table).tolist() == [0.0] * len(rows)


@given(some.lists(some.floats(-1e6, 1e6), min_size=1, max_size=40), some.floats(-1e9, 1e9))
def test_what_lies_outside_is_odd_and_nothing_else(values: list[float], asked: float) -> None:
    found = oddities(profile({"a": values}), {"a": [asked]})
    assert bool(found) == (not min(values) <= asked <= max(values))
    assert all(one.score > 0 for one in found)
