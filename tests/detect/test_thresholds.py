"""Thresholds from harmless scores: what is claimed holds, too few is an error that says how many, files are strict."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bartizan.detect import thresholds
from bartizan.detect.binomial import at_most
from bartizan.detect.group import Group, Kind
from bartizan.detect.thresholds import Choice, Origin, SiteThreshold, allowance, choose, least, merged
from bartizan.errors import ConfigError, InputError

ONE, OTHER = "1" * 64, "2" * 64
SCORES = st.lists(st.one_of(st.floats(0, 1), st.sampled_from((0.0, 0.5, 0.9))), min_size=60, max_size=200)


def site(group: Group = Group.INJECTION, kind: Kind | None = None, detector: str = ONE) -> SiteThreshold:
    return SiteThreshold(
        group=group,
        kind=kind,
        budget=0.001,
        confidence=0.95,
        threshold=0.7512345678901234,
        n=3000,
        exceedances=0,
        marks=thresholds.choose([at / 3001 for at in range(3000)], budget=0.001).marks,
        origin=Origin(detector=detector, data=ONE),
        date=datetime(2026, 1, 2, tzinfo=UTC),
    )


def test_the_smallest_samples_are_the_known_ones() -> None:
    assert [least(0.01, 0.95), least(0.001, 0.95), least(0.001, 0.99), least(0.05, 0.9)] == [299, 2995, 4603, 45]
    assert allowance(299, 0.01, 0.95) == 0


@pytest.mark.parametrize("n", [0, 1, 2994])
def test_too_few_is_an_error_that_says_how_many_are_needed(n: int) -> None:
    with pytest.raises(InputError, match=r"0\.1 % at 95 % confidence needs at least 2,995"):
        choose([0.1] * n, budget=0.001)


@pytest.mark.parametrize(
    ("budget", "confidence"), [(0, 0.95), (1, 0.95), (0.01, 0), (0.01, 1), (-1, 0.5), (float("nan"), 0.5)]
)
def test_shares_out_of_range_are_errors(budget: float, confidence: float) -> None:
    with pytest.raises(InputError, match="not between 0 and 1"):
        choose([0.1] * 1000, budget=budget, confidence=confidence)


@pytest.mark.parametrize("score", [float("nan"), -0.1, 1.1, float("inf")])
def test_what_is_no_score_is_an_error(score: float) -> None:
    with pytest.raises(InputError, match="no number from 0 to 1"):
        choose([*[0.1] * 400, score], budget=0.01)


def test_no_threshold_where_harmless_texts_have_the_greatest_score() -> None:
    with pytest.raises(InputError, match="greatest score there is"):
        choose([*[0.1] * 299, 1.0], budget=0.01)


@given(st.integers(1, 3000), st.floats(0.001, 0.5), st.floats(0.5, 0.999))
def test_the_allowance_is_the_greatest_that_rejects(n: int, budget: float, confidence: float) -> None:
    assume(n >= least(budget, confidence))
    allowed = allowance(n, budget, confidence)
    assert at_most(allowed, n, budget) <= 1 - confidence
    assert at_most(allowed + 1, n, budget) > (1 - confidence) * 0.9999


@given(SCORES, st.floats(0.05, 0.5))
def test_no_more_than_the_allowance_reach_the_threshold_and_no_lower_one_does_it(
    scores: list[float], budget: float
) -> None:
    assume(sum(one == 1 for one in scores) == 0)
    allowed = allowance(len(scores), budget, 0.9)
    choice = choose(scores, budget=budget, confidence=0.9)
    assert choice.exceedances == sum(one >= choice.threshold for one in scores) <= allowed
    at_the_limit = max(one for one in scores if one < choice.threshold)
    assert sum(one >= at_the_limit for one in scores) > allowed


@given(SCORES)
def test_neither_order_nor_ties_matter(scores: list[float]) -> None:
    assume(max(scores) < 1)
    turned = choose(scores[::-1], budget=0.1, confidence=0.9)
    assert turned == choose(scores, budget=0.1, confidence=0.9)
    assert [mark.rank for mark in turned.marks] == sorted({mark.rank for mark in turned.marks})


@pytest.mark.parametrize("levels", [0, 40], ids=["smooth", "tied"])
def test_the_budget_is_kept_as_often_as_stated(levels: int) -> None:
    """Rates are known exactly here: scores are uniform, or rounded down to one of forty values."""
    rng = random.Random(11)

    def draw() -> float:
        score = rng.random()
        return int(score * levels) / levels if levels else score

    broken, splits = 0, 300
    for _ in range(splits):
        threshold = choose((draw() for _ in range(300)), budget=0.05, confidence=0.9).threshold
        rate = 1 - threshold if not levels else sum(at / levels >= threshold for at in range(levels)) / levels
        broken += rate > 0.05
    # One in a thousand runs of a method that breaks its word in exactly 10 % of splits would show more.
    assert at_most(broken - 1, splits, 0.1) < 0.999


def test_files_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    kept = (site(), site(kind=Kind.TOOL), site(Group.LEAK))
    thresholds.write(path, kept)
    assert thresholds.read(path, detector=ONE) == kept
    assert [each.name for each in tmp_path.iterdir()] == ["thresholds.json"]


def test_a_file_for_another_detector_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    thresholds.write(path, [site()])
    with pytest.raises(ConfigError, match="another detector"):
        thresholds.read(path, detector=OTHER)
    assert thresholds.read(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"thresholds": 3}',
        b'{"thresholds": [{}]}',
        b'{"thresholds": [], "more": 1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_file_of_thresholds_is_an_error(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    path.write_bytes(data)
    with pytest.raises(ConfigError):
        thresholds.read(path)


def test_a_missing_file_and_one_that_cannot_be_written_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        thresholds.read(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot be written"):
        thresholds.write(tmp_path / "no" / "such.json", [site()])


def test_two_thresholds_for_the_same_texts_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.json"
    thresholds.write(path, [site(), site()])
    with pytest.raises(ConfigError, match="two thresholds"):
        thresholds.read(path)


def test_a_new_threshold_takes_the_place_of_the_old_and_of_those_of_other_detectors() -> None:
    old = (site(), site(kind=Kind.TOOL), site(Group.LEAK, detector=OTHER))
    new = msgspec.structs.replace(site(), threshold=0.9)
    assert merged(old, new) == (new, site(kind=Kind.TOOL))


def test_the_statement_says_what_is_claimed() -> None:
    said = site(kind=Kind.TOOL).statement
    assert "with 95 % confidence at most 0.1 % of harmless tool texts" in said
    assert "3,000" in said
    assert "injection" in said


def test_a_threshold_is_one_number_with_all_digits(tmp_path: Path) -> None:
    choice = choose([at / 401 for at in range(400)], budget=0.01)
    assert msgspec.json.decode(msgspec.json.encode(choice), type=Choice) == choice
