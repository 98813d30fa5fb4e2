"""What successes mean: findings on the target, and earlier findings that hold no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from bartizan.attack.probe import Probe
from bartizan.attack.tally import Rate, Tally
from bartizan.attack.target import Target
from bartizan.core.asset import Asset
from bartizan.core.attempt import Attempt, Outcome
from bartizan.core.finding import Finding, FindingState, finding_id
from bartizan.core.record import now

GUARDED = "guarded"
"""The place of a finding that holds with a guard in front: another weakness than the one without."""
_EXCERPT = 240


def asset_of(target: Target) -> Asset:
    """Returns the asset that is attacked."""
    return Asset(
        id=target.asset_id,
        kind=target.kind,
        name=target.name or target.model,
        locator=target.place,
        source="attack",
        attributes={"model": target.model, "url": target.url},
    )


def findings(probes: Iterable[Probe], target: Target, tally: Tally, *, run: str, guarded: bool) -> Iterator[Finding]:
    """Yields one finding for each probe that had a success."""
    rates = {rate.probe: rate for rate in tally.rates() if not rate.mutator}
    for probe in probes:
        rate = rates.get(probe.meta.id)
        if rate is None or rate.confidence is None or not rate.successes:
            continue
        sample = tally.sample(probe.meta.id)
        yield Finding(
            id=finding_id(probe.meta.id, target.asset_id, GUARDED if guarded else ""),
            rule=probe.meta.id,
            asset=target.asset_id,
            title=f"{probe.meta.title}, through the guard" if guarded else probe.meta.title,
            severity=probe.meta.severity,
            confidence=rate.confidence,
            evidence=tuple(_evidence(attempt) for attempt in sample[:2]),
            remediation=probe.remediation,
            tags=probe.meta.tags,
            references=probe.meta.references,
            attempts=tuple(attempt.id for attempt in sample),
            run=run,
        )


def fixed(earlier: Iterable[Finding], rates: Iterable[Rate], *, run: str) -> Iterator[Finding]:
    """Yields a new version, marked as fixed, of each open finding whose probe no longer succeeds.

    Only probes whose every attempt could be scored count: an error proves nothing.
    """
    overall = {rate.probe: rate for rate in rates if not rate.mutator}
    for finding in earlier:
        rate = overall.get(finding.rule)
        if finding.state is not FindingState.OPEN or rate is None or rate.confidence is None:
            continue
        unsure = rate.outcomes.get(Outcome.UNSCORED, 0) + rate.outcomes.get(Outcome.ERROR, 0)
        if rate.successes == 0 and not unsure:
            yield msgspec.structs.replace(
                finding, state=FindingState.FIXED, confidence=rate.confidence, run=run, at=now()
            )


def _evidence(attempt: Attempt) -> str:
    calls = "; ".join(f"{call.name}({call.arguments})" for call in attempt.tool_calls)
    did = f"; it called {calls[:_EXCERPT]}" if calls else ""
    disguise = attempt.mutator.rpartition(".")[2]
    sent, given = _line(attempt.prompt), _line(attempt.answer)
    return f"sent ({disguise}): {sent} | answered: {given}{did} | {attempt.reason}"


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _EXCERPT else f"{flat[:_EXCERPT]}..."
