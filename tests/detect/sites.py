"""Thresholds as a site would have set them."""

from __future__ import annotations

from bartizan.detect.group import Group, Kind
from bartizan.detect.thresholds import Origin, SiteThreshold


def site(
    group: Group, threshold: float = 0.5, kind: Kind | None = None, *, detector: str = "0" * 64, budget: float = 0.001
) -> SiteThreshold:
    """Returns a threshold of some calibration."""
    return SiteThreshold(
        group=group,
        kind=kind,
        budget=budget,
        confidence=0.95,
        threshold=threshold,
        n=3_000,
        exceedances=0,
        origin=Origin(detector=detector, data="0" * 64),
    )
