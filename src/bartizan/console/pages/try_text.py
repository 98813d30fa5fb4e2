"""Trying a text: what the guard makes of it under the current policy, and why. Nothing of it is kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec

from bartizan.console.marks import Stretch, stretches
from bartizan.console.page import Context, Page, Visit
from bartizan.core.segment import Direction, Segment
from bartizan.core.verdict import Verdict
from bartizan.detect.examination import Failure
from bartizan.detect.explanation import Explanation, GroupScore, Layer, Sighting, Stage, explain
from bartizan.detect.reader import Context as Around
from bartizan.detect.scoring import ROLES, Group, Kind
from bartizan.errors import InputError
from bartizan.registry import nearest

MOST_BYTES = 100_000
_AROUND_BYTES = 20_000
_FORM_BYTES = 3 * (MOST_BYTES + 2 * _AROUND_BYTES) + 2_000
"""In a form, a byte takes up to three."""
_ABOUT: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.USER: "what a user writes to the model",
        Kind.DOCUMENT: "a document, page or mail that the model reads",
        Kind.TOOL: "what a tool gives back",
        Kind.OUTPUT: "what the model answers",
    }
)
_LEARNED = ".learned_"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What was filled in."""

    text: str = ""
    kind: Kind = Kind.USER
    task: str = ""
    system_prompt: str = ""


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of the detectors: what it looked at, what it made of that in words, and its scores."""

    stage: str
    text: str
    said: str
    scores: dict[str, float]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard made of the text.

    Attributes:
        verdict: The verdict under the policy.
        allowed: Whether the text may pass, as `redacted` where that is not empty.
        redacted: The text as it would be passed on.
        marked: The text, cut where signals begin and end; the marks are the numbers of `signals` from 1.
        signals: What was seen.
        decoded: What was decoded, an outer layer before an inner one.
        scores: By group of detectors.
        stages: What each stage said.
        failures: What was not checked.
        left_out: How much there is beyond what is shown.
        elapsed_ms: How long the check took, in milliseconds.
    """

    verdict: Verdict
    allowed: bool
    redacted: str
    marked: tuple[Stretch, ...]
    signals: tuple[Sighting, ...]
    decoded: tuple[Layer, ...]
    scores: dict[Group, GroupScore]
    stages: tuple[StageRow, ...]
    failures: tuple[Failure, ...]
    left_out: dict[str, int]
    elapsed_ms: float


class TryText(Context, frozen=True, kw_only=True):
    """The form, and what came out.

    Attributes:
        policy: The policy in force.
        most: How many bytes a text may have.
        kinds: What a text may be, in words.
        given: What was filled in.
        result: What the guard made of it; None before a text was sent.
    """

    policy: str
    most: int
    kinds: dict[Kind, str]
    given: Given
    result: Result | None


def context(visit: Visit) -> TryText:
    """Shows the empty form."""
    return _shown(visit, Given(), None)


def check(visit: Visit) -> TryText:
    """Checks what was filled in.

    Raises:
        InputError: There is no text, it is too long, or its kind is unknown.
    """
    given = _given(visit.form)
    guard = visit.guard()
    is_output = given.kind is Kind.OUTPUT
    segments = (Segment(text=given.text, role=ROLES[given.kind], source=f"console:{given.kind.value}"),)
    around = Around(task=given.task, system=(given.system_prompt,) if given.system_prompt else ())
    begun = time.perf_counter()
    look = guard.begin(segments, around)
    decision = guard.check(segments, Direction.OUTPUT if is_output else Direction.INPUT, context=around, look=look)
    elapsed = time.perf_counter() - begun
    told = explain(look, guard.scorer)
    result = Result(
        verdict=decision.verdict,
        allowed=decision.allowed,
        redacted=decision.texts.get(0, ""),
        marked=stretches(given.text, [(one.signal.start, one.signal.end) for one in told.signals]),
        signals=told.signals,
        decoded=told.decoded,
        scores=told.scores,
        stages=tuple(_stages(told)),
        failures=told.failures,
        left_out=told.left_out,
        elapsed_ms=round(elapsed * 1000, 3),
    )
    return _shown(visit, given, result)


def _shown(visit: Visit, given: Given, result: Result | None) -> TryText:
    policy = result.verdict.policy if result else visit.config.guard.policy
    return TryText(policy=policy, most=MOST_BYTES, kinds=dict(_ABOUT), given=given, result=result)


def _given(form: Mapping[str, str]) -> Given:
    kind = form.get("kind", Kind.USER.value)
    if kind not in set(Kind):
        raise InputError(f"kind cannot be {kind[:40]!r}", hint=nearest(kind[:40], list(Kind)))
    # A browser sends every line break as CR LF, whatever was pasted.
    text, task, system = (form.get(name, "").replace("\r\n", "\n") for name in ("text", "task", "system_prompt"))
    if not text:
        raise InputError("there is no text to check", hint="go back and paste one")
    for name, value, most in (
        ("text", text, MOST_BYTES),
        ("task", task, _AROUND_BYTES),
        ("system prompt", system, _AROUND_BYTES),
    ):
        if len(value.encode("utf-8", "surrogatepass")) > most:
            raise InputError(f"the {name} is longer than {most:,} bytes", hint="go back and shorten it")
    return Given(text=text, kind=Kind(kind), task=task, system_prompt=system)


def _stages(told: Explanation) -> Iterator[StageRow]:
    found = [one.signal for one in told.signals if _LEARNED not in one.signal.detector]
    families: dict[str, float] = {}
    for signal in found:
        family = signal.detector.partition(".")[0]
        families[family] = max(signal.score, families.get(family, 0.0))
    said = f"{len(found)} signal{'' if len(found) == 1 else 's'}" if found else "no pattern or reader saw anything"
    yield StageRow(stage="patterns", text="the text and what was decoded of it", said=said, scores=families)
    for place, stage in enumerate(told.stages):
        text = "a decoded text" if place else "the text"
        passed = stage.stage == "encoder" or stage.late
        yield StageRow(
            stage="linear",
            text=text,
            said="passed on to the encoder" if passed else "decided alone",
            scores=stage.linear,
        )
        yield StageRow(stage="encoder", text=text, said=_read(stage), scores=stage.scores if stage.read else {})
    if not told.stages:
        yield StageRow(stage="learned stages", text="the text", said="they are off, or not for this kind", scores={})


def _read(stage: Stage) -> str:
    if not stage.read:
        return "ran out of time" if stage.late else "was not needed, or is not installed"
    late = ", then ran out of time" if stage.late else ""
    return f"read {stage.read} of {stage.windows} window{'' if stage.windows == 1 else 's'}{late}"


PAGE = Page(
    title="Try a text",
    order=55,
    icon="M4 5h16M4 10h10M4 15h6M15 19l2 2 4-5",
    context=context,
    actions=MappingProxyType({"check": check}),
    form_bytes=_FORM_BYTES,
)
