"""The recipe of requests and comments: deterministic, labelled, balanced, without repeats."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from random import Random
from statistics import median

import pytest

from training.recipes import requests
from training.row import HARMS, Row, View


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(requests.rows(Random(7)))


def test_one_seed_gives_the_same_rows(made: list[Row]) -> None:
    assert list(requests.rows(Random(7))) == made
    assert list(requests.rows(Random(8))) != made
    assert len(made) <= requests.LIMIT


def test_every_row_is_labelled(made: list[Row]) -> None:
    for row in made:
        assert row.text.strip()
        assert row.harms is not None
        assert row.harms <= frozenset(HARMS)
        assert (row.attack is None) == row.family.startswith("request.pressure")
        assert row.view in ({View.USER, View.OUTPUT} if row.family.startswith("comment.") else {View.USER})
        assert not row.spans
        assert not re.search(r"[{}]|~\w|^@\w+\.\w+ \w+$", row.text), row.text


def test_families_tell_the_label_and_all_occur(made: list[Row]) -> None:
    families = Counter(row.family for row in made)
    assert len(families) >= 40
    assert families.keys() == {item.family for item in requests.load()[0]}
    for row in made:
        harmful = row.family.startswith(("request.", "comment.toxic", "comment.profanity"))
        assert bool((row.harms or set()) - (set() if harmful else {"profanity"})) == harmful, row
    harmed = Counter(name for row in made for name in row.harms or ())
    assert set(harmed) == set(HARMS)


def test_every_language_has_both_labels_in_equal_parts(made: list[Row]) -> None:
    for lang in {row.lang for row in made}:
        of = [bool(row.harms) for row in made if row.lang == lang]
        assert 0.4 <= sum(of) / len(of) <= 0.6, lang


def test_harmful_and_harmless_rows_are_as_long(made: list[Row]) -> None:
    for comment in (True, False):
        rows = [row for row in made if row.family.startswith("comment.") == comment]
        harmful = median(len(row.text) for row in rows if row.harms)
        harmless = median(len(row.text) for row in rows if not row.harms)
        assert 0.5 <= harmful / harmless <= 2


def test_hardly_any_row_comes_twice(made: list[Row]) -> None:
    keys = Counter(re.sub(r"[\d\s]+", "", row.text).casefold() for row in made)
    assert sum(count - 1 for count in keys.values()) < 0.02 * len(made)


def test_unknown_categories_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "requests_x.toml").write_text("lang='en'\nsections='''\n@request.x rudeness\na\n'''\n")
    monkeypatch.setattr(requests, "PHRASES", tmp_path)
    with pytest.raises(ValueError, match="rudeness"):
        requests.load()
