"""What a harvest counts."""

from __future__ import annotations

from bartizan.core.finding import Finding, Skip
from bartizan.core.severity import Severity
from bartizan.jobs.harvest import gather
from bartizan.jobs.progress import silent


def test_skips_are_counted_beyond_those_that_are_kept() -> None:
    skips = (Skip(subject=str(number), reason="no") for number in range(10_500))
    harvest = gather("scan", skips, ledger=None, progress=silent)
    assert (len(harvest.skips), harvest.skipped) == (10_000, 10_500)


def test_severities_are_counted() -> None:
    findings = [
        Finding(id=f"f{number}", rule="r", asset="a", title="t", severity=severity)
        for number, severity in enumerate([Severity.HIGH, Severity.LOW, Severity.HIGH])
    ]
    harvest = gather("scan", findings, ledger=None, progress=silent)
    assert harvest.severities == {Severity.HIGH: 2, Severity.LOW: 1}
