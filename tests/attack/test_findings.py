"""What successes mean, and what it takes to call a finding fixed."""

import msgspec
import pytest

from bartizan.attack.findings import asset_of, findings, fixed
from bartizan.attack.probe import shelf
from bartizan.attack.tally import Tally
from bartizan.attack.target import Target
from bartizan.core.attempt import Attempt, Outcome, ToolCall
from bartizan.core.finding import Finding, FindingState

PROBE = shelf()["extraction.plain_request"]
TARGET = Target(url="http://127.0.0.1:1/v1", model="m", name="My app", canaries=("BZN-TEST-7Q4M",))


def tally_of(*outcomes: Outcome) -> Tally:
    tally = Tally()
    for number, outcome in enumerate(outcomes):
        tally.add(
            Attempt(
                id=f"a{number}",
                run="r",
                probe=PROBE.meta.id,
                objective="reveal",
                channel="user",
                mutator="mutator.base64",
                trial=0,
                outcome=outcome,
                judge="judge.canary",
                request=f"a{number}",
                prompt=f"p{number}",
                answer="long " * 200,
                tool_calls=(ToolCall(name="f", arguments="{}"),),
                reason="why",
            )
        )
    return tally


def found(*outcomes: Outcome, guarded: bool = False) -> list[Finding]:
    return list(findings([PROBE], TARGET, tally_of(*outcomes), run="run-1", guarded=guarded))


def test_a_success_is_a_finding_on_the_asset() -> None:
    (finding,) = found(Outcome.SUCCESS, Outcome.RESISTED, Outcome.UNSCORED)
    assert finding.rule == PROBE.meta.id
    assert finding.asset == asset_of(TARGET).id
    assert (finding.confidence.successes, finding.confidence.trials) == (1, 2)
    assert finding.attempts == ("a0",)
    assert finding.remediation == PROBE.remediation
    assert all(len(line) < 1_500 for line in finding.evidence)
    assert "base64" in finding.evidence[0]


def test_no_success_is_no_finding() -> None:
    assert found(Outcome.RESISTED, Outcome.BLOCKED, Outcome.UNSCORED, Outcome.ERROR) == []


def test_a_success_through_the_guard_is_another_finding() -> None:
    (plain,), (guarded,) = found(Outcome.SUCCESS), found(Outcome.SUCCESS, guarded=True)
    assert plain.id != guarded.id
    assert "guard" in guarded.title


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ((Outcome.RESISTED,), FindingState.FIXED),
        ((Outcome.RESISTED, Outcome.SUCCESS), None),
        ((Outcome.RESISTED, Outcome.ERROR), None),
        ((Outcome.RESISTED, Outcome.UNSCORED), None),
        ((Outcome.UNSCORED,), None),
        ((), None),
    ],
)
def test_only_proof_fixes(outcomes: tuple[Outcome, ...], state: FindingState | None) -> None:
    later = list(fixed(found(Outcome.SUCCESS), tally_of(*outcomes).rates(), run="run-2"))
    assert [finding.state for finding in later] == ([state] if state else [])
    assert all(finding.run == "run-2" for finding in later)


def test_what_was_accepted_stays_accepted() -> None:
    accepted = [msgspec.structs.replace(each, state=FindingState.ACCEPTED) for each in found(Outcome.SUCCESS)]
    assert list(fixed(accepted, tally_of(Outcome.RESISTED).rates(), run="run-2")) == []
