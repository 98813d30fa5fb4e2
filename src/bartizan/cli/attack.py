"""Attack an AI application as an adversary would, and say how often that works.

bartizan attack lab                                   the practice lab, started for the occasion
bartizan attack http://127.0.0.1:8788/v1              an OpenAI-compatible API
bartizan attack target.toml --probes 'extraction.*'   a target file: what is planted, which tools are dangerous
bartizan attack target.toml --resume last             goes on where a run was killed
bartizan attack lab --dry-run                         says what it would send, and sends nothing

It exits with 0 where nothing succeeded, 1 where something did, 2 where it could not find out.
Attack only what is yours, or what you were asked to attack.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bartizan.attack import plan as plans
from bartizan.attack.target import Target
from bartizan.cli import _attack_report as report
from bartizan.cli._findings import sarif
from bartizan.cli._serve import run as run_loop
from bartizan.cli._targets import reached
from bartizan.config import Config, load
from bartizan.core.severity import Severity
from bartizan.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FOUND, BartizanError
from bartizan.jobs import attack
from bartizan.jobs.attack import Summary
from bartizan.jobs.progress import Step
from bartizan.store.ledger import Ledger

_ANSWER_TOKENS = 200
_CHARS_PER_TOKEN = 4
_FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "state": "state",
        "trials": "attack.trials",
        "concurrency": "attack.concurrency",
        "timeout": "attack.timeout_seconds",
        "max_requests": "attack.max_requests",
        "max_tokens": "attack.max_tokens",
        "max_seconds": "attack.max_seconds",
        "seed": "attack.seed",
    }
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan attack`."""
    parser.add_argument("target", metavar="TARGET", help="`lab`, a target file, or the base URL of an API")
    parser.add_argument("--model", default="", help="the model to attack (default: the target's own)")
    parser.add_argument("--key", default="", metavar="REF", help="where the API key is: env:NAME or file:PATH")
    parser.add_argument("--profile", metavar="WHERE", help="what is planted: a target file, or the address of a lab")
    parser.add_argument("--guarded", action="store_true", help="a guard stands in front: findings are its bypasses")
    parser.add_argument("--probes", type=_names, default=(), metavar="NAME,...", help="ids or patterns (default: all)")
    parser.add_argument("--mutators", type=_names, default=(), metavar="NAME,...", help="likewise; `identity` for none")
    parser.add_argument("--trials", type=int, help="how often each attempt is repeated (default: 3)")
    parser.add_argument("--concurrency", type=int, help="the most requests at once (default: 32)")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="how long one request may take (default: 60)")
    parser.add_argument("--max-requests", type=int, metavar="N", help="stop after so many requests")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="stop before more tokens are spent")
    parser.add_argument("--max-seconds", type=float, metavar="S", help="stop after so many seconds")
    parser.add_argument("--seed", type=int, help="what is drawn at random is drawn with this (default: 0)")
    parser.add_argument("--resume", default="", metavar="RUN", help="go on with a run: its id, or `last`")
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    parser.add_argument("--format", choices=["table", "json", "sarif", "junit"], default="table")
    parser.add_argument("--fail-on", type=Severity, choices=list(Severity), default=Severity.INFO, metavar="SEVERITY")
    parser.add_argument("--state", metavar="DIR", help="the state folder (default: .bartizan)")


def run(arguments: Namespace) -> int:
    """Attacks the target and shows what came of it."""
    flags = {key: getattr(arguments, name) for name, key in _FLAGS.items()}
    config = load(arguments.config, flags=flags).config
    try:
        outcome = run_loop(_attack(arguments, config))
    except KeyboardInterrupt:
        print("stopped; the same command with `--resume last` goes on from here", file=sys.stderr)
        raise
    if isinstance(outcome, BartizanError):
        raise outcome
    if isinstance(outcome, int):
        return outcome
    _show(outcome, arguments.format)
    if not any(rate.scored for rate in outcome.rates):
        return EXIT_BROKEN
    bad = [each for each in outcome.open_findings if each.severity.rank >= arguments.fail_on.rank]
    return EXIT_FOUND if bad else EXIT_CLEAN


async def _attack(arguments: Namespace, config: Config) -> Summary | BartizanError | int:
    """Returns the summary; an error is returned too, so that a lab of our own is stopped in peace first."""
    async with reached(arguments, seed=config.attack.seed) as target:
        try:
            if arguments.dry_run:
                return _estimate(target, config, arguments)
            with Ledger.open(Path(config.state), config.store) as ledger, _watched(arguments.format) as progress:
                return await attack.run(
                    target,
                    config.attack,
                    ledger=ledger,
                    probes=arguments.probes,
                    mutators=arguments.mutators,
                    guarded=arguments.guarded,
                    resume=arguments.resume,
                    progress=progress,
                )
        except BartizanError as error:
            return error


def _estimate(target: Target, config: Config, arguments: Namespace) -> int:
    plan = plans.make(
        target,
        run="dry-run",
        trials=config.attack.trials,
        seed=config.attack.seed,
        probe_names=arguments.probes,
        mutator_names=arguments.mutators,
    )
    sent = plan.characters // _CHARS_PER_TOKEN
    print(f"{target.name or target.model} at {target.url}")
    print(f"{len(plan)} requests: {len(plan.shots)} prompts, {plan.trials} times each")
    print(f"about {sent:,} tokens to send and {len(plan) * _ANSWER_TOKENS:,} to receive")
    for skip in plan.skips:
        print(f"not tried: {skip.subject}: {skip.reason}")
    print("nothing was sent")
    return EXIT_CLEAN


class _Bar:
    """A progress bar as the progress of a job."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("attacking", total=None, note="")

    def __call__(self, step: Step) -> None:
        self._bar.update(self._task, completed=step.done, total=step.total, note=step.note)


@contextmanager
def _watched(form: str) -> Iterator[_Bar]:
    """Shows a live bar on the error stream, which leaves the output to the result."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=form != "table" and not console.is_terminal) as bar:
        yield _Bar(bar)


def _show(summary: Summary, form: str) -> None:
    if form == "json":
        print(json.dumps(report.plain(summary), indent=2, ensure_ascii=False))
    elif form == "sarif":
        print(json.dumps(sarif(summary.open_findings, [summary.asset], summary.skips), indent=2, ensure_ascii=False))
    elif form == "junit":
        for line in report.junit(summary):
            print(line)
    else:
        report.table(summary, Console(file=sys.stdout))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
