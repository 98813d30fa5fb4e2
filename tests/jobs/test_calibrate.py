"""Calibrating: which texts count, what is filed, and that it fails before anything is scored where it can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bartizan.detect import thresholds
from bartizan.detect.group import Group, Kind
from bartizan.errors import ConfigError, InputError
from bartizan.guard.guard import Guard
from bartizan.jobs import calibrate
from bartizan.jobs.calibrate import Aim
from tests.jobs.scores import Told, write

CALM: list[dict[str, Any]] = [{"text": f"{at / 400} calm"} for at in range(400)]
ONE = Aim(budget=0.01)


@pytest.fixture
def scorer(guard: Guard) -> Told:
    return Told(guard.engine)


def test_the_threshold_is_filed_with_its_origin(tmp_path: Path, scorer: Told) -> None:
    out = tmp_path / "out.json"
    made = calibrate.run(write(tmp_path / "calm.jsonl", CALM), out, scorer, aim=ONE)
    assert thresholds.read(out, detector=scorer.engine.fingerprint) == (made.site,)
    assert (made.site.n, made.site.exceedances, made.site.origin.data) == (400, 0, made.texts.digest)
    assert made.site.threshold > 399 / 400


def test_repeated_rows_and_attacks_do_not_count(tmp_path: Path, scorer: Told) -> None:
    rows = CALM + CALM[:7] + [{"text": "1.0", "label": "injection"}, {"text": "1.0", "attack": True}]
    made = calibrate.run(write(tmp_path / "calm.jsonl", rows), tmp_path / "out.json", scorer, aim=ONE)
    assert (made.site.n, made.site.origin.duplicates, made.texts.attacks, made.texts.unstated) == (400, 7, 2, 400)


def test_the_digest_does_not_depend_on_order(tmp_path: Path, scorer: Told) -> None:
    files = [write(tmp_path / f"{name}.jsonl", rows) for name, rows in (("a", CALM), ("b", CALM[::-1]))]
    one, other = (calibrate.run(path, tmp_path / "out.json", scorer, aim=ONE).texts.digest for path in files)
    assert one == other


def test_a_kind_takes_its_rows_and_those_that_say_nothing(tmp_path: Path, scorer: Told) -> None:
    rows = [*CALM, {"text": "1.0", "kind": "user"}, {"text": "0.5 tool", "kind": "tool"}]
    aim = Aim(budget=0.01, kind=Kind.TOOL)
    made = calibrate.run(write(tmp_path / "calm.jsonl", rows), tmp_path / "out.json", scorer, aim=aim)
    assert (made.site.n, made.site.kind, made.texts.others) == (401, Kind.TOOL, 1)


def test_thresholds_for_other_texts_stay(tmp_path: Path, scorer: Told) -> None:
    calm, out = write(tmp_path / "calm.jsonl", CALM), tmp_path / "out.json"
    for aim in (ONE, Aim(budget=0.02), Aim(budget=0.02, group=Group.LEAK)):
        calibrate.run(calm, out, scorer, aim=aim)
    assert [(one.group, one.budget) for one in thresholds.read(out)] == [(Group.INJECTION, 0.02), (Group.LEAK, 0.02)]


def test_what_cannot_succeed_fails_before_it_scores(tmp_path: Path, guard: Guard) -> None:
    class Never(Told):
        def score(self, *_: Any) -> Any:
            raise AssertionError

    calm, never = write(tmp_path / "calm.jsonl", CALM), Never(guard.engine)
    with pytest.raises(InputError, match="needs at least 2,995"):
        calibrate.run(calm, tmp_path / "out.json", never, aim=Aim(budget=0.001))
    with pytest.raises(InputError, match="no folder"):
        calibrate.run(calm, tmp_path / "no" / "out.json", never, aim=ONE)
    with pytest.raises(ConfigError, match="cannot be read"):
        calibrate.run(calm, calm, never, aim=ONE)
    assert {path.name for path in tmp_path.iterdir()} == {"calm.jsonl"}
