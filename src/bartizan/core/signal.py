"""Signals: what a detector saw in content."""

from __future__ import annotations

from bartizan.core.record import Record
from bartizan.core.severity import Severity


class Signal(Record, frozen=True, kw_only=True):
    """One thing that one detector saw in one segment.

    Attributes:
        detector: The detector's id, such as `injection.instruction_override`.
        category: What redaction puts in the place of the span, such as `payment_card`.
        score: How sure the detector is, 0 to 1.
        segment: The index of the segment in the content that was checked.
        start: Where it begins in the segment's text, in characters.
        end: Where it ends, exclusive.
        reason: Why this is a hit, in words, without the content itself.
        decoded: How the text was hidden (`base64`, `homoglyphs`), empty where it stood in the clear.
    """

    detector: str
    category: str
    score: float
    segment: int
    start: int
    end: int
    severity: Severity
    reason: str
    decoded: str = ""
