"""Start the practice lab, the gateway in front of it and the console, all on loopback.

bartizan up                                              the lab behind the guard, and a first self-assessment
bartizan up --upstream http://127.0.0.1:11434/v1         a real OpenAI-compatible service instead of the lab
bartizan up --upstream https://api.openai.com/v1 --upstream-key env:OPENAI_API_KEY

The first start makes keys and prints them once. Ctrl-C stops; the next start finds everything again.
"""

from __future__ import annotations

import asyncio
import tempfile
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bartizan.attack.target import Target, read_profile
from bartizan.cli import _serve
from bartizan.cli._keys import first_keys
from bartizan.cli._serve import Served, serving, until_stopped
from bartizan.config import Config, GatewayConfig, UpstreamConfig, load
from bartizan.console import app as console
from bartizan.core.credential import Scope, issue
from bartizan.core.record import now
from bartizan.errors import EXIT_CLEAN, BartizanError
from bartizan.gateway import app as gateway
from bartizan.guard.guard import Guard
from bartizan.jobs import assess
from bartizan.jobs.progress import Step
from bartizan.lab import app as lab
from bartizan.lab.profile import profile
from bartizan.store.ledger import Ledger

_UPSTREAM = "gateway.upstreams.upstream"
_LAB = "lab"


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan up`."""
    parser.add_argument("--upstream", metavar="URL", help="a model service, up to and without /chat/completions")
    parser.add_argument("--upstream-key", metavar="REF", help="where its API key is: env:NAME or file:PATH")
    parser.add_argument("--policy", metavar="NAME", help="a shipped policy or the path of a policy file")
    parser.add_argument("--state", metavar="DIR", help="the state folder (default: .bartizan)")
    parser.add_argument(
        "--assess",
        action=BooleanOptionalAction,
        default=None,
        help="run the self-assessment now (default: only at the first start)",
    )


def run(arguments: Namespace) -> int:
    """Runs lab, gateway and console until Ctrl-C."""
    flags = {
        f"{_UPSTREAM}.url": arguments.upstream,
        f"{_UPSTREAM}.key": arguments.upstream_key,
        "guard.policy": arguments.policy,
        "state": arguments.state,
    }
    config = load(arguments.config, flags=flags).config
    with Ledger.open(Path(config.state), config.store) as ledger:
        _serve.run(_up(config, ledger, assessing=arguments.assess))
    return EXIT_CLEAN


async def _up(config: Config, ledger: Ledger, *, assessing: bool | None) -> None:
    screen = Console(highlight=False)
    keys = await asyncio.to_thread(first_keys, ledger, Scope)
    async with _services(config, ledger) as urls:
        _announce(screen, urls, keys, config=config)
        wanted = not await asyncio.to_thread(assess.happened, ledger) if assessing is None else assessing
        async with asyncio.TaskGroup() as group:
            work = group.create_task(_work(screen, urls, config, ledger=ledger if wanted else None))
            await until_stopped()
            screen.print("stopping")
            work.cancel()


async def _work(screen: Console, urls: Mapping[str, str], config: Config, *, ledger: Ledger | None) -> None:
    """Does what a start does once everything runs; Ctrl-C ends it at any moment."""
    if ledger is not None:
        await _assess(screen, urls, config, ledger=ledger)
    screen.print("\n[bold]ready.[/] Ctrl-C stops.")


@asynccontextmanager
async def _services(config: Config, ledger: Ledger) -> AsyncIterator[Mapping[str, str]]:
    """Serves what the configuration asks for: the lab only where no upstream is named."""
    guard = Guard.from_config(config)
    front = Served("console", console.build(config, ledger, guard), config.console.host, config.console.port)
    if config.gateway.upstreams:
        async with serving(_gateway(config, ledger, guard), front) as urls:
            yield urls
        return
    async with serving(Served(_LAB, lab.build(), config.lab.host, config.lab.port)) as below:
        behind = UpstreamConfig(url=f"{below[_LAB]}/v1")
        fronted = msgspec.structs.replace(config.gateway, upstreams={_LAB: behind})
        wired = msgspec.structs.replace(config, gateway=fronted)
        async with serving(_gateway(wired, ledger, guard), front) as urls:
            yield {**below, **urls}


def _gateway(config: Config, ledger: Ledger, guard: Guard) -> Served:
    settings: GatewayConfig = config.gateway
    return Served("gateway", gateway.build(config, ledger, guard), settings.host, settings.port)


def _announce(screen: Console, urls: Mapping[str, str], keys: Mapping[Scope, str], *, config: Config) -> None:
    base = f"{urls['gateway']}/v1"
    key = keys.get(Scope.INFER, "$BARTIZAN_KEY")
    model = "lab-chat" if _LAB in urls else "MODEL"
    screen.print(f"\n[bold]console[/]  {urls['console']}\n[bold]gateway[/]  {base}")
    if _LAB in urls:
        screen.print(f"[bold]lab[/]      {urls[_LAB]}/v1   deliberately weak; its model is a simulator")
    for name, upstream in config.gateway.upstreams.items():
        screen.print(f"[bold]{name}[/]  {upstream.url}")
    if keys:
        screen.print("\nkeys, shown this once and kept only as hashes:")
        for scope, secret in keys.items():
            screen.print(f"  {scope:<8} {secret}", soft_wrap=True)
    else:
        screen.print("\nkeys were printed at the first start; `bartizan keys issue --scope console` makes another")
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello, what can you do?"}}]}}'
    curl = f"  curl {base}/chat/completions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json'"
    screen.print(f"\ntry it:\n{curl} -d '{body}'", soft_wrap=True, markup=False)
    snippet = (
        "\nor with any OpenAI client:\n  from openai import OpenAI\n"
        f'  client = OpenAI(base_url="{base}", api_key="{key}")\n'
        f'  client.chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "Hello"}}])\n'
    )
    screen.print(snippet, soft_wrap=True, markup=False)


async def _assess(screen: Console, urls: Mapping[str, str], config: Config, *, ledger: Ledger) -> None:
    with tempfile.TemporaryDirectory() as folder, _own_key(ledger, Path(folder)) as reference:
        targets = _lab_targets(urls[_LAB]) if _LAB in urls else ()
        guarded = [msgspec.structs.replace(target.at(f"{urls['gateway']}/v1"), key=reference) for target in targets]
        with _bars(screen) as bars:
            try:
                found = await assess.run(
                    Path.cwd(), config, ledger=ledger, targets=targets, guarded=guarded, progress=bars
                )
            except BartizanError as error:
                screen.print(f"[red]the self-assessment stopped:[/] {error.explain()}")
                return
    _summarise(screen, found)


@contextmanager
def _own_key(ledger: Ledger, folder: Path) -> Iterator[str]:
    """Yields a reference to a key of the assessment's own, which is revoked when it is done."""
    record, key = issue("self-assessment", Scope.INFER)
    ledger.append(record).wait()
    file = folder / "key"
    file.touch(mode=0o600)
    file.write_text(key, encoding="utf-8")
    try:
        yield f"file:{file}"
    finally:
        ledger.append(msgspec.structs.replace(record, revoked=True, at=now()))


def _lab_targets(url: str) -> tuple[Target, ...]:
    answer_key = profile(f"{url}/v1")
    body = msgspec.json.encode(answer_key)
    return tuple(read_profile(body, model=target["model"]) for target in answer_key["targets"])


class _Bars:
    """One bar a job, drawn as steps come in; called from several threads, which rich allows."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, int] = {}

    def __call__(self, step: Step) -> None:
        task = self._tasks.get(step.job)
        if task is None:
            task = self._tasks[step.job] = self._progress.add_task(step.job, total=None, note="")
        done, total = (step.done, step.total) if step.total != 0 else (1, 1)
        self._progress.update(task, completed=done, total=total, note=step.note[-48:])  # type: ignore[arg-type]


@contextmanager
def _bars(screen: Console) -> Iterator[_Bars]:
    columns = (
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    screen.print("first self-assessment of this folder and the lab:")
    with Progress(*columns, console=screen) as progress:
        yield _Bars(progress)


def _summarise(screen: Console, found: assess.Assessment) -> None:
    skipped = found.discovered.skipped + found.scanned.skipped
    folder = (
        f"discovered {len(found.discovered.assets)} assets; scanned {len(found.scanned.assets)} model files: "
        f"{len(found.scanned.findings)} findings; {skipped} things were skipped, each with its reason"
    )
    lines = [folder]
    for label, summaries in (("without the guard", found.unguarded), ("through the guard", found.guarded)):
        share = assess.success_share(summaries)
        if share is not None:
            lines.append(
                f"attacks {label}: {share.successes} of {share.trials} succeeded "
                f"({share.share:.1%}, 95% interval {share.low:.1%} to {share.high:.1%})"
            )
    screen.print("\n" + "\n".join(lines), soft_wrap=True)
