"""Writes some letters as digits."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import ClassVar

from bartizan.attack.mutator import Mutator
from bartizan.core.severity import Severity
from bartizan.registry import Meta

_DIGITS = str.maketrans("oleastOLEAST", "013457013457")
_WORD = re.compile(r"[A-Za-z]{3,}")


@dataclass(frozen=True, kw_only=True)
class Leetspeak(Mutator):
    """Writes letters as digits in a share of the words.

    Attributes:
        share: The share of words that are changed.
    """

    share: float = 0.7
    meta: ClassVar[Meta] = Meta(
        id="mutator.leetspeak",
        title="Letters as digits",
        why="People and models read it at sight; a filter of exact phrases does not.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0054"),
        references=("https://arxiv.org/abs/2309.10253",),
    )

    def apply(self, payload: str, chance: random.Random) -> str:
        """Returns the payload with digits in it; addresses and quoted words must arrive as they are."""
        return "".join(
            part if index % 2 else _WORD.sub(lambda word: self._write(word[0], chance), part)
            for index, part in enumerate(re.split(r"(\"[^\"]*\"|\S*@\S*)", payload))
        )

    def _write(self, word: str, chance: random.Random) -> str:
        return word.translate(_DIGITS) if chance.random() < self.share else word
