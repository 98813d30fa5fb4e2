"""A detector that fails on what it matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.registry import Meta


@dataclass(frozen=True, kw_only=True)
class Broken(Detector):
    """Matches `break me`, and raises."""

    meta: ClassVar[Meta] = Meta(id="test.broken", title="Broken", why="It breaks.", severity=Severity.LOW, tags=())
    patterns: tuple[str, ...] = ("break me",)
    category: str = "broken"

    def judge(self, found: Found) -> str | None:
        raise RuntimeError(f"cannot judge {len(found.value)} characters")
