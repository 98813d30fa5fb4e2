"""Attacking a target: run the engine, append each attempt as it comes, and at the end what the successes mean.

The ledger is the log. An attempt counts when it is durable; a run that was killed goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing, suppress

import msgspec

from bartizan.attack import plan as plans
from bartizan.attack.budget import Budget, Meter
from bartizan.attack.engine import attack
from bartizan.attack.findings import asset_of, findings, fixed
from bartizan.attack.plan import Plan
from bartizan.attack.tally import Rate, Tally
from bartizan.attack.target import Target
from bartizan.config import AttackConfig
from bartizan.core.asset import Asset
from bartizan.core.attempt import Attempt, Outcome, Run, RunState
from bartizan.core.finding import Finding, FindingState, Skip
from bartizan.core.identity import unique_id
from bartizan.core.record import Record, now
from bartizan.errors import InputError, StoreError, TargetError
from bartizan.jobs.progress import Progress, Step, silent
from bartizan.store.ledger import Ledger
from bartizan.store.ticket import Ticket

LAST = "last"
"""As the run to resume: the newest one on the same target that did not end."""
_PAGE = 1_000
_MOST_FINDINGS = 10_000
_MOST_WAITING = 2_000
_STEP_SECONDS = 0.1
_LAST_WORD_SECONDS = 2.0
_PROBES, _MUTATORS = "probes", "mutators"


class Summary(Record, frozen=True, kw_only=True):
    """What came of a run.

    Attributes:
        rates: The rate of each probe, and of each mutator with it.
        findings: What succeeded, and earlier findings that no longer do, marked as fixed.
        requests: How many requests this part of the run sent; likewise `tokens` and `seconds`.
        resumed: How many attempts an earlier part of the run had finished.
    """

    run: Run
    asset: Asset
    rates: tuple[Rate, ...]
    findings: tuple[Finding, ...]
    skips: tuple[Skip, ...]
    outcomes: dict[Outcome, int]
    requests: int
    tokens: int
    seconds: float
    resumed: int = 0

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """The findings that hold."""
        return tuple(finding for finding in self.findings if finding.state is FindingState.OPEN)


async def run(
    target: Target,
    config: AttackConfig,
    *,
    ledger: Ledger,
    probes: Sequence[str] = (),
    mutators: Sequence[str] = (),
    guarded: bool = False,
    resume: str = "",
    progress: Progress = silent,
) -> Summary:
    """Attacks a target.

    Args:
        target: What is attacked.
        config: Trials, pace, budgets and seed.
        ledger: Where attempts, the run and findings are kept.
        probes: Ids, tails of ids, or patterns; empty for all that fit.
        mutators: Likewise.
        guarded: Whether a guard stands in front of the target.
        resume: The id of a run that goes on, or `last`; its own probes, mutators, trials and seed count then.
        progress: Told how many attempts are durable.

    Raises:
        InputError: A name fits nothing, or the run to resume is not there or was planned otherwise.
        TargetError: The target never answered, or went away; what was tried is kept.
        StoreError: The ledger cannot be written; what was acknowledged is kept.
    """
    if resume:
        begun = await asyncio.to_thread(_earlier, ledger, target, resume)
        plan = _replan(target, begun)
    else:
        plan = plans.make(
            target,
            run=unique_id("run"),
            trials=config.trials,
            seed=config.seed,
            probe_names=probes,
            mutator_names=mutators,
        )
        begun = _begin(plan, target, guarded=guarded)
    await ledger.append(asset_of(target), msgspec.structs.replace(begun, state=RunState.RUNNING, at=now()))
    log = _Log(ledger, progress, total=len(plan))
    done = await asyncio.to_thread(_finished, ledger, begun.id, log.tally) if resume else frozenset[str]()
    log.durable = len(done)
    meter = Meter(budget=Budget(requests=config.max_requests, tokens=config.max_tokens, seconds=config.max_seconds))
    try:
        async with aclosing(attack(plan, target, done=done, budget=meter.budget, meter=meter, config=config)) as tried:
            async for attempt in tried:
                await log.keep(attempt)
        await log.flush()
    except TargetError:
        _stop(ledger, begun, "target")
        raise
    except asyncio.CancelledError:
        _stop(ledger, begun, "interrupt")
        raise
    state = RunState.STOPPED if meter.stopped_by else RunState.DONE
    ended = msgspec.structs.replace(begun, state=state, stopped_by=meter.stopped_by, at=now())
    found = await asyncio.to_thread(_conclude, ledger, target, plan, ended=ended, tally=log.tally)
    await ledger.append(*found, ended)
    return Summary(
        run=ended,
        asset=asset_of(target),
        rates=tuple(log.tally.rates()),
        findings=tuple(found),
        skips=plan.skips,
        outcomes=dict(log.tally.outcomes),
        requests=meter.requests,
        tokens=meter.tokens,
        seconds=round(time.monotonic() - meter.started, 3),
        resumed=len(done),
    )


class _Log:
    """The ledger as the log of a run: what is appended counts once it is durable, and not too much may wait."""

    def __init__(self, ledger: Ledger, progress: Progress, *, total: int) -> None:
        self.tally = Tally()
        self.durable = 0
        self._ledger = ledger
        self._progress = progress
        self._total = total
        self._waiting: deque[Ticket] = deque()
        self._told = 0.0

    async def keep(self, attempt: Attempt) -> None:
        """Appends an attempt.

        Raises:
            StoreError: The ledger could not write an earlier one.
        """
        self._waiting.append(self._ledger.append(attempt))
        self.tally.add(attempt)
        while self._waiting and (self._waiting[0].done or len(self._waiting) > _MOST_WAITING):
            await self._settle()
        moment = time.monotonic()
        if moment - self._told >= _STEP_SECONDS:
            self._told = moment
            self._tell()

    async def flush(self) -> None:
        """Waits until all is durable.

        Raises:
            StoreError: It could not be written.
        """
        while self._waiting:
            await self._settle()
        self._tell()

    async def _settle(self) -> None:
        await self._waiting.popleft()
        self.durable += 1

    def _tell(self) -> None:
        successes = self.tally.outcomes[Outcome.SUCCESS]
        self._progress(Step(job="attack", done=self.durable, total=self._total, note=f"{successes} successes"))


def _begin(plan: Plan, target: Target, *, guarded: bool) -> Run:
    return Run(
        id=plan.run,
        target=target.asset_id,
        url=target.url,
        guarded=guarded,
        plan=plan.hash,
        seed=plan.seed,
        planned=len(plan),
        settings={
            "model": target.model,
            "trials": plan.trials,
            _PROBES: ",".join(sorted({shot.probe.meta.id for shot in plan.shots})),
            _MUTATORS: ",".join(sorted({shot.mutator.meta.id for shot in plan.shots})),
        },
    )


def _stop(ledger: Ledger, begun: Run, reason: str) -> None:
    """Says in the ledger that a run stopped, and waits for that a little: whoever asked the run to end is waiting."""
    stopped = msgspec.structs.replace(begun, state=RunState.STOPPED, stopped_by=reason, at=now())
    with suppress(StoreError):  # without this word the run is taken for killed, and can be resumed as well
        ledger.append(stopped).wait(_LAST_WORD_SECONDS)


def _earlier(ledger: Ledger, target: Target, resume: str) -> Run:
    """Returns the run to resume.

    Raises:
        InputError: It is not there, it ended, or it was on another target.
    """
    if resume == LAST:
        entries = ledger.find(Run, {"target": target.asset_id}, limit=_PAGE)
        found = next((entry.record for entry in entries if entry.record.state is not RunState.DONE), None)
    else:
        found = ledger.get(Run, resume)
    if found is None:
        raise InputError(f"there is no run {resume!r} to resume on {target.asset_id}", hint="start a new one")
    if found.target != target.asset_id:
        raise InputError(f"the run {found.id} was on {found.target}", hint="name that target, or start a new run")
    return found


def _replan(target: Target, begun: Run) -> Plan:
    """Plans an earlier run again.

    Raises:
        InputError: The probes, the mutators or the target have changed since.
    """
    plan = plans.make(
        target,
        run=begun.id,
        trials=int(begun.settings["trials"]),
        seed=begun.seed,
        probe_names=str(begun.settings[_PROBES]).split(","),
        mutator_names=str(begun.settings[_MUTATORS]).split(","),
    )
    if plan.hash != begun.plan:
        raise InputError(
            f"the run {begun.id} was planned otherwise", hint="probes or target have changed since; start a new run"
        )
    return plan


def _finished(ledger: Ledger, run_id: str, tally: Tally) -> frozenset[str]:
    """Returns the attempts that a run has finished, and counts them; those that ended in an error are tried again."""
    done: set[str] = set()
    before: int | None = None
    while True:
        entries = ledger.find(Attempt, {"run": run_id}, limit=_PAGE, before=before)
        if not entries:
            return frozenset(done)
        for entry in entries:
            if entry.record.outcome is not Outcome.ERROR:
                done.add(entry.record.id)
                tally.add(entry.record)
        before = entries[-1].sequence


def _conclude(ledger: Ledger, target: Target, plan: Plan, *, ended: Run, tally: Tally) -> list[Finding]:
    """Returns the findings of a run, and the earlier ones that it disproves.

    Only a run without a guard that tried everything disproves, and only what was found with no more means than it had.
    """
    probes = {shot.probe.meta.id: shot.probe for shot in plan.shots}
    found = list(findings(probes.values(), target, tally, run=ended.id, guarded=ended.guarded))
    if ended.guarded or ended.state is not RunState.DONE:
        return found
    entries = ledger.find(Finding, {"asset": target.asset_id}, limit=_MOST_FINDINGS)
    earlier = [entry.record for entry in entries if _no_less(ended, ledger.get(Run, entry.record.run or ""))]
    return [*found, *fixed(earlier, tally.rates(), run=ended.id)]


def _no_less(run: Run, earlier: Run | None) -> bool:
    """Whether a run tried at least the disguises and repetitions of an earlier one."""
    if earlier is None:
        return False
    mine, theirs = (set(str(each.settings[_MUTATORS]).split(",")) for each in (run, earlier))
    return theirs <= mine and int(run.settings["trials"]) >= int(earlier.settings["trials"])
