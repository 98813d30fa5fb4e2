"""Small detectors with real patterns, so that the tests of the guard do not hang on the shelf's wording."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found, PatternDetector
from bartizan.detect.engine import Engine
from bartizan.guard.guard import Guard
from bartizan.guard.policy import parse_policy
from bartizan.registry import Meta

MakeGuard = Callable[..., Guard]


def meta(plugin_id: str) -> Meta:
    return Meta(id=plugin_id, title=f"Looks like {plugin_id}", why="For tests.", severity=Severity.HIGH, tags=())


def pattern(plugin_id: str, regex: str, score: float = 0.9) -> PatternDetector:
    return PatternDetector(about=meta(plugin_id), patterns=(regex,), category=plugin_id.rpartition(".")[2], score=score)


@dataclass(frozen=True, kw_only=True)
class Broken(Detector):
    """A detector whose judgement raises, as a bug in a plugin would."""

    meta: ClassVar[Meta] = meta("secrets.broken")
    patterns: tuple[str, ...] = ("boom",)
    category: str = "broken"

    def judge(self, found: Found) -> str | None:
        raise ZeroDivisionError(found.start)


def small_engine() -> Engine:
    return Engine(
        [
            pattern("injection.override", r"ignore all previous instructions"),
            pattern("injection.hint", r"from now on", score=0.5),
            pattern("secrets.key", r"\bAK[A-Z0-9]{14}\b"),
            pattern("secrets.assigned", r"password: \S+"),
            pattern(
                "secrets.private_key",
                r"-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]*(?:-----END PRIVATE KEY-----)?",
            ),
            pattern("secrets.ticket", r"t{20,}\.END"),
            pattern("pii.card", r"\b\d{16}\b"),
            Broken(),
        ]
    )


@pytest.fixture(scope="session")
def engine() -> Engine:
    return small_engine()


@pytest.fixture
def make_guard(engine: Engine) -> MakeGuard:
    """Makes a guard from rules in TOML; `head` holds the policy's own keys."""

    def make(rules: str, head: str = "") -> Guard:
        return Guard(engine, parse_policy(f'id = "test"\ntitle = "For tests"\n{head}\n{rules}'))

    return make
