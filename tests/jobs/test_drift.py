"""Watching for drift across runs: the state goes on from its file, and belongs to one threshold."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bartizan.detect.drift import Drift
from bartizan.detect.group import Group, Kind
from bartizan.detect.thresholds import SiteThreshold
from bartizan.errors import ConfigError, InputError
from bartizan.guard.guard import Guard
from bartizan.jobs import calibrate, drift
from bartizan.jobs.labelled import Row, read
from tests.jobs.scores import Told, write


@pytest.fixture
def scorer(tmp_path: Path, guard: Guard) -> Told:
    calm = write(tmp_path / "calm.jsonl", ({"text": f"{at / 1000} calm"} for at in range(1000)))
    made = calibrate.run(calm, tmp_path / "out.json", Told(guard.engine), aim=calibrate.Aim(budget=0.01))
    return Told(guard.engine, [made.site])


def live(tmp_path: Path, power: float, seed: int) -> Iterator[Row]:
    rng = random.Random(seed)
    return read(write(tmp_path / "live.jsonl", ({"text": f"{rng.random() ** power:.9f}"} for _ in range(300))))


def test_it_goes_on_where_it_was_and_ends_with_the_traffic(tmp_path: Path, scorer: Told) -> None:
    state = tmp_path / "state.json"
    (site,) = scorer.thresholds
    for seed in (1, 2):
        found = drift.run(live(tmp_path, 1, seed), scorer, state, site=site)
    assert (found.stands, found.seen) == (True, 600)
    gone = drift.run(live(tmp_path, 0.3, 3), scorer, state, site=site)
    assert not gone.stands
    assert msgspec.json.decode(state.read_bytes(), type=Drift) == gone
    assert drift.run(live(tmp_path, 1, 4), scorer, state, site=site) == gone


def test_repeated_texts_and_attacks_are_passed_over(tmp_path: Path, scorer: Told) -> None:
    rows = [{"text": "0.5"}] * 5 + [{"text": "1.0", "label": "injection"}]
    found = drift.run(
        read(write(tmp_path / "live.jsonl", rows)), scorer, tmp_path / "state.json", site=scorer.thresholds[0]
    )
    assert found.seen == 1


def test_a_state_of_another_threshold_and_what_is_none_are_errors(tmp_path: Path, scorer: Told) -> None:
    state = tmp_path / "state.json"
    (site,) = scorer.thresholds
    drift.run(live(tmp_path, 1, 1), scorer, state, site=site)
    other: SiteThreshold = msgspec.structs.replace(site, origin=msgspec.structs.replace(site.origin, data="0" * 64))
    with pytest.raises(InputError, match="another threshold"):
        drift.run(live(tmp_path, 1, 1), scorer, state, site=other)
    state.write_bytes(b"{")
    with pytest.raises(InputError, match="no state"):
        drift.run(live(tmp_path, 1, 1), scorer, state, site=site)
    with pytest.raises(InputError, match="cannot be written"):
        drift.run(live(tmp_path, 1, 1), scorer, tmp_path / "no" / "state.json", site=site)


def test_without_a_threshold_there_is_nothing_to_watch(scorer: Told) -> None:
    assert drift.site_of(scorer, Group.INJECTION, None) is scorer.thresholds[0]
    with pytest.raises(ConfigError, match="no threshold of this site for injection, tool"):
        drift.site_of(scorer, Group.INJECTION, Kind.TOOL)
