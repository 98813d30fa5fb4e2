"""The attack job: the ledger is its log, a killed run goes on, successes become findings and findings get fixed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bartizan.attack.plan import make
from bartizan.attack.target import Target, read_profile
from bartizan.cli._serve import Served, serving
from bartizan.config import AttackConfig
from bartizan.core.asset import Asset
from bartizan.core.attempt import Attempt, Outcome, Run, RunState
from bartizan.core.finding import Finding, FindingState
from bartizan.errors import InputError, StoreError, TargetError
from bartizan.jobs import attack
from bartizan.jobs.progress import Step
from bartizan.lab.app import build
from bartizan.lab.profile import profile
from bartizan.store.ledger import Ledger

ONCE = AttackConfig(trials=1)


@pytest.fixture
async def lab() -> AsyncIterator[str]:
    async with serving(Served("lab", build(), "127.0.0.1", 0)) as urls:
        yield urls["lab"]


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with Ledger.open(tmp_path / "state") as opened:
        yield opened


def target_in(lab: str, model: str = "lab-chat") -> Target:
    return read_profile(msgspec.json.encode(profile(f"{lab}/v1")), model=model)


async def test_each_attempt_is_in_the_ledger_and_successes_are_findings(lab: str, ledger: Ledger) -> None:
    steps: list[Step] = []

    def watch(step: Step) -> None:
        steps.append(step)

    target = target_in(lab, "lab-agent")
    summary = await attack.run(target, ONCE, ledger=ledger, progress=watch)
    assert ledger.count(Attempt, {"run": summary.run.id}) == summary.run.planned == summary.requests
    assert ledger.get(Run, summary.run.id) == summary.run
    assert summary.run.state is RunState.DONE
    assert steps[-1].done == steps[-1].total == summary.run.planned
    assert ledger.get(Asset, target.asset_id)
    (canary,) = target.canaries
    for finding in summary.findings:
        assert ledger.get(Finding, finding.id) == finding
        assert canary not in msgspec.json.encode(finding).decode()
        assert finding.asset == target.asset_id
        assert finding.confidence.trials
        assert finding.confidence.low <= finding.confidence.share <= finding.confidence.high
        for attempt_id in finding.attempts:
            attempt = ledger.get(Attempt, attempt_id)
            assert attempt
            assert (attempt.probe, attempt.outcome) == (finding.rule, Outcome.SUCCESS)
    assert {finding.rule.partition(".")[0] for finding in summary.findings} == {"direct", "extraction", "indirect"}


async def test_the_strict_variant_resists_more_but_not_everything(lab: str, ledger: Ledger) -> None:
    shares = {}
    for model in ("lab-chat", "lab-chat-strict", "lab-rag", "lab-rag-strict", "lab-agent", "lab-agent-strict"):
        summary = await attack.run(target_in(lab, model), ONCE, ledger=ledger, mutators=["base64"])
        shares[model] = summary.outcomes[Outcome.SUCCESS] / summary.run.planned
    assert all(0.02 < share < 0.8 for share in shares.values()), shares
    assert all(shares[f"{model}-strict"] < shares[model] for model in ("lab-chat", "lab-rag", "lab-agent")), shares


async def test_the_same_seed_gives_the_same_outcomes(lab: str, ledger: Ledger) -> None:
    first, second = [await attack.run(target_in(lab), ONCE, ledger=ledger) for _ in range(2)]
    assert first.rates == second.rates
    assert first.run.plan == second.run.plan
    assert {finding.id for finding in first.findings} == {finding.id for finding in second.findings}


async def test_a_run_that_a_budget_stopped_goes_on(lab: str, ledger: Ledger) -> None:
    target = target_in(lab)
    config = AttackConfig(trials=1, max_requests=50)
    stopped = await attack.run(target, config, ledger=ledger)
    assert (stopped.run.state, stopped.run.stopped_by) == (RunState.STOPPED, "requests")
    assert ledger.count(Attempt, {"run": stopped.run.id}) == 50
    resumed = await attack.run(target, ONCE, ledger=ledger, resume=attack.LAST)
    assert resumed.run.id == stopped.run.id
    assert resumed.resumed == 50
    assert resumed.requests == resumed.run.planned - 50
    assert ledger.count(Attempt, {"run": stopped.run.id}) == resumed.run.planned
    whole = await attack.run(target, ONCE, ledger=ledger)
    assert resumed.rates == whole.rates


async def test_what_cannot_be_resumed_says_why(lab: str, ledger: Ledger) -> None:
    target = target_in(lab)
    with pytest.raises(InputError, match="no run"):
        await attack.run(target, ONCE, ledger=ledger, resume=attack.LAST)
    stopped = await attack.run(target, AttackConfig(trials=1, max_requests=1), ledger=ledger)
    with pytest.raises(InputError, match="was on"):
        await attack.run(target_in(lab, "lab-rag"), ONCE, ledger=ledger, resume=stopped.run.id)
    changed = msgspec.structs.replace(target, canaries=("ANOTHER-CANARY-1",), system="now with a system prompt")
    ledger.append(msgspec.structs.replace(stopped.run, plan="another")).wait()
    with pytest.raises(InputError, match="planned otherwise"):
        await attack.run(changed, ONCE, ledger=ledger, resume=stopped.run.id)


async def test_a_finding_is_fixed_when_its_probe_no_longer_succeeds(lab: str, ledger: Ledger) -> None:
    weak = target_in(lab)
    found = await attack.run(weak, ONCE, ledger=ledger, mutators=["identity"])
    assert found.findings
    mended = msgspec.structs.replace(weak, canaries=("BZN-NOT-PLANTED-ANYWHERE",))
    fewer = await attack.run(mended, ONCE, ledger=ledger, probes=["extraction.*"], mutators=["identity"])
    states = {finding.rule: finding.state for finding in fewer.findings}
    extractions = {finding.rule for finding in found.findings if finding.rule.startswith("extraction.")}
    assert extractions
    assert states == dict.fromkeys(extractions, FindingState.FIXED)
    for entry in ledger.find(Finding, {"asset": weak.asset_id}):
        assert (entry.record.state is FindingState.FIXED) == (entry.record.rule in extractions)


async def test_a_guarded_run_fixes_nothing(lab: str, ledger: Ledger) -> None:
    weak = target_in(lab)
    await attack.run(weak, ONCE, ledger=ledger, mutators=["identity"])
    mended = msgspec.structs.replace(weak, canaries=("BZN-NOT-PLANTED-ANYWHERE",))
    guarded = await attack.run(mended, ONCE, ledger=ledger, mutators=["identity"], guarded=True)
    assert FindingState.FIXED not in {finding.state for finding in guarded.findings}


async def test_less_effort_fixes_nothing(lab: str, ledger: Ledger) -> None:
    weak = target_in(lab)
    await attack.run(weak, AttackConfig(trials=2), ledger=ledger, mutators=["base64"])
    mended = msgspec.structs.replace(weak, canaries=("BZN-NOT-PLANTED-ANYWHERE",))
    less = await attack.run(mended, ONCE, ledger=ledger, probes=["extraction.*"], mutators=["identity"])
    assert less.findings == ()


async def test_a_target_that_is_gone_leaves_a_run_that_can_go_on(ledger: Ledger) -> None:
    async with serving(Served("lab", build(), "127.0.0.1", 0)) as urls:
        target = target_in(urls["lab"])
    with pytest.raises(TargetError):
        await attack.run(target, ONCE, ledger=ledger)
    (entry,) = ledger.find(Run)
    assert (entry.record.state, entry.record.stopped_by) == (RunState.STOPPED, "target")


@pytest.mark.slow
async def test_kill_9_loses_and_repeats_nothing(lab: str, tmp_path: Path) -> None:
    """The real command against a real server, killed in mid-run again and again, then resumed to its end."""
    state = tmp_path / "state"
    command = [sys.executable, "-m", "bartizan", "attack", f"{lab}/v1", "--model", "lab-chat", "--trials", "8"]
    command += ["--state", str(state), "--format", "json", "--concurrency", "4"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BARTIZAN_")}
    done = 0
    for number in range(3):
        resume = ["--resume", "last"] if number else []
        process = await asyncio.create_subprocess_exec(
            *command, *resume, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )
        done = await _killed_in_mid_run(process, state, more_than=done)
    finished = await asyncio.create_subprocess_exec(
        *command, "--resume", "last", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    output, errors = await finished.communicate()
    assert finished.returncode == 1, errors.decode()
    summary = json.loads(output)
    with Ledger.open(state, create=False) as ledger:
        (run,) = [entry.record for entry in ledger.find(Run)]
        versions = Counter(
            entry.record.id for entry in ledger.entries(limit=100_000) if isinstance(entry.record, Attempt)
        )
        planned = _planned_ids(lab, run)
    assert run.state is RunState.DONE
    assert set(versions) == planned
    assert len(planned) == run.planned
    assert set(versions.values()) == {1}
    assert summary["resumed"] >= done
    assert summary["requests"] == run.planned - summary["resumed"]
    assert sum(summary["outcomes"].values()) == run.planned


async def _killed_in_mid_run(process: asyncio.subprocess.Process, state: Path, *, more_than: int) -> int:
    """Kills the process as soon as the ledger holds more attempts than before; returns how many it holds."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        assert process.returncode is None, "the run ended before it could be killed"
        count = await asyncio.to_thread(_count, state)
        if count > more_than + 100:
            process.send_signal(signal.SIGKILL)
            await process.wait()
            return await asyncio.to_thread(_count, state)
    raise AssertionError("the run made no progress")


