"""Guards that several rooms test with; loading the engine takes a second, so once is enough."""

from __future__ import annotations

import pytest

from bartizan.config import Config
from bartizan.guard.guard import Guard
from bartizan.guard.policy import parse_policy


@pytest.fixture(scope="session")
def guard() -> Guard:
    return Guard.from_config(Config())


@pytest.fixture(scope="session")
def strict_guard(guard: Guard) -> Guard:
    """Blocks card numbers, whichever way they travel."""
    policy = parse_policy(
        """
        id = "strict"
        title = "Blocks card numbers"
        [[rules]]
        id = "cards"
        why = "they must not travel"
        detectors = ["pii.payment_card"]
        action = "block"
        """
    )
    return Guard(guard.engine, policy)
