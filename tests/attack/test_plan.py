"""The plan: the same each time, and what does not fit is skipped with its reason."""

import pytest

from bartizan.attack.plan import make
from bartizan.attack.target import Channel, Sink, Target
from bartizan.errors import InputError

TARGET = Target(url="http://127.0.0.1:1/v1", model="m", canaries=("BZN-TEST-7Q4M-KX2D",))


def test_the_same_seed_plans_the_same_and_another_seed_another() -> None:
    first, again = make(TARGET, run="r", trials=2), make(TARGET, run="r", trials=2)
    assert first.hash == again.hash
    assert list(first) == list(again)
    assert make(TARGET, run="r", trials=2, seed=1).hash != first.hash


def test_the_hash_does_not_depend_on_the_run_and_the_ids_do() -> None:
    one, other = make(TARGET, run="one", trials=1), make(TARGET, run="other", trials=1)
    assert one.hash == other.hash
    assert not {case.id for case in one} & {case.id for case in other}


def test_a_case_is_unique_and_repetitions_differ_in_their_seed() -> None:
    plan = make(TARGET, run="r", trials=3, probe_names=("plain_request",), mutator_names=("identity",))
    cases = list(plan)
    assert len(cases) == len(plan) == 3 * len(plan.shots) == len({case.id for case in cases})
    assert len({case.seed for case in cases}) == len(cases)
    assert [case.trial for case in cases] == sorted(case.trial for case in cases)


def test_identity_is_always_among_the_mutators() -> None:
    plan = make(TARGET, run="r", trials=1, probe_names=("plain_request",), mutator_names=("base64",))
    assert {shot.mutator.meta.id for shot in plan.shots} == {"mutator.identity", "mutator.base64"}


def test_what_does_not_fit_is_skipped_with_its_reason() -> None:
    skipped = {skip.subject: skip.reason for skip in make(TARGET, run="r", trials=1).skips}
    assert "channel" in skipped["indirect.tool_action"]
    assert "channel" in skipped["indirect.poisoned_source"]
    without_sink = Target(url=TARGET.url, model="m", channels=frozenset(Channel), canaries=TARGET.canaries)
    skipped = {skip.subject: skip.reason for skip in make(without_sink, run="r", trials=1).skips}
    assert "sink" in skipped["indirect.tool_action"]
    assert "planted" in skipped["indirect.poisoned_source"]


def test_patterns_choose_and_wrong_names_are_told() -> None:
    plan = make(TARGET, run="r", trials=1, probe_names=("extraction.*", "persona"))
    families = {shot.probe.meta.id for shot in plan.shots}
    assert "direct.persona" in families
    assert len(families) > 3
    with pytest.raises(InputError, match="plain_reqest") as caught:
        make(TARGET, run="r", trials=1, probe_names=("plain_reqest",))
    assert "plain_request" in caught.value.hint
    with pytest.raises(InputError, match="no probe fits"):
        make(TARGET, run="r", trials=1, probe_names=("tool_action",))


def test_a_payload_travels_in_its_channel() -> None:
    target = Target(
        url=TARGET.url,
        model="m",
        channels=frozenset(Channel),
        sinks=(Sink(tool="t", arguments={}, ask="do the thing"),),
        canaries=TARGET.canaries,
    )
    plan = make(target, run="r", trials=1, mutator_names=("identity",))
    for shot in plan.shots:
        roles = [message["role"] for message in shot.messages]
        if shot.probe.channel is Channel.TOOL:
            assert roles == ["user", "assistant", "tool"]
            assert shot.payload in shot.messages[2]["content"]
            assert shot.messages[1]["tool_calls"][0]["id"] == shot.messages[2]["tool_call_id"]
        else:
            assert roles == ["user"]
            assert shot.payload in shot.messages[0]["content"]
