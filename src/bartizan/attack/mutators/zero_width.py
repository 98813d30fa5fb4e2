"""Puts invisible characters between letters."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from bartizan.attack.mutator import Mutator
from bartizan.core.severity import Severity
from bartizan.registry import Meta

INVISIBLE = "\u200b\u200c\u2060"


@dataclass(frozen=True, kw_only=True)
class ZeroWidth(Mutator):
    """Breaks words with characters that take no room.

    Attributes:
        share: The share of gaps between two letters that get one.
    """

    share: float = 0.4
    meta: ClassVar[Meta] = Meta(
        id="mutator.zero_width",
        title="Invisible characters",
        why="The text looks the same and phrases no longer match.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0054"),
        references=("https://arxiv.org/abs/2106.09898",),
    )

    def apply(self, payload: str, chance: random.Random) -> str:
        """Returns the payload with invisible characters inside its words."""
        broken = [
            char + chance.choice(INVISIBLE)
            if char.isalpha() and after.isalpha() and chance.random() < self.share
            else char
            for char, after in zip(payload, payload[1:] + " ", strict=True)
        ]
        return "".join(broken)
