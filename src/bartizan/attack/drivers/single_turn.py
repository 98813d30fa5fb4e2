"""One request, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bartizan.attack.driver import Conversation, Driver, Message
from bartizan.core.severity import Severity
from bartizan.registry import Meta


@dataclass(frozen=True, kw_only=True)
class SingleTurn(Driver):
    """Sends the opening and stops."""

    meta: ClassVar[Meta] = Meta(
        id="driver.single_turn",
        title="One turn",
        why="Most injections need one message; it is the cheapest attack and the one that is tried first.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM01",),
    )

    def converse(self, opening: Sequence[Message]) -> Conversation:
        """Yields the opening once."""
        yield opening
