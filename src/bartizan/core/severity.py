"""How bad a thing is, in the five steps that CVSS, SARIF and every ticket system understand."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """A step of severity; compare with `rank`."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for info to 4 for critical."""
        return list(Severity).index(self)
