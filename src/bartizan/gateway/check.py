"""`POST /v1/guard/check`: the guard's verdict on content that goes nowhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec

from bartizan.config import GatewayConfig
from bartizan.core.event import Event
from bartizan.core.identity import unique_id
from bartizan.core.segment import TRUSTED_ROLES, Direction, Role, Segment
from bartizan.core.verdict import Action, Verdict
from bartizan.detect.explanation import explain
from bartizan.detect.reader import Context
from bartizan.errors import InputError
from bartizan.gateway.answer import Answer, bad_request
from bartizan.gateway.chat import GuardCheck, Question
from bartizan.gateway.journal import CHECK, Journal
from bartizan.gateway.metrics import Metrics
from bartizan.gateway.request import Request
from bartizan.guard.guard import Guard
from bartizan.llm import strict_json
from bartizan.llm.dialects.openai_chat import ChatRequest, parse_messages
from bartizan.llm.strict_json import expect


@dataclass(frozen=True, kw_only=True)
class CheckRoute:
    """The route. A body is `{"messages": [...]}` or `{"text": "...", "role": "user"}`.

    It may have a `context`, and `"explain": true` where the answer should say all that was seen.
    """

    config: GatewayConfig
    guard: Guard
    check: GuardCheck
    journal: Journal
    metrics: Metrics

    async def __call__(self, request: Request, answer: Answer) -> None:
        """Serves one request.

        Raises:
            Refused: The body cannot be read.
            StoreError: The ledger cannot write.
        """
        body = await request.body(self.config.max_body_bytes)
        try:
            told, verdict = await asyncio.to_thread(self._judge, body, request)
        except InputError as error:
            raise bad_request(error) from error
        self.metrics.decided(verdict.direction, verdict.action)
        await answer.whole(told)

    def _judge(self, body: bytes, request: Request) -> tuple[bytes, Verdict]:
        tree = expect(strict_json.decode(body, max_depth=self.config.max_depth), dict, ())
        direction = _one_of(Direction, tree, "direction", default=Direction.INPUT)
        chat = parse_messages(tree["messages"]) if "messages" in tree else None
        segments = chat.segments if chat else (_segment(tree),)
        around = _context(tree)
        look = self.guard.begin(segments, around) if expect(tree.get("explain", False), bool, ("explain",)) else None
        decision = self.check(Question(segments, direction, request.id, around, look))
        verdict = decision.verdict
        event = Event(
            id=unique_id("event"),
            activity=CHECK,
            outcome="ok" if decision.allowed else "blocked",
            principal=request.principal,
            request=request.id,
            status=200,
            attributes={f"bartizan.{direction.value}_action": verdict.action.value},
        )
        ticket = self.journal.note(*(() if verdict.action is Action.ALLOW else (verdict,)), event)
        if self.journal.strict:
            ticket.wait()
        answer: dict[str, Any] = {
            "allowed": decision.allowed,
            "action": verdict.action.value,
            "verdict": msgspec.to_builtins(verdict),
        }
        if decision.texts:
            answer |= _redacted(chat, decision.texts[0] if chat is None else "", decision.texts)
        if look is not None:
            answer["explanation"] = msgspec.to_builtins(explain(look, self.guard.scorer))
        return strict_json.encode(answer), verdict


def _redacted(chat: ChatRequest | None, text: str, texts: Any) -> dict[str, Any]:
    """Returns the content as the guard would pass it on."""
    return {"text": text} if chat is None else {"messages": chat.with_texts(texts).tree["messages"]}


def _segment(tree: dict[str, Any]) -> Segment:
    role = _one_of(Role, tree, "role", default=Role.USER)
    return Segment(
        text=expect(tree.get("text"), str, ("text",)),
        role=role,
        source=expect(tree.get("source", "messages"), str, ("source",)),
        trusted=role in TRUSTED_ROLES,
        path="text",
    )


def _context(tree: dict[str, Any]) -> Context | None:
    """Returns what the body tells of the surroundings: `{"context": {"task": "", "system": [], "sources": []}}`."""
    if "context" not in tree:
        return None
    try:
        return msgspec.convert(tree["context"], type=Context)
    except msgspec.ValidationError as error:
        raise InputError(f"context: {error}") from None


def _one_of(kind: Any, tree: dict[str, Any], name: str, *, default: Any) -> Any:
    value = tree.get(name, default.value)
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"{name}: expected one of {', '.join(kind)}") from None
