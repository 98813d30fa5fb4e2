import re
from collections import Counter
from random import Random

import pytest

from training.recipes.ordinary import LONGEST, SOURCE, rows
from training.row import Row, View


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(rows(Random(7)))


def test_deterministic(made: list[Row]) -> None:
    assert made == list(rows(Random(7)))


def test_all_harmless_and_well_formed(made: list[Row]) -> None:
    for row in made:
        assert row.attack is False
        assert row.spans == ()
        assert row.source == SOURCE
        assert 0 < len(row.text.strip()) <= len(row.text) <= LONGEST
        assert "\x00" not in row.text + row.task
        assert not re.search(r"\{\{[@#\w]+[|=\}-]", row.text), row.text


def test_many_families_views_and_languages(made: list[Row]) -> None:
    families = Counter(row.family for row in made)
    assert len(families) >= 40
    assert families.most_common(1)[0][1] < 0.25 * len(made)
    assert {row.view for row in made} == set(View)
    languages = Counter(row.lang for row in made)
    assert {"es", "fr", "de", "pt", "ru", "ar", "hi", "zh", "ja", "ko", "it", "nl"} <= set(languages)
    assert 0.12 < 1 - languages["en"] / len(made) < 0.4


def test_tasks_on_about_half_of_the_content(made: list[Row]) -> None:
    content = [row for row in made if row.view is View.CONTENT]
    assert 0.3 < sum(bool(row.task) for row in content) / len(content) < 0.7
    assert not any(row.task for row in made if row.view is not View.CONTENT)


def test_few_duplicates(made: list[Row]) -> None:
    keys = {re.sub(r"[\d\s]+", "", row.text.casefold()) for row in made}
    assert len(keys) > 0.98 * len(made)


def test_short_and_long(made: list[Row]) -> None:
    lengths = sorted(len(row.text) for row in made)
    assert lengths[len(lengths) // 20] < 60
    assert lengths[-len(lengths) // 20] > 1000
