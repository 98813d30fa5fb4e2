"""A fingerprint changes with what decides about scores, and with nothing else."""

from __future__ import annotations

import re

from bartizan.config import DetectConfig
from bartizan.detect.engine import Engine
from bartizan.detect.fingerprint import fingerprint

QUIET = DetectConfig(models=False)


def test_it_is_the_same_each_time_and_changes_with_detectors_and_settings() -> None:
    engine = Engine.load(QUIET)
    plugins = list(engine.detectors.values())
    known = fingerprint(plugins, QUIET)
    assert re.fullmatch("[0-9a-f]{64}", known)
    assert engine.fingerprint == known == fingerprint(reversed(plugins), QUIET)
    assert fingerprint(plugins[1:], QUIET) != known
    assert fingerprint(plugins, DetectConfig()) != known
    assert fingerprint(plugins, DetectConfig(models=False, decode_depth=1)) != known


def test_where_the_thresholds_lie_does_not_matter() -> None:
    assert fingerprint([], DetectConfig(thresholds="a.json")) == fingerprint([], DetectConfig())
