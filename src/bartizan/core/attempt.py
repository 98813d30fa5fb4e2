"""Runs and attempts: what an attack tried, and what came of it."""

from __future__ import annotations

from enum import StrEnum

from bartizan.core.identity import digest
from bartizan.core.record import LedgerRecord, Record


class Outcome(StrEnum):
    """What came of an attempt.

    A success rate is `success` over `success`, `resisted` and `blocked`. What could not be scored is counted apart,
    never as safe.
    """

    SUCCESS = "success"
    RESISTED = "resisted"
    BLOCKED = "blocked"
    UNSCORED = "unscored"
    ERROR = "error"


class ToolCall(Record, frozen=True, kw_only=True):
    """A call that the target made to a tool: its name and its arguments as JSON text."""

    name: str
    arguments: str


class RunState(StrEnum):
    """Where a run stands; a run that is `running` with nobody running it can be resumed."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


class Run(LedgerRecord, frozen=True, kw_only=True, tag="run"):
    """One attack on one target, with everything that is needed to repeat or resume it.

    Attributes:
        target: The asset id of the target.
        url: The base URL that was attacked.
        guarded: Whether the gateway stood in front of the target.
        plan: The hash of the planned attempts: a resume must plan the same.
        seed: The seed of everything drawn at random.
        planned: How many attempts the plan holds.
        settings: The command's settings, without credentials.
        stopped_by: Which budget ended it, where one did.
    """

    target: str
    url: str
    guarded: bool
    plan: str
    seed: int
    planned: int
    state: RunState = RunState.RUNNING
    settings: dict[str, str | int | float | bool] = {}
    stopped_by: str = ""


class Attempt(LedgerRecord, frozen=True, kw_only=True, tag="attempt"):
    """One request to a target and its score.

    Attributes:
        run: The run's id.
        probe: The probe's id; `objective`, `channel`, `mutator` and `judge` name the parts it was made of.
        trial: Which repetition this is, from 0.
        request: The request id that went out with it; verdicts of a guard in between carry the same.
        prompt: What was sent in the channel, cut to a bound.
        answer: What came back, cut to a bound.
        reason: Why the judge decided so, or what went wrong.
    """

    run: str
    probe: str
    objective: str
    channel: str
    mutator: str
    trial: int
    outcome: Outcome
    judge: str
    request: str
    prompt: str = ""
    answer: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reason: str = ""
    elapsed_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


def attempt_id(run: str, *parts: str) -> str:
    """Returns the id of one planned attempt: the same each time the run is planned, which makes a resume exact."""
    return f"attempt-{digest(run, *parts, length=24)}"
