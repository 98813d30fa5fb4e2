"""The first self-assessment: discover and scan a folder, then attack targets without and with the guard in front."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bartizan.attack.target import Target
from bartizan.config import Config
from bartizan.core.attempt import Outcome
from bartizan.core.event import Event
from bartizan.core.finding import Confidence, wilson
from bartizan.core.identity import unique_id
from bartizan.core.record import Record
from bartizan.jobs import attack, discover, scan
from bartizan.jobs.harvest import Harvest
from bartizan.jobs.progress import Progress, Step, silent
from bartizan.store.ledger import Ledger

ACTIVITY = "assess.run"
UNGUARDED, GUARDED = "attack without the guard", "attack through the guard"
_SCORED = (Outcome.SUCCESS, Outcome.RESISTED, Outcome.BLOCKED)


class Assessment(Record, frozen=True, kw_only=True):
    """What came of a self-assessment; the attacks are empty where there was nothing to attack."""

    discovered: Harvest
    scanned: Harvest
    unguarded: tuple[attack.Summary, ...] = ()
    guarded: tuple[attack.Summary, ...] = ()


async def run(
    root: Path,
    config: Config,
    *,
    ledger: Ledger,
    targets: Sequence[Target] = (),
    guarded: Sequence[Target] = (),
    progress: Progress = silent,
) -> Assessment:
    """Assesses a folder and targets, and closes with an event that says so.

    Args:
        root: The folder that is discovered and scanned.
        config: Limits and budgets of the engines.
        ledger: Where everything is kept.
        targets: What is attacked directly.
        guarded: The same targets as reached through the gateway.
        progress: Told how far each part is; called from other threads too.

    Raises:
        InputError: There is nothing at `root`.
        TargetError: A target went away; what was tried is kept.
        StoreError: The ledger cannot be written.
    """
    discovered = await asyncio.to_thread(discover.run, root, config.discover, ledger=ledger, progress=progress)
    # Installed packages are no artefacts of this folder; that they were left out is told.
    narrowed = msgspec.structs.replace(config.scan, exclude=(*config.scan.exclude, *config.discover.exclude))
    scanned = await asyncio.to_thread(scan.run, root, narrowed, ledger=ledger, progress=progress)
    unguarded = await _attack(targets, config, ledger=ledger, guarded=False, progress=progress)
    through = await _attack(guarded, config, ledger=ledger, guarded=True, progress=progress)
    await ledger.append(Event(id=unique_id("event"), activity=ACTIVITY, outcome="ok"))
    return Assessment(discovered=discovered, scanned=scanned, unguarded=unguarded, guarded=through)


def happened(ledger: Ledger) -> bool:
    """Whether an assessment was finished before."""
    return ledger.count(Event, {"activity": ACTIVITY}) > 0


def success_share(summaries: Sequence[attack.Summary]) -> Confidence | None:
    """Returns the share of attempts that succeeded over several runs, or None where nothing could be scored."""
    count = {outcome: sum(summary.outcomes.get(outcome, 0) for summary in summaries) for outcome in _SCORED}
    total = sum(count.values())
    return wilson(count[Outcome.SUCCESS], total) if total else None


async def _attack(
    targets: Sequence[Target], config: Config, *, ledger: Ledger, guarded: bool, progress: Progress
) -> tuple[attack.Summary, ...]:
    summaries: list[attack.Summary] = []
    for target in targets:
        relay = _Relay(progress, GUARDED if guarded else UNGUARDED, target.model, parts=(len(summaries), len(targets)))
        summary = await attack.run(target, config.attack, ledger=ledger, guarded=guarded, progress=relay)
        summaries.append(summary)
    return tuple(summaries)


class _Relay:
    """Tells the progress of one of several runs as a part of the whole, in thousandths."""

    def __init__(self, progress: Progress, job: str, model: str, *, parts: tuple[int, int]) -> None:
        self._progress = progress
        self._job = job
        self._model = model
        self._before, self._parts = parts

    def __call__(self, step: Step) -> None:
        part = step.done / step.total if step.total else 0.0
        done = int(1000 * (self._before + part) / self._parts)
        note = f"{self._model}, {step.note}"
        self._progress(msgspec.structs.replace(step, job=self._job, done=done, total=1000, note=note))
