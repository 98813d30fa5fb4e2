"""Findings: weaknesses of assets, with what proves them and how sure we are; and skips, which are results too."""

from __future__ import annotations

import math
from enum import StrEnum

from bartizan.core.identity import stable_id
from bartizan.core.record import LedgerRecord, Record
from bartizan.core.severity import Severity

Z_95 = 1.959963984540054
"""The normal quantile of a two-sided 95 per cent interval."""


class Confidence(Record, frozen=True, kw_only=True):
    """How sure a finding is: `share` between `low` and `high`, from `trials` where it was measured by trials."""

    share: float
    low: float
    high: float
    successes: int | None = None
    trials: int | None = None


CERTAIN = Confidence(share=1.0, low=1.0, high=1.0)
"""Read off the bytes: no trial was needed."""


def wilson(successes: int, trials: int, *, z: float = Z_95) -> Confidence:
    """Returns the share of successes with its Wilson score interval (E. B. Wilson, JASA 22, 1927).

    Raises:
        ValueError: `trials` is not positive or `successes` is outside 0..trials.
    """
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"cannot form an interval from {successes} successes in {trials} trials")
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / scale
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Confidence(share=share, low=low, high=high, successes=successes, trials=trials)


class Location(Record, frozen=True, kw_only=True):
    """Where in the asset: a path below the scanned root, a line (from 1) or byte offset, a member of an archive."""

    path: str
    line: int | None = None
    offset: int | None = None
    member: str | None = None


class FindingState(StrEnum):
    """Where a finding stands in its life."""

    OPEN = "open"
    FIXED = "fixed"
    ACCEPTED = "accepted"


class Finding(LedgerRecord, frozen=True, kw_only=True, tag="finding"):
    """A weakness of an asset.

    Attributes:
        rule: The id of the plugin that found it: a scan format, a rule, or an attack probe.
        asset: The id of the asset that has it.
        evidence: Short excerpts that prove it; never a secret in clear.
        attempts: Ids of the attack attempts behind it, a sample where there are many.
        run: The id of the attack run that measured it.
        tags: Taxonomy tags, `framework:edition:id`.
    """

    rule: str
    asset: str
    title: str
    severity: Severity
    confidence: Confidence = CERTAIN
    location: Location | None = None
    evidence: tuple[str, ...] = ()
    remediation: str = ""
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    run: str | None = None
    state: FindingState = FindingState.OPEN


def finding_id(rule: str, asset: str, place: str = "") -> str:
    """Returns the id of what `rule` found on `asset` at `place`; found again, it is the same finding."""
    return stable_id("finding", rule, rule, asset, place)


class Skip(Record, frozen=True, kw_only=True):
    """Something that was not examined, and why. Never to be read as clean."""

    subject: str
    reason: str
