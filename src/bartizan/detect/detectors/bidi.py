"""Bidirectional controls that make text read otherwise than it runs: Trojan Source."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.registry import Meta

_OVERRIDES = "\u202d\u202e"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
_NEIGHBOURHOOD = 200


@dataclass(frozen=True, kw_only=True)
class Bidi(Detector):
    """Overrides anywhere; embeddings and isolates where no right-to-left text explains them."""

    meta: ClassVar[Meta] = Meta(
        id="unicode.bidi",
        title="Bidirectional control characters",
        why="Reordered text shows a reviewer something else than what the machine or the model reads.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0068", "cwe:4:CWE-1007"),
        references=("https://trojansource.codes/", "https://www.cve.org/CVERecord?id=CVE-2021-42574"),
        false_positives="Embeddings and isolates in Arabic, Hebrew and Persian text, which are let through.",
        hits=("if access \u202e ignore \u202c then", "a \u2066 b \u2069 c", "file\u202egpj.exe"),
        misses=("\u2067\u05e9\u05dc\u05d5\u05dd\u2069 hello", "\u200f\u0645\u0631\u062d\u0628\u0627", "plain text"),
    )
    patterns: tuple[str, ...] = (r"[\x{202A}-\x{202E}\x{2066}-\x{2069}]",)
    triggers: tuple[str, ...] = (r"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]",)
    category: str = "hidden_text"
    score: float = 0.85

    def judge(self, found: Found) -> str | None:
        """Overrides count always; the milder controls where there is no right-to-left letter nearby."""
        if found.value in _OVERRIDES:
            return "an override of the writing direction"
        around = found.text[max(0, found.start - _NEIGHBOURHOOD) : found.end + _NEIGHBOURHOOD]
        if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in around):
            return None
        return "a direction control in text that runs left to right"
