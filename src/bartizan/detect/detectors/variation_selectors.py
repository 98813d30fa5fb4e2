"""Bytes hidden in variation selectors, 256 invisible characters that can follow any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.detect.encodings import selectors_text
from bartizan.registry import Meta


@dataclass(frozen=True, kw_only=True)
class VariationSelectors(Detector):
    """Two or more selectors in a row, which no script and no emoji has."""

    meta: ClassVar[Meta] = Meta(
        id="unicode.variation_selectors",
        title="Data hidden in variation selectors",
        why="A chain of selectors behind one character carries any bytes unseen, through copy and paste.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0068", "cwe:4:CWE-1007"),
        references=("https://paulbutler.org/2025/smuggling-arbitrary-data-through-an-emoji/",),
        false_positives="None known: standard sequences have one selector behind one character.",
        hits=("\U0001f600\U000e0158\U000e0155\U000e015c\U000e015c\U000e015f", "a\ufe01\ufe02\ufe03\ufe04"),
        misses=("I \u2764\ufe0f this \u2600\ufe0f", "\u8fbb\U000e0100 san", "1\ufe0f\u20e3"),
    )
    patterns: tuple[str, ...] = (r"[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{2,}",)
    triggers: tuple[str, ...] = (
        r"(?:\xef\xb8[\x80-\x8f]|\xf3\xa0[\x84-\x87][\x80-\xbf])(?:\xef\xb8[\x80-\x8f]|\xf3\xa0[\x84-\x87])",
    )
    category: str = "hidden_text"
    score: float = 0.9

    def judge(self, found: Found) -> str | None:
        """Says how many bytes were hidden; two equal emoji selectors are a slip of an editor."""
        if found.value in {"\ufe0f\ufe0f", "\ufe0e\ufe0f"}:
            return None
        hidden = selectors_text(found.value)
        return f"{len(found.value)} variation selectors in a row, which spell {hidden[:200]!r}"