def _count(state: Path) -> int:
    """Counts durable attempts from outside, as a reader that shares nothing with the process under test."""
    try:
        with Ledger.open(state, create=False) as ledger:
            return ledger.count(Attempt)
    except StoreError:
        return 0


def _planned_ids(lab: str, run: Run) -> set[str]:
    plan = make(target_in(lab), run=run.id, trials=8, seed=run.seed)
    return {case.id for case in plan}


async def test_a_ledger_that_cannot_write_ends_the_run(lab: str, ledger: Ledger) -> None:
    def close(step: Step) -> None:
        assert step.job == "attack"
        ledger.close()

    with pytest.raises(StoreError):
        await attack.run(target_in(lab), ONCE, ledger=ledger, progress=close)


async def test_an_interrupted_run_says_so_and_goes_on(lab: str, ledger: Ledger) -> None:
    target = target_in(lab)
    under_way = asyncio.Event()

    def watch(step: Step) -> None:
        if 0 < step.done < (step.total or 0):
            under_way.set()

    running: asyncio.Task[attack.Summary] = asyncio.ensure_future(
        attack.run(target, AttackConfig(trials=4), ledger=ledger, progress=watch)
    )
    await under_way.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (entry,) = ledger.find(Run)
    assert (entry.record.state, entry.record.stopped_by) == (RunState.STOPPED, "interrupt")
    resumed = await attack.run(target, ONCE, ledger=ledger, resume=entry.record.id)
    assert resumed.run.state is RunState.DONE
    assert ledger.count(Attempt, {"run": entry.record.id}) == resumed.run.planned
