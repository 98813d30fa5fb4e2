"""How a job tells whoever watches it how far it is."""

from __future__ import annotations

from typing import Protocol

from bartizan.core.record import Record


class Step(Record, frozen=True):
    """Where a job stands.

    Attributes:
        job: The job's name, such as `scan`.
        done: How many items are done.
        total: How many there are; None while that is not known.
        note: What is being done now.
    """

    job: str
    done: int
    total: int | None = None
    note: str = ""


class Progress(Protocol):
    """Something that is called with each step; it must be quick and must not raise."""

    def __call__(self, step: Step, /) -> None:
        """Takes one step."""
        ...


def silent(step: Step) -> None:
    """The progress of a job that nobody watches."""
