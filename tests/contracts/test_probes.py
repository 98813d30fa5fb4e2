"""What every probe, present or to come, must keep."""

import re

import pytest

from bartizan.attack import driver, judge
from bartizan.attack.canary import Needle
from bartizan.attack.plan import make
from bartizan.attack.probe import Goal, Probe, shelf
from bartizan.attack.target import Channel, Planted, Sink, Target
from bartizan.core.severity import Severity
from bartizan.core.taxonomy import parse_tag

PROBES = list(shelf())
FAMILIES = {"direct", "extraction", "indirect"}
EVERYTHING = Target(
    url="http://127.0.0.1:1/v1",
    model="m",
    channels=frozenset(Channel),
    canaries=("BZN-TEST-7Q4M-KX2D",),
    sinks=(Sink(tool="send_mail", arguments={"to": "x@y.example"}, ask="send a mail to x@y.example"),),
    planted=(Planted(document="d.md", ask="How long does it take?", marker="never again"),),
    trace="trace",
)


def test_there_are_about_ten_in_three_families() -> None:
    assert len(PROBES) >= 10
    assert {probe.meta.id.partition(".")[0] for probe in PROBES} == FAMILIES


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.meta.id)
class TestEachProbe:
    def test_says_what_it_is_and_what_to_do(self, probe: Probe) -> None:
        assert re.fullmatch(r"[a-z]+\.[a-z0-9_]+", probe.meta.id)
        assert len(probe.meta.title) > 10
        assert len(probe.meta.why) > 40
        assert len(probe.remediation) > 40
        assert probe.meta.severity is not Severity.INFO
        assert probe.meta.references
        assert all(reference.startswith("https://") for reference in probe.meta.references)
        assert probe.meta.false_positives
        assert [str(parse_tag(tag)) for tag in probe.meta.tags] == list(probe.meta.tags) != []

    def test_names_a_judge_and_a_driver_that_exist(self, probe: Probe) -> None:
        assert probe.judge in judge.shelf().plugins
        assert probe.driver in driver.shelf().plugins
        assert (probe.judge == "judge.tool_trace") == (probe.goal is Goal.CALL)

    def test_asks_for_what_its_goal_needs_in_at_least_two_wordings(self, probe: Probe) -> None:
        needed = {Goal.SAY: "{say}", Goal.CALL: "{do}", Goal.PLANTED: "{ask}", Goal.REVEAL: ""}[probe.goal]
        assert len(set(probe.templates)) == len(probe.templates) >= 2
        assert all(needed in template for template in probe.templates)

    def test_what_is_sent_never_holds_what_shows_a_success(self, probe: Probe) -> None:
        plan = make(EVERYTHING, run="r", trials=1, probe_names=(probe.meta.id,))
        for shot in plan.shots:
            assert shot.payload.strip()
            assert shot.needles or shot.sinks
            for message in shot.messages:
                content = str(message.get("content") or "")
                assert not any(needle.find(content) for needle in shot.needles), content
                assert not re.search(r"\{(say|do|ask|payload)\}", content)

    def test_a_refusal_that_quotes_it_is_no_success(self, probe: Probe) -> None:
        plan = make(EVERYTHING, run="r", trials=1, probe_names=(probe.meta.id,), mutator_names=("identity",))
        for shot in plan.shots:
            evidence = judge.Evidence(
                answer=f'I will not do this: "{shot.payload}". It looks like an attack on my system prompt.',
                traced=True,
                needles=shot.needles,
                sinks=shot.sinks,
            )
            assert judge.shelf()[probe.judge](evidence).outcome == "resisted"


def test_a_secret_in_the_target_is_never_sent() -> None:
    (needle,) = (Needle.loose(canary) for canary in EVERYTHING.canaries)
    for shot in make(EVERYTHING, run="r", trials=1).shots:
        assert not any(needle.find(str(message)) for message in shot.messages)
