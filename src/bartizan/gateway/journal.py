"""What is written down of each request: one event, and every verdict that is not plain allow."""

from __future__ import annotations

import time
from collections.abc import Iterable

from bartizan.core.event import Event
from bartizan.core.identity import unique_id
from bartizan.core.record import LedgerRecord
from bartizan.core.segment import Direction
from bartizan.core.verdict import Action, Verdict
from bartizan.detect.reader import NOTHING_KNOWN
from bartizan.guard.decision import RANK, Decision
from bartizan.store.ledger import Ledger
from bartizan.store.ticket import Ticket

CHAT = "gateway.chat"
CHECK = "gateway.check"


class Exchange:
    """One chat request as it goes; it becomes the event at the end.

    Attributes:
        model: What the client asked for.
        upstream: Who answered.
        actions: The strictest action of each direction so far.
        outcome: `ok`, `blocked`, `denied` or `failed`.
        fault: What went wrong, as a word.
        context: What an answer is read with.
    """

    __slots__ = (
        "_written",
        "actions",
        "begun",
        "context",
        "fault",
        "input_tokens",
        "model",
        "opaque",
        "outcome",
        "output_tokens",
        "principal",
        "request",
        "stream",
        "upstream",
        "verdicts",
    )

    def __init__(self, request: str, principal: str) -> None:
        self.begun = time.perf_counter()
        self.request = request
        self.principal = principal
        self.model = self.upstream = self.fault = ""
        self.outcome = "failed"
        self._written = False
        self.stream = False
        self.opaque = self.input_tokens = self.output_tokens = 0
        self.actions: dict[Direction, Action] = {}
        self.verdicts: list[Verdict] = []
        self.context = NOTHING_KNOWN

    def decided(self, decisions: Iterable[Decision]) -> None:
        """Notes what the guard decided."""
        for decision in decisions:
            verdict = decision.verdict
            known = self.actions.get(verdict.direction)
            if known is None or RANK[verdict.action] > RANK[known]:
                self.actions[verdict.direction] = verdict.action
            if verdict.action is not Action.ALLOW:
                self.verdicts.append(verdict)

    def records(self, status: int) -> list[LedgerRecord]:
        """Returns what is to be written, once; `status` is what the client saw, 0 where it saw nothing."""
        verdicts, self.verdicts = self.verdicts, []
        written, self._written = self._written, True
        return [*verdicts] if written else [*verdicts, self._event(status)]

    def elapsed_ms(self) -> float:
        """Returns how long it has taken so far."""
        return round((time.perf_counter() - self.begun) * 1000, 3)

    def _event(self, status: int) -> Event:
        attributes: dict[str, str | int | float | bool] = {
            "gen_ai.request.model": self.model,
            "gen_ai.usage.input_tokens": self.input_tokens,
            "gen_ai.usage.output_tokens": self.output_tokens,
            "bartizan.input_action": self.actions.get(Direction.INPUT, ""),
            "bartizan.output_action": self.actions.get(Direction.OUTPUT, ""),
            "bartizan.stream": self.stream,
            "bartizan.elapsed_ms": self.elapsed_ms(),
            "bartizan.upstream": self.upstream,
            "bartizan.target": self.model,
        }
        if self.opaque:
            attributes["bartizan.opaque_parts"] = self.opaque
        if self.fault:
            attributes["error.type"] = self.fault
        return Event(
            id=unique_id("event"),
            activity=CHAT,
            outcome=self.outcome,
            principal=self.principal,
            request=self.request,
            status=status or None,
            attributes=attributes,
        )


class Journal:
    """Writes to the ledger; waits until it is durable where `audit` is `strict`."""

    def __init__(self, ledger: Ledger, *, audit: str) -> None:
        self._ledger = ledger
        self.strict = audit == "strict"

    def healthy(self) -> bool:
        """Whether the ledger can write; where it cannot, nothing may pass, because nobody would know."""
        return self._ledger.healthy()

    def note(self, *records: LedgerRecord) -> Ticket:
        """Appends records.

        Raises:
            StoreError: The ledger is closed.
        """
        return self._ledger.append(*records)

    async def secure(self, exchange: Exchange) -> None:
        """In strict mode, returns when the verdicts so far are durable, with the event still to come.

        Raises:
            StoreError: They cannot be written.
        """
        if self.strict and exchange.verdicts:
            verdicts, exchange.verdicts = exchange.verdicts, []
            await self.note(*verdicts)

    async def settle(self, exchange: Exchange, outcome: str, status: int) -> None:
        """In strict mode, returns when what happened so far is durable; otherwise the end of the request writes it.

        Raises:
            StoreError: It cannot be written.
        """
        if self.strict:
            exchange.outcome = outcome
            await self.note(*exchange.records(status))
