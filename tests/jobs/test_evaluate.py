"""Evaluating labelled files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bartizan.detect.group import Kind
from bartizan.errors import InputError
from bartizan.guard.guard import Guard
from bartizan.jobs import evaluate
from tests.jobs.scores import Told, write

CALM: list[dict[str, Any]] = [{"text": f"{at / 300} calm", "label": "benign", "source": "calm"} for at in range(100)]
LOUD: list[dict[str, Any]] = [{"text": f"{at / 10} loud", "label": "injection"} for at in range(10)]


@pytest.fixture
def scorer(guard: Guard) -> Told:
    return Told(guard.engine)


def test_files_are_measured_together_and_by_source(tmp_path: Path, scorer: Told) -> None:
    files = [write(tmp_path / "calm.jsonl", CALM + CALM[:3]), write(tmp_path / "loud.jsonl", LOUD)]
    found = evaluate.run(files, scorer)
    assert (found.duplicates, found.unstated, found.others, found.benign) == (3, 110, 0, "")
    assert [(one.source, one.attacks, one.benign) for one in found.figures.parts] == [
        ("calm", 0, 100),
        ("loud.jsonl", 10, 0),
    ]
    whole = found.figures.whole
    assert [one and one.successes for one in (*whole.recall, whole.flagged, whole.right)] == [6, 6, 5, 100]


def test_a_text_that_is_labelled_both_ways_counts_both_ways(tmp_path: Path, scorer: Told) -> None:
    rows = [*CALM, {**CALM[0], "label": "injection"}]
    assert evaluate.run([write(tmp_path / "rows.jsonl", rows)], scorer).figures.whole.attacks == 1


def test_other_harmless_texts_may_set_the_false_alarms(tmp_path: Path, scorer: Told) -> None:
    calm, loud = write(tmp_path / "calm.jsonl", CALM), write(tmp_path / "loud.jsonl", LOUD)
    found = evaluate.run([loud], scorer, benign=calm)
    assert found.benign == "calm.jsonl"
    assert found.figures.limits[0].benign == 100
    with pytest.raises(InputError, match="no harmless texts"):
        evaluate.run([loud], scorer)


def test_a_kind_counts_alone(tmp_path: Path, scorer: Told) -> None:
    rows = [*CALM, {**LOUD[0], "kind": "user"}, {**LOUD[1], "kind": "tool"}]
    found = evaluate.run([write(tmp_path / "rows.jsonl", rows)], scorer, kind=Kind.TOOL)
    assert (found.others, found.figures.whole.attacks) == (1, 1)


def test_a_row_without_a_label_is_an_error(tmp_path: Path, scorer: Told) -> None:
    path = write(tmp_path / "rows.jsonl", [*CALM, {"text": "0.1"}])
    with pytest.raises(InputError, match=r"rows\.jsonl, row 101: neither label nor attack"):
        evaluate.run([path], scorer)
    with pytest.raises(InputError, match="nothing to measure"):
        evaluate.run([write(tmp_path / "empty.jsonl", [])], scorer)
