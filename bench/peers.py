"""How well others that run here offline find attacks, on the unseen texts of `bench.quality`.

A peer must need nothing but its packages: its rules or its model are in the wheel. Each is installed into
`.bench/NAME` and runs in one process of its own, told to stay offline and held to one core like ours. It judges at
its own default, which the share of ordinary texts that it flags stands for; ours is given the threshold at which as
many of the same texts are flagged, or fewer, and what each finds then is compared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
import venv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from bartizan.core.finding import Confidence, wilson
from bartizan.detect.scoring import THRESHOLD, Group, Scorer
from bench.quality import is_ordinary, score_of, unseen_texts
from bench.table import Row, show
from training import data
from training.row import Row as Text
from training.row import View

PLACE: Final = Path(__file__).parents[1] / ".bench"
ORDINARY: Final = "ordinary texts"
ALIKE: Final = "harmless texts that look like attacks"
_MOST: Final = 500
"""Texts of a group at most, drawn by a fixed seed, as some peers are slow; of ordinary texts four times as many."""

_BEFORE: Final = """
import json, logging, os, sys, time
from importlib.metadata import version
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
logging.disable(logging.CRITICAL)
answer, sys.stdout = sys.stdout, sys.stderr
"""
_AFTER: Final = """
asked = json.load(sys.stdin)
flagged, seconds, failed = [], [], 0
for text in asked["texts"]:
    begin = time.perf_counter()
    try:
        flagged.append(bool(flags(text)))
    except Exception:
        flagged.append(False)
        failed += 1
    seconds.append(time.perf_counter() - begin)
json.dump({"version": version(asked["name"]), "flagged": flagged, "seconds": seconds, "failed": failed}, answer)
"""


class Peer(NamedTuple):
    """A package that flags texts.

    Attributes:
        name: What it is called in the registry.
        installs: What is given to pip, call by call.
        code: Defines `flags(text)`, as the peer's own documentation has it.
        views: What it is made for.
    """

    name: str
    installs: Sequence[Sequence[str]]
    code: str
    views: Sequence[View] = (View.USER,)


PEERS: Final = (
    # A MiniLM in int8 and rules, made for tool results; what it would not let through is flagged.
    Peer(
        name="stackone-defender",
        installs=(("stackone-defender[onnx]==0.9.4",),),
        code="""from stackone_defender import create_prompt_defense
defense = create_prompt_defense(block_high_risk=True, require_tier2=True)
defense.warmup_tier2()
def flags(text): return not defense.defend_tool_result(text, "message").allowed
""",
        views=(View.USER, View.CONTENT),
    ),
    # Thirty detectors. Without the two that load weights from a hub (the vault and the classifier; most of what it
    # depends on is theirs and is left out), and without the one for personal data, which is not asked here.
    Peer(
        name="prompt-shield-ai",
        installs=(("pydantic", "pyyaml", "regex", "click", "cryptography"), ("--no-deps", "prompt-shield-ai==0.8.1")),
        code="""import tempfile
