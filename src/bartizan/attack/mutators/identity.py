"""No disguise: the payload as it is. What every other mutator is compared with."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from bartizan.attack.mutator import Mutator
from bartizan.core.severity import Severity
from bartizan.registry import Meta


@dataclass(frozen=True, kw_only=True)
class Identity(Mutator):
    """Changes nothing."""

    meta: ClassVar[Meta] = Meta(
        id="mutator.identity",
        title="No disguise",
        why="The rate without a disguise is what the others are compared with.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM01",),
    )

    def apply(self, payload: str, chance: random.Random) -> str:  # noqa: ARG002  (nothing is left to chance)
        """Returns the payload."""
        return payload
