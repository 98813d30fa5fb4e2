"""The plan: every attempt of a run, the same each time for the same probes, target and seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TypeVar

import msgspec

from bartizan.attack import mutator as mutators
from bartizan.attack import probe as probes
from bartizan.attack.canary import Needle
from bartizan.attack.driver import Message
from bartizan.attack.mutator import Mutator
from bartizan.attack.probe import Goal, Probe
from bartizan.attack.target import Channel, Planted, Sink, Target
from bartizan.core.attempt import attempt_id
from bartizan.core.finding import Skip
from bartizan.core.identity import digest
from bartizan.errors import InputError
from bartizan.registry import Plugin, Shelf, nearest

IDENTITY = "mutator.identity"
_MARKER_WORDS = (
    ("amber", "heron"), ("copper", "lantern"), ("velvet", "anchor"), ("silver", "thistle"), ("hollow", "maple"),
    ("crimson", "ferry"), ("quiet", "beacon"), ("granite", "otter"), ("saffron", "kettle"), ("winter", "pebble"),
)  # fmt: skip
_TASK_ID = "call_1"
P = TypeVar("P", bound=Plugin)


class Shot(NamedTuple):
    """One distinct conversation opening: a wording of a probe, filled in, disguised and packed into its channel.

    Attributes:
        key: What tells it from the others of the plan, the same on every machine.
        payload: What the attacker wrote.
        needles: The planted texts that show a success.
        sinks: The calls that show a success.
    """

    key: str
    probe: Probe
    mutator: Mutator
    payload: str
    messages: tuple[Message, ...]
    needles: tuple[Needle, ...]
    sinks: tuple[Sink, ...]


class Case(NamedTuple):
    """One planned attempt: a shot and which repetition of it this is."""

    id: str
    shot: Shot
    trial: int
    seed: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run will try.

    Attributes:
        run: The run's id, which the ids of the attempts are made with.
        skips: Probes that cannot be tried on the target, with the reason.
    """

    run: str
    seed: int
    trials: int
    shots: tuple[Shot, ...]
    skips: tuple[Skip, ...] = ()

    def __len__(self) -> int:
        return len(self.shots) * self.trials

    def __iter__(self) -> Iterator[Case]:
        """Yields every attempt, one repetition of all after the other, so that a budget cuts all probes alike."""
        for trial in range(self.trials):
            for shot in self.shots:
                yield self.case(shot, trial)

    def case(self, shot: Shot, trial: int) -> Case:
        """Returns one planned attempt."""
        seed = int(digest(str(self.seed), shot.key, str(trial), length=7), 16)
        return Case(attempt_id(self.run, shot.key, str(trial)), shot, trial, seed)

    @property
    def hash(self) -> str:
        """The hash of what is planned, run id aside: a resume must plan the same."""
        return digest(str(self.seed), str(self.trials), *(shot.key + shot.payload for shot in self.shots), length=32)

    @property
    def characters(self) -> int:
        """How many characters the plan sends, for an estimate."""
        return self.trials * sum(
            len(str(message.get("content", ""))) for shot in self.shots for message in shot.messages
        )


def make(
    target: Target,
    *,
    run: str,
    trials: int,
    seed: int = 0,
    probe_names: Sequence[str] = (),
    mutator_names: Sequence[str] = (),
) -> Plan:
    """Plans a run.

    Args:
        target: What is attacked; probes that do not fit it are skipped with the reason.
        run: The run's id.
        trials: How often each shot is repeated.
        seed: What the disguises and markers are drawn with.
        probe_names: Ids, their tails, or patterns such as `extraction.*`; empty for all.
        mutator_names: Likewise; `identity` is always among them.

    Raises:
        InputError: A name fits nothing, or nothing is left to try.
    """
    chosen = choose(probes.shelf(), probe_names)
    disguises = sorted(
        {each.meta.id: each for each in [mutators.shelf()[IDENTITY], *choose(mutators.shelf(), mutator_names)]}.items()
    )
    skips = tuple(Skip(subject=probe.meta.id, reason=why) for probe in chosen if (why := probe.unfit(target)))
    skipped = {skip.subject for skip in skips}
    shots = tuple(
        shot
        for probe in chosen
        if probe.meta.id not in skipped
        for _, disguise in disguises
        if probe.mutable or disguise.meta.id == IDENTITY
        for shot in _shots(probe, disguise, target, seed=seed)
    )
    if not shots:
        reasons = "; ".join(sorted({skip.reason for skip in skips}))
        raise InputError("no probe fits this target", hint=reasons or "choose other probes")
    return Plan(run=run, seed=seed, trials=trials, shots=shots, skips=skips)


def choose(shelf: Shelf[P], names: Sequence[str]) -> list[P]:
    """Returns the plugins that fit one of the names, in order of id; all where no name is given.

    Raises:
        InputError: A name fits nothing.
    """
    found: dict[str, P] = {}
    for name in names or ("*",):
        fitting = {
            plugin.meta.id: plugin
            for plugin in shelf
            if fnmatchcase(plugin.meta.id, name) or plugin.meta.id.rpartition(".")[2] == name
        }
        if not fitting:
            raise InputError(f"nothing is called {name!r}", hint=nearest(name, dict(shelf.plugins)))
        found |= fitting
    return [found[plugin_id] for plugin_id in sorted(found)]


def _shots(probe: Probe, disguise: Mutator, target: Target, *, seed: int) -> Iterator[Shot]:
    goals: Sequence[Sink | Planted | None] = (None,)
    if probe.goal is Goal.CALL:
        goals = target.sinks
    elif probe.goal is Goal.PLANTED:
        goals = target.planted
    first, second = random.Random(f"{probe.meta.id}{seed}").choice(_MARKER_WORDS)  # noqa: S311  (a plan, no secret)
    words = {"say": f'the words "{first}" and "{second}" joined by a hyphen'}
    for number, template in enumerate(probe.templates):
        for variant, goal in enumerate(goals):
            key = f"{probe.meta.id}/{number}/{variant}/{disguise.meta.id}"
            needles: tuple[Needle, ...] = ()
            if probe.goal is Goal.SAY:
                needles = (Needle.tight(f"{first}-{second}"),)
            elif probe.goal is Goal.REVEAL:
                needles = tuple(Needle.loose(canary) for canary in target.canaries)
            elif isinstance(goal, Planted):
                words["ask"] = goal.ask
                needles = (Needle.tight(goal.marker),)
            elif isinstance(goal, Sink):
                words["do"] = goal.ask
            payload = disguise(_fill(template, words), seed=f"{seed}/{key}")
            sinks = (goal,) if isinstance(goal, Sink) else ()
            messages = tuple(_deliver(probe, payload, target))
            yield Shot(key, probe, disguise, payload, messages, needles, sinks)


def _fill(template: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _deliver(probe: Probe, payload: str, target: Target) -> Iterator[Message]:
    """Packs a payload into its channel."""
    if target.system:
        yield {"role": "system", "content": target.system}
    if probe.carrier is None:
        yield {"role": "user", "content": payload}
        return
    content = probe.carrier.text.strip().replace("{payload}", payload)
    if probe.channel is Channel.DOCUMENT:
        document = f'<document name="{probe.carrier.name}">\n{content}\n</document>'
        yield {"role": "user", "content": f"{probe.carrier.task}\n\n{document}"}
        return
    call: dict[str, Any] = {"name": probe.carrier.name, "arguments": "{}"}
    yield {"role": "user", "content": probe.carrier.task}
    yield {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": _TASK_ID, "type": "function", "function": call}],
    }
    yield {"role": "tool", "tool_call_id": _TASK_ID, "content": content}
