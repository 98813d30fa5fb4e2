"""Detectors that read a whole text, with what is known around it, where a pattern cannot say what is meant."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from bartizan.core.record import Record
from bartizan.core.segment import TRUSTED_ROLES, Role, Segment
from bartizan.detect.detector import Detector

CONTENT_ROLES = frozenset({Role.TOOL, Role.DOCUMENT, Role.MEMORY})
"""Roles of what comes back to the model from elsewhere."""


class Context(Record, frozen=True, kw_only=True):
    """What is known around a text.

    Attributes:
        task: What the user asked for last.
        system: The instructions of the operator, one text each: what an answer must not give away.
        sources: What the answer may rest on: documents and tool results.
    """

    task: str = ""
    system: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @classmethod
    def of(cls, segments: Sequence[Segment]) -> Context:
        """Reads the context off a conversation."""
        return cls(
            task=next((one.text for one in reversed(segments) if one.role is Role.USER), ""),
            system=tuple(one.text for one in segments if one.role in TRUSTED_ROLES),
            sources=tuple(one.text for one in segments if one.role in CONTENT_ROLES),
        )

    def at(self, segments: Sequence[Segment]) -> list[Context]:
        """Returns what is known around each segment of a conversation of which this is the context.

        The task is the last user turn up to there, the first one where there is none before: what was read in the light
        of one request is not read again in that of the next.
        """
        found: list[Context] = []
        around = replace(self, task=next((one.text for one in segments if one.role is Role.USER), ""))
        for segment in segments:
            if segment.role is Role.USER and segment.text is not around.task:
                around = replace(around, task=segment.text)
            found.append(around)
        return found


NOTHING_KNOWN = Context()


class Sight(NamedTuple):
    """A place in a text that a reader stands by, how sure it is (0 to 1), and why, in words that repeat no content."""

    start: int
    end: int
    score: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Reader(Detector):
    """A detector that reads whole texts. `score` is not used: each sight has its own.

    Attributes:
        example: The context in which the `hits` and `misses` of `meta` are read.
        is_slow: Whether reading may take more than a millisecond a page, so that nobody waits for it in an event loop.
        only_unclear: Whether it is spared what the linear stage clears.
        heeds: Whether it uses what is known around a text. One that does not is told nothing, and texts are remembered
            whatever stands around them.
    """

    example: Context = NOTHING_KNOWN
    is_slow: bool = False
    only_unclear: bool = False
    heeds: bool = True

    @abstractmethod
    def read(self, text: str, context: Context) -> Iterable[Sight]:
        """Yields what it sees in a text, which holds no lone surrogates, in time about linear in its length."""

    def read_until(self, text: str, context: Context, late: Callable[[], bool]) -> Iterable[Sight]:  # noqa: ARG002
        """Yields the same, and stops once `late` says so; for readers that can.

        Raises:
            LimitError: It has stopped before it had seen all.
        """
        return self.read(text, context)
