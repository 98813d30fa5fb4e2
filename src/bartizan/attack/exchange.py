"""One request to the target and its answer: paced, paid for, and tried again where that may help."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from bartizan.attack.answer import Answer, blocked_by, complaint, read_answer, retry_after
from bartizan.attack.budget import Meter
from bartizan.attack.driver import Message
from bartizan.attack.judge import Score
from bartizan.attack.pace import Pace
from bartizan.attack.plan import Case
from bartizan.attack.target import Target
from bartizan.core.attempt import Outcome
from bartizan.errors import TargetError
from bartizan.llm.client import ChatClient

TRIES = 4
FRUITLESS = 20
"""After so many requests in a row without any answer the run ends: the target is gone."""
_BACK_OFF_SECONDS = 0.2
_BUSY = 429
_HINT = "check the address, the key and the model; `--resume` goes on where the run ended"


class Stopped(Exception):  # noqa: N818  (a signal between two functions, not an error)
    """A budget ended while an attempt was under way."""


class _Failure(NamedTuple):
    """Why a request brought nothing, and whether sending it again may help."""

    reason: str
    again: bool


@dataclass(kw_only=True)
class Exchange:
    """Speaks to one target on behalf of all workers of a run."""

    target: Target
    client: ChatClient
    meter: Meter
    pace: Pace
    _fruitless: int = 0

    async def ask(self, messages: Sequence[Message], case: Case) -> Answer | Score:
        """Sends messages and returns the answer, or the score of an attempt that got none.

        Raises:
            Stopped: A budget ended.
            TargetError: The target never answered, or has not for a while.
        """
        body = self._body(messages, case)
        reason = ""
        for retry in range(TRIES):
            if retry:
                await asyncio.sleep(_BACK_OFF_SECONDS * 2 ** (retry - 1))
                await self.pace.pause()
            if not await self.meter.take(len(body)):
                raise Stopped
            outcome = await self._send(body, case)
            if not isinstance(outcome, _Failure):
                self.meter.answered += 1
                self._fruitless = 0
                return outcome
            reason = outcome.reason
            if not outcome.again:
                return self._give_up(reason)
        return self._give_up(f"no answer in {TRIES} tries: {reason}")

    def _body(self, messages: Sequence[Message], case: Case) -> bytes:
        fields: dict[str, Any] = {"model": self.target.model, "messages": messages, "seed": case.seed}
        if self.target.tools:
            fields["tools"] = self.target.tools
        if self.target.options:
            fields |= self.target.options
        return msgspec.json.encode(fields)

    async def _send(self, body: bytes, case: Case) -> Answer | Score | _Failure:
        answer: Answer | None = None
        try:
            reply = await self.client.chat(body, request_id=case.id)
            if reply.status == _BUSY or reply.status >= 500:
                self.pace.troubled(retry_after(reply.headers))
                return _Failure(f"the target answered with status {reply.status}", again=True)
            self.pace.answered(reply.elapsed_ms / 1000)
            if reply.status == 200:
                answer = read_answer(reply.body, trace=self.target.trace)
                return answer
            return _refused(reply.status, reply.body)
        except TargetError as error:
            self.pace.troubled()
            return _Failure(error.message, again=True)
        finally:
            self.meter.settle(*((answer.input_tokens, answer.output_tokens) if answer else (0, 0)))

    def _give_up(self, reason: str) -> Score:
        self._fruitless += 1
        if not self.meter.answered or self._fruitless >= FRUITLESS:
            raise TargetError(reason, hint=_HINT)
        return Score(outcome=Outcome.ERROR, reason=reason)


def _refused(status: int, body: bytes) -> Score | _Failure:
    """Tells a guard that blocked from a target that does not want the request at all."""
    reasons = blocked_by(body)
    if reasons is None:
        said = complaint(body)
        return _Failure(f"the target answered with status {status}{': ' if said else ''}{said}", again=False)
    return Score(outcome=Outcome.BLOCKED, reason=f"blocked by {reasons}")
