"""The joins of the walk, on the sample and on ledgers that lack a part."""

from __future__ import annotations

import msgspec
from starlette.testclient import TestClient

from bartizan.console.rows import verdicts_of
from bartizan.console.walk import successes, walk
from bartizan.core.attempt import Attempt, attempt_id
from bartizan.core.verdict import Verdict
from bartizan.store.ledger import Ledger
from tests.console import sample as sampled


def test_the_walk_leads_from_a_users_request_to_the_frameworks(sample: Ledger) -> None:
    verdicts = verdicts_of(sample, sampled.BLOCKED_REQUEST)
    found = walk(sample, sampled.BLOCKED_REQUEST, verdicts)
    assert [note.id for note in found.detectors] == ["injection.instruction_override"]
    assert {row.outcome.value for row in found.stopped} == {"blocked"}
    assert {note.id for note in found.probes} == {sampled.OVERRIDE, sampled.DOCUMENT}
    assert {row.rule for row in found.findings} == {sampled.OVERRIDE, sampled.DOCUMENT}
    assert {row.outcome.value for row in found.breaches} == {"success"}
    assert not any(row.guarded for row in found.breaches)
    assert [row.id for row in found.assets] == [sampled.LAB]
    assert ("owasp-llm:2026:LLM01", "Prompt Injection") in {(note.tag, note.title) for note in found.tags}


def test_every_attack_that_the_walk_shows_was_stopped_by_the_same_detector(sample: Ledger) -> None:
    verdicts = verdicts_of(sample, sampled.BLOCKED_REQUEST)
    for row in walk(sample, sampled.BLOCKED_REQUEST, verdicts).stopped:
        reasons = [reason for verdict in verdicts_of(sample, row.request) for reason in verdict.reasons]
        assert "injection.instruction_override" in {reason.detector for reason in reasons}


def test_the_worst_finding_comes_first(sample: Ledger) -> None:
    found = walk(sample, sampled.BLOCKED_REQUEST, verdicts_of(sample, sampled.BLOCKED_REQUEST))
    ranks = [row.severity.rank for row in found.findings]
    assert ranks == sorted(ranks, reverse=True)


def test_an_attack_of_ours_leads_with_itself(sample: Ledger) -> None:
    where = {"probe": sampled.TOOL, "outcome": "blocked"}
    attempt = sample.find(Attempt, where, limit=3)[-1].record
    found = walk(sample, attempt.request, verdicts_of(sample, attempt.request))
    assert found.stopped[0].id == attempt.id
    assert {note.id for note in found.probes} == {sampled.TOOL}
    assert [row.id for row in found.assets] == [sampled.AGENT]


def test_a_verdict_without_a_detector_leads_to_no_attack(sample: Ledger) -> None:
    verdict = sample.find(Verdict, limit=1)[0].record
    silent = msgspec.structs.replace(verdict, reasons=(msgspec.structs.replace(verdict.reasons[0], detector=""),))
    found = walk(sample, "req-unknown", (silent,))
    assert (found.detectors, found.stopped, found.findings, found.tags) == ((), (), (), ())


def test_a_ledger_that_was_never_attacked_ends_the_walk_at_the_detector(ledger: Ledger) -> None:
    verdict = sampled.verdict("req-1", "injection.instruction_override", sampled.NOW)
    ledger.append(verdict).wait()
    found = walk(ledger, "req-1", (verdict,))
    assert [note.id for note in found.detectors] == ["injection.instruction_override"]
    assert found.stopped == ()
    assert {note.tag for note in found.tags} >= {"owasp-llm:2026:LLM01"}


def test_a_detector_that_left_the_catalogue_keeps_its_id(ledger: Ledger) -> None:
    verdict = sampled.verdict("req-1", "injection.retired_long_ago", sampled.NOW)
    found = walk(ledger, "req-1", (verdict,))
    assert [(note.id, note.title, note.severity) for note in found.detectors] == [
        ("injection.retired_long_ago", "injection.retired_long_ago", None)
    ]


def test_a_finding_is_proven_by_the_attempts_it_names_first(sample: Ledger) -> None:
    found = successes(sample, sampled.OVERRIDE_FINDING, limit=4)
    assert len({attempt.id for attempt in found}) == 4
    assert found[0].id == attempt_id(sampled.DIRECT_RUN, sampled.OVERRIDE, "0")
    assert successes(sample, "finding:none~0", limit=4) == ()


def test_the_page_walks_from_the_block_to_the_rule(reader: TestClient) -> None:
    html = reader.get(f"/request?id={sampled.BLOCKED_REQUEST}").text
    places = [
        html.index(text)
        for text in (
            "injection-by-the-user",
            "Detectors behind the rule",
            "Attacks that it stopped",
            sampled.OVERRIDE,
            "obeys instructions that override its own",
            "HERON-4417",
            "Assets at stake",
            "Prompt Injection",
        )
    ]
    assert places == sorted(places)