from prompt_shield import PromptShieldEngine
off = {name: {"enabled": False} for name in ("d022_semantic_classifier", "d023_pii_detection")}
config = {"prompt_shield": {"vault": {"enabled": False}, "detectors": off}}
folder = tempfile.TemporaryDirectory()
engine = PromptShieldEngine(config_dict=config, data_dir=folder.name)
def flags(text): return engine.scan(text).action.value in ("block", "flag")
""",
    ),
    # Rules in English and Arabic; its classifier is on a hub and not part of the default.
    Peer(
        name="haris-guard",
        installs=(("haris-guard==0.1.0",),),
        code='from haris import scan\ndef flags(text): return scan(text, detectors=["injection"]).risk',
    ),
    # Rules in English and German.
    Peer(
        name="clawguard-core",
        installs=(("clawguard-core==0.4.0",),),
        code="from clawguard_core import Scanner\ndef flags(text): return Scanner().scan(text).detected",
    ),
)


class Ours(NamedTuple):
    """Our scores of texts, in their order, and how long each took."""

    scores: Sequence[float]
    seconds: Sequence[float]


class Theirs(NamedTuple):
    """What a peer said about the same texts."""

    title: str
    flagged: Sequence[bool]
    seconds: Sequence[float]


def rows() -> Iterator[Row]:
    """Yields peer by peer: attacks by language and origin, over-defence, false alarms, time."""
    unseen = [one for one in unseen_texts() if one.attack is not None]
    drawn = {view: _drawn([one for one in unseen if one.view is view]) for view in (View.USER, View.CONTENT)}
    scorer = Scorer.load()
    if scorer.engine.cascade is not None:
        scorer.engine.cascade.warm()
    ours = {view: _judged(scorer, texts) for view, texts in drawn.items()}
    for peer in PEERS:
        for view in peer.views:
            said = _ask(peer, [one.text for one in drawn[view]])
            if isinstance(said, str):
                yield Row(name=f"peers: {peer.name} skipped: {said}", value=0, unit="rows")
                break
            yield from _compared(view, drawn[view], ours[view], said)


def _drawn(texts: Sequence[Text]) -> list[Text]:
    groups: dict[str, list[Text]] = defaultdict(list)
    for one in texts:
        groups[_group(one)].append(one)
    random = Random(5)
    sizes = {name: min(4 * _MOST if name == ORDINARY else _MOST, len(group)) for name, group in groups.items()}
    return [one for name, group in sorted(groups.items()) for one in random.sample(group, sizes[name])]


def _group(one: Text) -> str:
    if not one.attack:
        return ORDINARY if is_ordinary(one) else ALIKE
    origin = "public files" if one.source in data.HELD_OUT else "held-out families of our own"
    return f"attacks, {origin}, {'English' if one.lang == 'en' else 'other languages'}"


def _judged(scorer: Scorer, texts: Sequence[Text]) -> Ours:
    scores, seconds = [], []
    for one in texts:
        begin = time.perf_counter()
        scores.append(score_of(scorer, one, Group.INJECTION))
        seconds.append(time.perf_counter() - begin)
    return Ours(scores, seconds)


def _ask(peer: Peer, texts: Sequence[str]) -> Theirs | str:
    """Returns what the peer says, or why it cannot be asked."""
    python = PLACE / peer.name / "bin" / "python"
    try:
        _install(peer, python)
        done = subprocess.run(
            [python, "-c", _BEFORE + peer.code + _AFTER], check=True, capture_output=True, text=True,
            input=json.dumps({"name": peer.name, "texts": texts}), timeout=1_200,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        said: dict[str, Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        lines = str(getattr(error, "stderr", None) or error).strip().splitlines()
        return lines[-1].replace("|", "/")
    title = f"{peer.name} {said['version']}" + (f" (failed on {said['failed']})" if said["failed"] else "")
    return Theirs(title, said["flagged"], said["seconds"])


def _install(peer: Peer, python: Path) -> None:
    """Makes the peer's environment, unless one of the same packages is complete."""
    complete = python.parents[1] / "complete"
    if complete.exists() and complete.read_text() == repr(peer.installs):
        return
    venv.create(python.parents[1], with_pip=True, clear=True)
    for packages in peer.installs:
        command = [str(python), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=1_200)
    complete.write_text(repr(peer.installs))


def _compared(view: View, texts: Sequence[Text], ours: Ours, said: Theirs) -> Iterator[Row]:
    groups: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(texts):
        groups[_group(one)].append(at)
    limit = _limit([ours.scores[at] for at in groups[ORDINARY]], sum(said.flagged[at] for at in groups[ORDINARY]))
    for name, group in sorted(groups.items()):
        yield _row(f"{view} texts: {name}", [ours.scores[at] for at in group], limit, said, group)
    taken, rival = statistics.median(ours.seconds), statistics.median(said.seconds)
    yield Row(
        name=f"{view} texts: time of one, median", value=1e3 * taken, unit="ms",
        peer=f"{said.title}: {1e3 * rival:.3g} ms", ratio=taken / rival,
    )  # fmt: skip


def _row(name: str, scores: Sequence[float], limit: float, said: Theirs, group: Sequence[int]) -> Row:
    """Makes the row of a group; for ordinary texts with our default, which is all that is to be said of them."""
    by_default = wilson(sum(score >= THRESHOLD for score in scores), len(scores))
    equal = wilson(sum(score > limit for score in scores), len(scores))
    theirs = wilson(sum(said.flagged[at] for at in group), len(group))
    ours = by_default if name.endswith(ORDINARY) else equal
    where = "at our default" if ours is by_default else f"at the peer's false alarms, {_percent(by_default)} at ours"
    attacks = ": attacks" in name
    return Row(
        name=f"{name} (n={len(group)})", value=100 * ours.share,
        unit=f"% ({100 * ours.low:.1f} to {100 * ours.high:.1f}) flagged {where}",
        bar=f"{'>=' if attacks else '<='} the peer's", peer=f"{said.title}: {_percent(theirs)}",
        ratio=ours.share / theirs.share if theirs.share else None,
        ok=ours.share >= theirs.share if attacks else ours.share <= theirs.share,
    )  # fmt: skip


def _percent(known: Confidence) -> str:
    return f"{100 * known.share:.1f} % ({100 * known.low:.1f} to {100 * known.high:.1f})"


def _limit(calm: Sequence[float], count: int) -> float:
    """Returns the least score above which no more than `count` of the ordinary texts lie."""
    order = sorted(calm, reverse=True)
    return order[count] if count < len(order) else float("-inf")


if __name__ == "__main__":
    show(rows())
