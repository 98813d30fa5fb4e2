"""The recipe `direct`: what a trainer may rely on."""

from __future__ import annotations

from random import Random
from statistics import median

import pytest

from training.recipes import direct
from training.recipes.direct.shapes import SHAPES
from training.recipes.direct.tables import load
from training.row import Row, View


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(direct.rows(Random(7)))


def test_the_same_seed_makes_the_same_rows(made: list[Row]) -> None:
    assert made == list(direct.rows(Random(7)))
    assert made != list(direct.rows(Random(8)))


def test_all_families_are_there_with_their_label(made: list[Row]) -> None:
    wanted = {(name, family.attack) for name, family in load().families.items()}
    wanted |= {(shape.family, shape.attack) for shape in SHAPES}
    assert {(row.family, row.attack) for row in made} == wanted
    assert {row.view for row in made} == {View.USER}
    assert {row.source for row in made} == {direct.NAME}


def test_every_line_of_every_table_expands() -> None:
    tables, random = load(), Random(0)
    items = [item for family in tables.families.values() for item in family.items]
    for line in items + [line for slot in tables.slots.values() for line in slot]:
        text = tables.expand(line, random)
        assert text
        assert not set("«»⏎") & set(text), line


def test_spans_lie_in_the_text_and_only_attacks_have_them(made: list[Row]) -> None:
    assert any(row.spans for row in made)
    for row in made:
        assert row.attack or not row.spans
        assert all(0 <= start < end <= len(row.text) for start, end in row.spans)


def test_hardly_any_row_repeats_another(made: list[Row]) -> None:
    keys = {"".join(c for c in row.text.casefold() if not c.isdigit() and not c.isspace()) for row in made}
    assert len(keys) >= 0.98 * len(made)


def test_attacks_and_harmless_rows_are_alike_in_number_and_length(made: list[Row]) -> None:
    attacks = [row for row in made if row.attack]
    harmless = [row for row in made if not row.attack]
    assert len(harmless) >= 0.95 * len(attacks)
    ratio = median(len(row.text) for row in attacks) / median(len(row.text) for row in harmless)
    assert 0.5 < ratio < 2
    extraction = sum(row.family.startswith("extraction.") for row in attacks)
    assert extraction >= 0.25 * len(attacks)
