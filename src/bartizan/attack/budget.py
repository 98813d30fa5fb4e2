"""Budgets, and the meter that reads what was spent."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from bartizan.core.record import Record

_FIRST_ANSWER_TOKENS = 512
_CHARS_PER_TOKEN = 3


class Budget(Record, frozen=True, kw_only=True):
    """What a run may spend; 0 means no limit. A retry is a request too."""

    requests: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(kw_only=True)
class Meter:
    """What a run has spent so far, and whether it may spend more.

    Requests never exceed their budget. Before each request as many tokens are set aside as the dearest one so far
    took, so that tokens exceed theirs only where an answer is dearer than all before it.

    Attributes:
        stopped_by: The budget that ended the run: `requests`, `tokens` or `seconds`; empty where none did.
    """

    budget: Budget = field(default_factory=Budget)
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    answered: int = 0
    stopped_by: str = ""
    started: float = field(default_factory=time.monotonic)
    _under_way: int = 0
    _dearest: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    @property
    def seconds_left(self) -> float | None:
        """How long the run may still take; None where there is no limit."""
        if not self.budget.seconds:
            return None
        return max(0.0, self.started + self.budget.seconds - time.monotonic())

    async def take(self, characters: int) -> bool:
        """Takes one request of so many characters out of the budget; False where it holds no more."""
        while not self.stopped_by:
            if self.budget.requests and self.requests >= self.budget.requests:
                self.stopped_by = "requests"
            elif self.seconds_left == 0.0:
                self.stopped_by = "seconds"
            elif self._affordable(characters):
                self.requests += 1
                self._under_way += 1
                return True
            elif not self._under_way:
                self.stopped_by = "tokens"
            else:
                self._settled.clear()
                await self._settled.wait()
        return False

    def settle(self, input_tokens: int = 0, output_tokens: int = 0) -> None:
        """Books what one request cost."""
        self._under_way -= 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        self._dearest = max(self._dearest, input_tokens + output_tokens)
        self._settled.set()

    def _affordable(self, characters: int) -> bool:
        if not self.budget.tokens:
            return True
        each = max(self._dearest, characters // _CHARS_PER_TOKEN + (0 if self._dearest else _FIRST_ANSWER_TOKENS))
        return self.tokens + each * (self._under_way + 1) <= self.budget.tokens
