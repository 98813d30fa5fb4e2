"""US social security numbers, in the written form, within the ranges that are given out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.registry import Meta

_FIRST_ITIN_AREA = 900
_UNUSED_AREA = 666
_PUBLISHED = frozenset({"078051120", "219099999", "123456789", "987654321"})
"""Numbers that were printed on sample cards and in advertisements."""


@dataclass(frozen=True, kw_only=True)
class UsSsn(Detector):
    """A social security number in the clear."""

    meta: ClassVar[Meta] = Meta(
        id="pii.us_ssn",
        title="US social security number",
        why="The number opens credit and government accounts and cannot be changed.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM02", "cwe:4:CWE-359"),
        references=("https://www.ssa.gov/employer/randomization.html",),
        false_positives="Other numbers grouped as three, two and four digits.",
        hits=("SSN: 536-22-8716", "his social is 212 84 5510, he said"),
        misses=("000-12-3456", "666-12-3456", "078-05-1120", "phone 555-12-34567"),
    )
    patterns: tuple[str, ...] = (r"\b\d{3}-\d{2}-\d{4}\b", r"\b\d{3} \d{2} \d{4}\b")
    triggers: tuple[str, ...] = (r"\d[ -]\d\d[ -]\d{4}", r"\d[ -]\d\d[ -]\d{4}")
    category: str = "us_ssn"
    score: float = 0.85

    def judge(self, found: Found) -> str | None:
        """Asks for area, group and serial numbers that the administration gives out."""
        digits = found.value.replace("-", "").replace(" ", "")
        area, group, serial = int(digits[:3]), int(digits[3:5]), int(digits[5:])
        unused = area in {0, _UNUSED_AREA} or area >= _FIRST_ITIN_AREA or not group or not serial
        if unused or digits in _PUBLISHED:
            return None
        return "nine digits grouped as a social security number, in ranges that are given out"
