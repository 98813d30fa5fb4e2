"""Verdicts: what the guard decided and why."""

from __future__ import annotations

from enum import StrEnum

from bartizan.core.record import LedgerRecord, Record
from bartizan.core.segment import Direction
from bartizan.core.signal import Signal


class Action(StrEnum):
    """What is done with content, from the mildest to the strictest. Verdicts combine by the strictest."""

    ALLOW = "allow"
    REDACT = "redact"
    FLAG = "flag"
    REVIEW = "review"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """The place in the order of strictness, 0 for allow."""
        return list(Action).index(self)


class Reason(Record, frozen=True, kw_only=True):
    """Why a verdict is what it is: a rule of the policy, and the detector or failure that made it fire."""

    rule: str
    action: Action
    because: str
    detector: str = ""


class Verdict(LedgerRecord, frozen=True, kw_only=True, tag="verdict"):
    """What the guard decided about one request or one answer.

    Attributes:
        action: The strictest action of all reasons; allow where there is none.
        direction: Whether this was input or output.
        policy: The policy's id.
        request: The request's id, which ties verdicts, events and attack attempts together.
        reasons: The rules that fired.
        signals: What the detectors saw.
        elapsed_us: How long the check took, in microseconds.
    """

    action: Action
    direction: Direction
    policy: str
    request: str = ""
    reasons: tuple[Reason, ...] = ()
    signals: tuple[Signal, ...] = ()
    elapsed_us: int = 0
