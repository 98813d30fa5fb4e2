"""What a driver is: it leads the conversation of one attempt, without doing any I/O itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bartizan.attack import drivers
from bartizan.registry import Meta, Shelf, scan

Message = dict[str, Any]
"""An OpenAI-style message."""
Conversation = Generator[Sequence[Message], str, None]
"""Yields the messages of the next request, is sent the text of the answer, and returns when it has seen enough."""


@dataclass(frozen=True, kw_only=True)
class Driver(ABC):
    """The base of all drivers. The last answer of a conversation is the one that is judged."""

    meta: ClassVar[Meta]

    @abstractmethod
    def converse(self, opening: Sequence[Message]) -> Conversation:
        """Leads one conversation that begins with `opening`."""


def shelf() -> Shelf[Driver]:
    """Returns every driver by its id."""
    return scan(drivers, Driver)  # type: ignore[type-abstract]
