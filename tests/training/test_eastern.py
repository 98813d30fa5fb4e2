"""The Eastern recipe gives what training needs, the same for the same seed."""

from __future__ import annotations

from collections import Counter
from random import Random
from statistics import median

import pytest

from training.recipes import eastern
from training.row import Row, View


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(eastern.rows(Random(7)))


def test_same_seed_gives_same_rows(made: list[Row]) -> None:
    assert made == list(eastern.rows(Random(7)))
    assert made != list(eastern.rows(Random(8)))


def test_both_labels_in_every_language_and_all_families(made: list[Row]) -> None:
    assert {(row.lang, row.attack) for row in made} == {
        (lang, attack)
        for lang in {*(eastern.load(name).lang for name in eastern.DRAWS), "mixed"}
        for attack in (True, False)
    }
    families = {row.family for row in made}
    assert {*eastern.ATTACKS.values(), *eastern.BENIGN.values(), "indirect.plain", "benign.on_task"} <= families
    assert len(families) >= 30
    assert len(made) <= 12_500


def test_a_family_belongs_to_one_label(made: list[Row]) -> None:
    labels = Counter(family for family, _ in {(row.family, row.attack) for row in made})
    assert set(labels.values()) == {1}


def test_spans_mark_text_of_attacks(made: list[Row]) -> None:
    for row in made:
        assert row.attack or not row.spans
        assert all(0 <= start < end <= len(row.text) for start, end in row.spans)
        assert all(row.text[start:end].strip() for start, end in row.spans)
    assert all(row.spans for row in made if row.attack and row.view is View.CONTENT)
    assert all(row.task for row in made if row.family == "indirect.plain")


def test_no_slot_is_left_and_no_text_is_empty(made: list[Row]) -> None:
    for name in eastern.DRAWS:
        pack = eastern.load(name)
        known = {*pack.parts, "num", "date", "mail", "domain"}
        texts = [text for _, text in (*pack.patterns["attack"], *pack.patterns["benign"])]
        texts += [text for texts in (*pack.attack.values(), *pack.benign.values()) for text in texts]
        used = {match[1] for text in texts for match in eastern.SLOT.finditer(text)}
        assert used <= known, name
    assert all(row.text.strip() and eastern.PLACE not in row.text and "%%" not in row.text for row in made)


def test_rows_do_not_repeat(made: list[Row]) -> None:
    assert len({eastern.squash(row.text) for row in made}) == len(made)


@pytest.mark.parametrize("view", [View.USER, View.CONTENT])
def test_length_does_not_tell_the_label(made: list[Row], view: View) -> None:
    attacks, benign = (
        median(len(row.text) for row in made if row.attack is label and row.view is view) for label in (True, False)
    )
    assert 0.5 < attacks / benign < 2


def test_balance(made: list[Row]) -> None:
    attacks = [row for row in made if row.attack]
    assert len(attacks) <= 1.1 * (len(made) - len(attacks))


def test_a_quarter_of_the_users_attacks_asks_for_what_is_hidden(made: list[Row]) -> None:
    attacks = [row for row in made if row.attack and row.view is View.USER]
    assert sum(row.family.startswith("extraction.") for row in attacks) >= len(attacks) / 4
