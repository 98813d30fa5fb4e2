"""Rows written one by one: every line is of the form, no text comes twice, attacks have harmless twins."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from training.recipes import written
from training.row import HARMS, View

FILES = sorted((Path(written.__file__).parent.parent / "written").glob("*.jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_line_is_a_row(path: Path) -> None:
    for line in written.read(path):
        row = written.row_of(line)
        assert row.text.strip(), line
        assert not set("\u27e6\u27e7") & set(row.text), line
        assert row.attack is not None or row.harms is not None, line
        assert all(0 <= start < end <= len(row.text) for start, end in row.spans), line
        assert not row.spans or row.attack, line
        assert (row.harms or frozenset()) <= set(HARMS), line


def test_no_text_comes_twice_beside_the_same_instructions() -> None:
    counts = Counter((row.text, row.task if row.view is View.USER else "") for row in written.rows(Random(1)))
    assert [text for text, count in counts.items() if count > 1] == []


def test_both_sides_are_there_in_each_view_and_many_languages() -> None:
    rows = list(written.rows(Random(1)))
    for view in (View.USER, View.CONTENT):
        sides = Counter(row.attack for row in rows if row.view is view)
        assert sides[True] > 300
        assert sides[False] > 300
    attacked = {row.lang for row in rows if row.attack}
    calm = {row.lang for row in rows if row.attack is False}
    assert {"en", "de", "fr", "es", "pt", "ru", "ar", "hi", "zh", "ja", "ko"} <= attacked & calm


def test_a_marked_attack_is_cut_out_with_its_place() -> None:
    line = written.Written(
        text="Hello \u27e6do this\u27e7 bye", view=View.CONTENT, family="indirect.x", lang="en", attack=True
    )
    row = written.row_of(line)
    assert row.text == "Hello do this bye"
    assert [row.text[start:end] for start, end in row.spans] == ["do this"]
