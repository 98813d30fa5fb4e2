"""The rows in Chinese, Japanese, Korean, Vietnamese, Indonesian and Thai: deterministic, both labels, sound spans."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from random import Random
from statistics import median

import pytest

from training.recipes.asian import SIZES, rows
from training.row import Row, View

_PHRASES = Path(__file__).parents[2] / "training" / "phrases"


@cache
def _rows() -> tuple[Row, ...]:
    return tuple(rows(Random(7)))


def test_the_same_seed_gives_the_same_rows() -> None:
    assert tuple(rows(Random(7))) == _rows()
    assert tuple(rows(Random(8))) != _rows()


@pytest.mark.parametrize("lang", SIZES)
def test_each_language_has_both_labels_in_both_views(lang: str) -> None:
    for view in (View.USER, View.CONTENT):
        counts = [sum(r.lang == lang and r.view is view and r.attack is a for r in _rows()) for a in (True, False)]
        assert min(counts) > 50
        assert counts[1] >= counts[0]


@pytest.mark.parametrize("lang", SIZES)
def test_every_family_of_the_tables_is_present(lang: str) -> None:
    families = {row.family for row in _rows() if row.lang == lang}
    for name in (f"asian_{lang}", f"asian_{lang}_content"):
        tables = tomllib.loads((_PHRASES / f"{name}.toml").read_text("utf-8"))
        wanted = {f"{group}.{leaf}" for group, leaves in tables["attack"].items() for leaf in leaves}
        wanted |= {f"benign.{group}.{leaf}" for group, leaves in tables["benign"].items() for leaf in leaves}
        assert wanted <= families
    assert len({family for family in families if not family.startswith("benign.")}) >= 15


def test_spans_lie_in_their_texts_and_are_not_empty() -> None:
    for row in _rows():
        assert row.text.strip()
        for start, end in row.spans:
            assert 0 <= start < end <= len(row.text)
            assert row.text[start:end].strip()
        assert bool(row.spans) <= bool(row.attack)
        assert row.spans or not row.attack or row.view is View.USER


def test_plain_planted_requests_come_with_the_task() -> None:
    planted = [row for row in _rows() if row.family.startswith("planted.")]
    assert planted
    assert all(row.task for row in planted)


def test_no_mark_of_the_tables_is_left() -> None:
    for row in _rows():
        assert not re.search(
            r"[⟦⟧⟹]|@@|\{(?:[bgpq]_[a-z0-9]+|name|city|company|product|email|url|code|method)\}", row.text
        )
        assert "{" not in row.task


def test_few_rows_repeat_each_other() -> None:
    keys = {re.sub(r"[\d\s]", "", row.text.casefold()) for row in _rows()}
    assert len(keys) > 0.98 * len(_rows())


@pytest.mark.parametrize("lang", SIZES)
def test_attacks_are_as_long_as_harmless_rows(lang: str) -> None:
    for view in (View.USER, View.CONTENT):
        attack, benign = (
            median(len(r.text) for r in _rows() if r.lang == lang and r.view is view and r.attack is label)
            for label in (True, False)
        )
        assert 0.5 < attack / benign < 2
