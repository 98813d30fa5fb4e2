"""Decisions under harmless changes."""

from __future__ import annotations

import pytest

from bartizan.detect.inputs.consistency import consistency, jittered
from tests.detect.inputs.pictures import auc, numpy


def test_decisions_about_texts() -> None:
    """A moderation rule that another spelling gets around."""
    changes = {
        "case": lambda texts: [one.upper() for one in texts],
        "blank": lambda texts: [f"{one} " for one in texts],
    }
    found = consistency(lambda texts: ["idiot" in one for one in texts], ["you idiot", "good day"], changes)
    assert found.scores.tolist() == [0.5, 0.0]
    assert found.why(0) == ("case",)
    assert found.why(1) == ()


def test_numbers_may_differ_by_the_tolerance() -> None:
    changes = {"more": lambda rows: rows + 0.5, "less": lambda rows: rows - 3.0}
    found = consistency(lambda rows: rows.sum(1), numpy.ones((2, 1)), changes, tolerance=1.0)
    assert found.flipped.tolist() == [[False, False], [True, True]]
    nothing = consistency(lambda rows: rows[:, 0], numpy.array([[numpy.nan]]), changes, tolerance=1.0)
    assert nothing.scores.tolist() == [1.0], "what is no number is no decision"


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        consistency(lambda rows: rows, [1], {})
    with pytest.raises(ValueError, match="shorter"):
        consistency(lambda rows: rows, [1, 2], {"shorter": lambda rows: rows[:1]})


def test_jitter_is_bounded_repeatable_and_where_it_is_asked_for() -> None:
    rows = numpy.arange(12.0).reshape(4, 3)
    found = jittered(rows, 0.1, columns=[1])
    assert (found[:, [0, 2]] == rows[:, [0, 2]]).all()
    assert (numpy.abs(found[:, 1] - rows[:, 1]) <= 0.1 * rows[:, 1]).all()
    assert (found == jittered(rows, 0.1, columns=[1])).all()
    assert (rows == numpy.arange(12.0).reshape(4, 3)).all()


def test_rows_that_were_pushed_over_the_line_stand_out() -> None:
    """A credit score by a linear model: manipulated rows sit just beyond the line, honest ones anywhere."""
    random = numpy.random.default_rng(6)
    weights = random.normal(size=8)
    rows = random.normal(size=(2_000, 8)) * 3
    sums = rows @ weights
    refused = rows[sums < -1]
    pushed = refused + ((0.05 - refused @ weights) / (weights @ weights))[:, None] * weights
    changes = {f"jitter {seed}": lambda some, seed=seed: jittered(some, 0.02, seed=seed) for seed in range(20)}
    honest = consistency(lambda some: some @ weights > 0, rows, changes)
    moved = consistency(lambda some: some @ weights > 0, pushed, changes)
    assert auc(moved.scores, honest.scores) > 0.9
