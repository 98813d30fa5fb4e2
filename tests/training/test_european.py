import re
from collections import Counter
from random import Random

import pytest

from training.recipes.european import SHARES, SOURCE, rows
from training.row import Row, View


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(rows(Random(7)))


def test_deterministic(made: list[Row]) -> None:
    assert made == list(rows(Random(7)))


def test_well_formed(made: list[Row]) -> None:
    for row in made:
        assert row.source == SOURCE
        assert row.text.strip()
        assert not re.search(r"\[\[[^\]]*\|[^\]]*\]\]|⟦|⟧|¶|\{X\}| >> ", row.text + row.task), row.text


def test_languages_labels_views_and_families(made: list[Row]) -> None:
    assert {row.lang for row in made} == set(SHARES)
    for lang in SHARES:
        labels = Counter(row.attack for row in made if row.lang == lang)
        assert 0.8 < labels[True] / labels[False] < 1.25
    assert {row.view for row in made} == {View.USER, View.CONTENT}
    families = {row.attack: {one.family for one in made if one.attack is row.attack} for row in made}
    assert len(families[True]) >= 15
    assert len(families[False]) >= 12
    assert not families[True] & families[False]


def test_spans_lie_in_the_text(made: list[Row]) -> None:
    for row in made:
        for start, end in row.spans:
            assert row.attack
            assert 0 <= start < end <= len(row.text)
            assert row.text[start:end].strip()


def test_planted_orders_have_a_span_and_a_task_where_they_need_it(made: list[Row]) -> None:
    planted = [row for row in made if row.attack and row.view is View.CONTENT]
    assert all(row.spans for row in planted)
    assert all(row.task for row in planted if row.family == "indirect.request")
    assert 0.4 < sum(bool(row.task) for row in planted) / len(planted) < 0.8


def test_few_duplicates(made: list[Row]) -> None:
    keys = {re.sub(r"[\d\s]+", "", row.text.casefold()) for row in made}
    assert len(keys) > 0.98 * len(made)


def test_lengths_tell_nothing(made: list[Row]) -> None:
    for lang in SHARES:
        attack, benign = (
            sorted(len(row.text) for row in made if row.lang == lang and row.attack is label) for label in (True, False)
        )
        assert 0.5 < attack[len(attack) // 2] / benign[len(benign) // 2] < 2
