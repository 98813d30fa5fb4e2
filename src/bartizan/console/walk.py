"""The walk: from a blocked request back to the attack that taught us to block it, by joins over the ledger.

verdict → policy rule and detector → attack attempts that the same detector stopped (joined on the request id) → their
probe → findings of that probe → the attempts that succeeded where nothing stopped them → the asset → taxonomy tags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import zip_longest

import msgspec

from bartizan.console.catalogue import index, title_of
from bartizan.console.rows import (
    AssetRow,
    AttemptRow,
    FindingRow,
    TagNote,
    asset_row,
    attempt_rows,
    finding_row,
    tag_notes,
    verdicts_of,
)
from bartizan.core.asset import Asset
from bartizan.core.attempt import Attempt, Outcome
from bartizan.core.finding import Finding
from bartizan.core.severity import Severity
from bartizan.core.verdict import Verdict
from bartizan.store.ledger import Ledger

_ATTEMPTS_A_PROBE = 40
_MOST_STOPPED = 8
_FINDINGS_A_PROBE = 10
_MOST_FINDINGS = 10
_MOST_BREACHES = 8
_BREACHES_A_FINDING = 2


class PluginNote(msgspec.Struct, frozen=True, kw_only=True):
    """A detector or a probe, and how often this walk met it."""

    id: str
    title: str
    why: str
    severity: Severity | None
    tags: tuple[str, ...]
    times: int


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """The way back from a verdict.

    Attributes:
        detectors: What made the policy's rules fire.
        stopped: Attack attempts that one of these detectors stopped, this request's own first.
        probes: The probes of these attempts.
        findings: What these probes found, the worst and surest first.
        breaches: Attempts of these findings that succeeded.
        assets: What the findings are on.
        tags: Where all of it stands in the public taxonomies.
    """

    detectors: tuple[PluginNote, ...]
    stopped: tuple[AttemptRow, ...]
    probes: tuple[PluginNote, ...]
    findings: tuple[FindingRow, ...]
    breaches: tuple[AttemptRow, ...]
    assets: tuple[AssetRow, ...]
    tags: tuple[TagNote, ...]


def walk(ledger: Ledger, request: str, verdicts: Iterable[Verdict]) -> Walk:
    """Walks back from the verdicts on a request. The number of lookups is bounded however large the ledger is."""
    detectors = [reason.detector for verdict in verdicts for reason in verdict.reasons if reason.detector]
    stopped = _stopped_by(ledger, request, set(detectors))
    probes = [attempt.probe for attempt in stopped]
    findings = _findings_of(ledger, dict.fromkeys(probes))
    breaches = [attempt for row in findings for attempt in successes(ledger, row.id, limit=_BREACHES_A_FINDING)]
    assets = [asset_row(ledger, 0, found) for found in _assets(ledger, [row.asset for row in findings])]
    notes = (_notes(detectors), _notes(probes))
    tags = [
        *(tag for row in findings for tag in row.tags),
        *(tag for group in notes for note in group for tag in note.tags),
    ]
    return Walk(
        detectors=notes[0],
        stopped=attempt_rows(ledger, stopped[:_MOST_STOPPED]),
        probes=notes[1],
        findings=findings,
        breaches=attempt_rows(ledger, breaches[:_MOST_BREACHES]),
        assets=tuple(assets),
        tags=tag_notes(tags),
    )


def successes(ledger: Ledger, finding_id: str, *, limit: int) -> tuple[Attempt, ...]:
    """Returns attempts that prove a finding: those that it names, then other successes of its run and probe."""
    finding = ledger.get(Finding, finding_id)
    if finding is None:
        return ()
    named = [ledger.get(Attempt, attempt_id) for attempt_id in finding.attempts[:limit]]
    found = {attempt.id: attempt for attempt in named if attempt is not None}
    if finding.run is not None and len(found) < limit:
        where = {"run": finding.run, "probe": finding.rule, "outcome": Outcome.SUCCESS.value}
        for entry in ledger.find(Attempt, where, limit=limit):
            found.setdefault(entry.record.id, entry.record)
    return tuple(found.values())[:limit]


def _stopped_by(ledger: Ledger, request: str, detectors: Collection[str]) -> list[Attempt]:
    """Returns blocked attempts whose own verdict names one of the detectors, of every probe the newest few."""
    own = [entry.record for entry in ledger.find(Attempt, {"request": request}, limit=1)] if request else []
    found = {attempt.id: attempt for attempt in own}
    groups = [
        [
            entry.record
            for entry in ledger.find(
                Attempt, {"probe": probe, "outcome": Outcome.BLOCKED.value}, limit=_ATTEMPTS_A_PROBE
            )
            if _fired(ledger, entry.record.request) & set(detectors)
        ]
        for probe in (sorted(ledger.tally(Attempt, "probe", {"outcome": Outcome.BLOCKED.value})) if detectors else [])
    ]
    # One of each probe in turn, so that a short list shows all of them.
    for round_ in zip_longest(*groups):
        found |= {attempt.id: attempt for attempt in round_ if attempt is not None and attempt.id not in found}
    return list(found.values())


def _fired(ledger: Ledger, request: str) -> set[str]:
    return {reason.detector for verdict in verdicts_of(ledger, request) for reason in verdict.reasons}


def _findings_of(ledger: Ledger, probes: Iterable[str]) -> tuple[FindingRow, ...]:
    rows = [
        finding_row(ledger, entry.sequence, entry.record)
        for probe in probes
        for entry in ledger.find(Finding, {"rule": probe}, limit=_FINDINGS_A_PROBE)
    ]
    return tuple(sorted(rows, key=lambda row: (-row.severity.rank, -row.confidence.low, row.title)))[:_MOST_FINDINGS]


def _assets(ledger: Ledger, ids: Iterable[str]) -> list[Asset]:
    found = [ledger.get(Asset, asset_id) for asset_id in dict.fromkeys(ids)]
    return [asset for asset in found if asset is not None]


def _notes(ids: list[str]) -> tuple[PluginNote, ...]:
    return tuple(plugin_note(plugin_id, ids.count(plugin_id)) for plugin_id in dict.fromkeys(ids))


def plugin_note(plugin_id: str, times: int = 0) -> PluginNote:
    """Returns what the catalogue says of a plugin; its id where it has left the catalogue since."""
    entry = index().get(plugin_id)
    return PluginNote(
        id=plugin_id,
        title=title_of(plugin_id),
        why=entry.why if entry else "",
        severity=entry.severity if entry else None,
        tags=entry.tags if entry else (),
        times=times,
    )
