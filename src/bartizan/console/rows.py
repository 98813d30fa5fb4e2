"""What lists show of the ledger's records: short, with titles in the place of ids, and texts cut to a bound."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from bartizan.console.catalogue import title_of
from bartizan.console.text import tag_label, tag_title
from bartizan.core.asset import Asset, AssetKind
from bartizan.core.attempt import Attempt, Outcome, Run
from bartizan.core.event import Event
from bartizan.core.finding import Confidence, Finding, FindingState
from bartizan.core.severity import Severity
from bartizan.core.verdict import Action, Verdict
from bartizan.store.ledger import Ledger

CHAT = "gateway.chat"
EXCERPT = 2_000
"""Characters of a prompt or an answer that a page shows."""
_VERDICTS_A_REQUEST = 8


class TrafficRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request through the gateway: what was asked of which model, what the guard did, and why."""

    sequence: int
    request: str
    at: datetime
    model: str
    upstream: str
    principal: str
    outcome: str
    action: str
    because: str
    detectors: tuple[str, ...]
    stream: bool
    status: int | None
    elapsed_ms: float
    input_tokens: int
    output_tokens: int


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attack attempt: what was sent, what came back, and how it was judged."""

    id: str
    at: datetime
    run: str
    guarded: bool
    probe: str
    probe_title: str
    channel: str
    mutator: str
    judge: str
    trial: int
    outcome: Outcome
    request: str
    prompt: str
    answer: str
    tool_calls: tuple[str, ...]
    reason: str
    elapsed_ms: float


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One finding with the name of its asset and the title of what found it."""

    sequence: int
    id: str
    at: datetime
    title: str
    severity: Severity
    state: FindingState
    rule: str
    rule_title: str
    asset: str
    asset_name: str
    confidence: Confidence
    tags: tuple[str, ...]


class AssetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One asset with the number of its open findings and the worst of them."""

    sequence: int
    id: str
    name: str
    kind: AssetKind
    locator: str
    source: str
    owner: str
    at: datetime
    links: int
    open_findings: int
    worst: Severity | None


class TagNote(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a taxonomy, as people write it and by its title."""

    tag: str
    label: str
    title: str


def traffic_row(ledger: Ledger, sequence: int, event: Event) -> TrafficRow:
    """Returns the row of a `gateway.chat` event, joined with the verdicts on its request."""
    facts = event.attributes
    strictest = max(
        (_action(facts.get(name)) for name in ("bartizan.input_action", "bartizan.output_action")),
        key=lambda action: action.rank,
    )
    verdicts = verdicts_of(ledger, event.request) if strictest is not Action.ALLOW else ()
    reasons = [reason for verdict in verdicts for reason in verdict.reasons]
    return TrafficRow(
        sequence=sequence,
        request=event.request,
        at=event.at,
        model=str(facts.get("gen_ai.request.model", "")),
        upstream=str(facts.get("bartizan.upstream", "")),
        principal=event.principal,
        outcome=event.outcome,
        action=strictest.value,
        because=reasons[0].because if reasons else "",
        detectors=tuple(dict.fromkeys(reason.detector for reason in reasons if reason.detector)),
        stream=bool(facts.get("bartizan.stream", False)),
        status=event.status,
        elapsed_ms=_number(facts.get("bartizan.elapsed_ms")),
        input_tokens=int(_number(facts.get("gen_ai.usage.input_tokens"))),
        output_tokens=int(_number(facts.get("gen_ai.usage.output_tokens"))),
    )


def verdicts_of(ledger: Ledger, request: str) -> tuple[Verdict, ...]:
    """Returns the verdicts on a request, the strictest first."""
    if not request:
        return ()
    found = ledger.find(Verdict, {"request": request}, limit=_VERDICTS_A_REQUEST)
    return tuple(sorted((entry.record for entry in found), key=lambda verdict: -verdict.action.rank))


def attempt_rows(ledger: Ledger, attempts: Iterable[Attempt]) -> tuple[AttemptRow, ...]:
    """Returns the rows of attempts; each run is looked up once."""
    runs: dict[str, bool] = {}
    rows = []
    for attempt in attempts:
        if attempt.run not in runs:
            run = ledger.get(Run, attempt.run)
            runs[attempt.run] = run is not None and run.guarded
        rows.append(_attempt_row(attempt, guarded=runs[attempt.run]))
    return tuple(rows)


def finding_row(ledger: Ledger, sequence: int, finding: Finding) -> FindingRow:
    """Returns the row of a finding."""
    asset = ledger.get(Asset, finding.asset)
    return FindingRow(
        sequence=sequence,
        id=finding.id,
        at=finding.at,
        title=finding.title,
        severity=finding.severity,
        state=finding.state,
        rule=finding.rule,
        rule_title=title_of(finding.rule),
        asset=finding.asset,
        asset_name=asset.name if asset else finding.asset,
        confidence=finding.confidence,
        tags=finding.tags,
    )


def asset_row(ledger: Ledger, sequence: int, asset: Asset) -> AssetRow:
    """Returns the row of an asset."""
    found = ledger.tally(Finding, "severity", {"asset": asset.id, "state": FindingState.OPEN.value})
    return AssetRow(
        sequence=sequence,
        id=asset.id,
        name=asset.name,
        kind=asset.kind,
        locator=asset.locator,
        source=asset.source,
        owner=asset.owner or "",
        at=asset.at,
        links=len(asset.links),
        open_findings=sum(found.values()),
        worst=max(map(Severity, found), key=lambda severity: severity.rank, default=None),
    )


def tag_notes(tags: Iterable[str]) -> tuple[TagNote, ...]:
    """Returns each tag once, with its title."""
    return tuple(TagNote(tag=tag, label=tag_label(tag), title=tag_title(tag)) for tag in dict.fromkeys(tags))


def _attempt_row(attempt: Attempt, *, guarded: bool) -> AttemptRow:
    return AttemptRow(
        id=attempt.id,
        at=attempt.at,
        run=attempt.run,
        guarded=guarded,
        probe=attempt.probe,
        probe_title=title_of(attempt.probe),
        channel=attempt.channel,
        mutator=attempt.mutator,
        judge=attempt.judge,
        trial=attempt.trial,
        outcome=attempt.outcome,
        request=attempt.request,
        prompt=_cut(attempt.prompt),
        answer=_cut(attempt.answer),
        tool_calls=tuple(_cut(f"{call.name}({call.arguments})") for call in attempt.tool_calls),
        reason=_cut(attempt.reason),
        elapsed_ms=attempt.elapsed_ms,
    )


def _cut(text: str) -> str:
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]} … ({len(text) - EXCERPT:,} more characters)"


def _action(value: object) -> Action:
    return Action(value) if isinstance(value, str) and value in set(Action) else Action.ALLOW


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
