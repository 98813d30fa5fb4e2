"""Writes some Latin letters as Cyrillic ones that look the same."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import ClassVar

from bartizan.attack.mutator import Mutator
from bartizan.core.severity import Severity
from bartizan.registry import Meta

_CYRILLIC = str.maketrans("aeopcyxijs", "аеорсухіјѕ")


@dataclass(frozen=True, kw_only=True)
class Homoglyphs(Mutator):
    """Exchanges letters for look-alikes.

    Attributes:
        share: The share of letters that are exchanged where there is a look-alike.
    """

    share: float = 0.6
    meta: ClassVar[Meta] = Meta(
        id="mutator.homoglyphs",
        title="Look-alike letters",
        why="To the eye and to many models it is the same text; to a filter of exact phrases it is another one.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0054", "cwe:4:CWE-1007"),
        references=("https://www.unicode.org/reports/tr39/", "https://arxiv.org/abs/2106.09898"),
    )

    def apply(self, payload: str, chance: random.Random) -> str:
        """Returns the payload with look-alikes; addresses and quoted words must arrive as they are."""
        return "".join(
            part if index % 2 else "".join(self._write(char, chance) for char in part)
            for index, part in enumerate(re.split(r"(\"[^\"]*\"|\S*@\S*)", payload))
        )

    def _write(self, char: str, chance: random.Random) -> str:
        return char.translate(_CYRILLIC) if chance.random() < self.share else char
