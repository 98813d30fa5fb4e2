"""The moderation recipe: deterministic, balanced, and apart from the functional cases of the evaluation."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path
from random import Random
from statistics import median

import pytest

from training.recipes import harm
from training.row import HARMS, Row, View

LANGS = frozenset({"en", "de", "es", "fr", "pt", "it", "nl", "pl", "ru", "ar", "hi", "zh", "ja", "ko"})
FUNCTIONAL = Path(__file__).parents[2] / "training" / "phrases" / "functional.toml"


@pytest.fixture(scope="module")
def made() -> list[Row]:
    return list(harm.rows(Random(7)))


def test_one_seed_gives_the_same_rows(made: list[Row]) -> None:
    assert list(harm.rows(Random(7))) == made
    assert list(harm.rows(Random(8))) != made


def test_every_row_is_labelled(made: list[Row]) -> None:
    for row in made:
        assert row.text.strip()
        assert row.harms is not None
        assert row.harms <= frozenset(HARMS)
        assert row.attack is not True
        assert row.view in {View.USER, View.OUTPUT}
        assert not row.spans
        assert not re.search(r"[{}]", re.sub(r'^\{"author": .*\}$', "", row.text, flags=re.DOTALL)), row.text


def test_every_category_family_and_language_occurs(made: list[Row]) -> None:
    families = Counter(row.family for row in made)
    assert len(families) >= 50
    assert min(families.values()) >= 8
    harmed = Counter(name for row in made for name in row.harms or ())
    assert set(harmed) == set(HARMS)
    assert min(harmed.values()) >= 200
    for lang in LANGS:
        of = [bool(row.harms) for row in made if row.lang == lang]
        assert 0.4 <= sum(of) / len(of) <= 0.55, lang


def test_harmless_rows_are_at_least_as_many_and_as_long(made: list[Row]) -> None:
    harmful = [len(row.text) for row in made if row.harms]
    harmless = [len(row.text) for row in made if not row.harms]
    assert len(harmless) >= len(harmful)
    assert 0.5 <= median(harmful) / median(harmless) <= 2
    assert 8000 <= len(made) <= 12500


def test_hardly_any_row_comes_twice(made: list[Row]) -> None:
    keys = Counter(re.sub(r"[\d\s]+", "", row.text).casefold() for row in made)
    assert sum(count - 1 for count in keys.values()) < 0.02 * len(made)


def test_groups_occur_at_least_as_often_in_harmless_rows(made: list[Row]) -> None:
    for lang, slots in harm.load().slots.items():
        for line in slots.get("g", ()):
            group = line.split(";")[0].casefold()
            hits = Counter(bool(row.harms) for row in made if row.lang == lang and group in row.text.casefold())
            assert hits[False] >= hits[True] > 0, (lang, line)


def test_unknown_fillers_and_categories_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        harm.expand("a {Thing!}", str, Random(1))
    (tmp_path / "harm_x.toml").write_text("lang='en'\n[[set]]\nfamily='x'\nharms=['rudeness']\ntext='a'\n")
    monkeypatch.setattr(harm, "PHRASES", tmp_path)
    with pytest.raises(ValueError, match="rudeness"):
        harm.load()


def _sentences(text: str) -> set[str]:
    parts = re.split(r"[.!?。！？…\n]+", text.casefold())
    return {bare for part in parts if len(bare := re.sub(r"\W+", "", part)) > 9}


def test_functional_cases_are_never_trained_on(made: list[Row]) -> None:
    cases = tomllib.loads(FUNCTIONAL.read_text(encoding="utf-8"))["case"]
    tests = Counter(case["test"] for case in cases)
    assert len(cases) >= 400
    assert len(tests) >= 20
    assert {case["lang"] for case in cases} == LANGS
    assert all(isinstance(case["harmful"], bool) for case in cases)
    trained = set().union(*(_sentences(row.text) for row in made))
    assert not [case["text"] for case in cases if _sentences(case["text"]) & trained]
