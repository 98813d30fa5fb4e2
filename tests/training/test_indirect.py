"""The indirect recipe: the same rows for the same seed, both classes alike but for the payload."""

from __future__ import annotations

import re
from random import Random
from statistics import median

import pytest

from training.recipes import indirect
from training.row import Row, View


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(indirect.rows(Random(5)))


def test_a_seed_gives_the_same_rows(rows: list[Row]) -> None:
    assert list(indirect.rows(Random(5))) == rows
    assert next(indirect.rows(Random(6))) != rows[0]


def test_every_kind_of_attack_and_harmless_line_meets_every_group_of_carriers(rows: list[Row]) -> None:
    book = indirect.read("en")
    groups = {carrier.group for carrier in book.carriers}
    kinds = {*book.frames, *book.whole, *(f"plain_{kind}" for kind in book.plain if kind != "_asked")}
    wanted = {f"indirect.{kind}.{group}" for kind in kinds for group in groups}
    wanted |= {f"benign.{kind}.{group}" for kind in ("clean", "own", "notes", "asked") for group in groups}
    assert wanted <= {row.family for row in rows}
    assert {row.attack for row in rows} == {True, False}
    assert {row.view for row in rows} == {View.CONTENT}


def test_spans_hold_the_payload_and_only_attacks_have_them(rows: list[Row]) -> None:
    for row in rows:
        assert bool(row.spans) is row.attack
        for start, end in row.spans:
            assert 0 <= start < end <= len(row.text)
            assert row.text[start:end].strip()
        assert not re.search("[\ue000-\ue002]|@@|<<goal|\\\\ue00", row.text, re.IGNORECASE)


def test_plain_requests_are_attacks_by_their_task_alone(rows: list[Row]) -> None:
    assert all(row.task for row in rows if row.family.startswith(("indirect.plain", "benign.asked")))


def test_hardly_two_rows_are_alike(rows: list[Row]) -> None:
    keys = {re.sub(r"[\d\s]", "", row.text.casefold()) for row in rows}
    assert len(keys) > 0.98 * len(rows)
    assert len(rows) > 0.9 * indirect.ROWS


def test_length_and_task_do_not_tell_the_classes_apart(rows: list[Row]) -> None:
    sides = [[row for row in rows if row.attack is attack] for attack in (True, False)]
    lengths = [median(len(row.text) for row in side) for side in sides]
    shares = [sum(bool(row.task) for row in side) / len(side) for side in sides]
    assert max(lengths) < 2 * min(lengths)
    assert abs(shares[0] - shares[1]) < 0.06
    assert len(sides[1]) >= len(sides[0])


def test_some_of_it_is_in_every_language(rows: list[Row]) -> None:
    foreign = [row for row in rows if row.lang != "en"]
    assert 0.1 < len(foreign) / len(rows) < 0.2
    assert {row.lang for row in foreign} >= {*indirect.LANGUAGES, "mixed"}
