"""`POST /v1/chat/completions`: check, forward, check, answer; plain and streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from bartizan.config import GatewayConfig
from bartizan.core.segment import Direction, Role, Segment
from bartizan.core.verdict import Action
from bartizan.detect.engine import Look
from bartizan.detect.reader import Context
from bartizan.errors import InputError, TargetError
from bartizan.gateway.answer import Answer, Refused, bad_request, blocked
from bartizan.gateway.journal import Exchange, Journal
from bartizan.gateway.metrics import Metrics
from bartizan.gateway.request import ClientGone, Request, Watch
from bartizan.gateway.stream import GuardedStream
from bartizan.gateway.upstreams import Upstream, Upstreams, fault_of, rejection
from bartizan.guard.decision import Decision
from bartizan.guard.guard import Guard
from bartizan.llm.client import OpenReply
from bartizan.llm.dialects.openai_chat import ChatRequest, parse_request, parse_response

CLIENT_CLOSED = 499
"""What the event says of a client that left; nginx's number, because HTTP has none."""
_LARGE_BYTES, _MANY = 65_536, 1_000
_DRAIN_SECONDS = 1.0
_EVENT_STREAM = "text/event-stream"


class Question(NamedTuple):
    """What the guard is asked.

    Attributes:
        segments: The content.
        direction: Which way it travels.
        request: The request's id.
        context: What is known around it; None where it is to be read off the segments.
        look: The check, where it was begun.
    """

    segments: Sequence[Segment]
    direction: Direction
    request: str
    context: Context | None = None
    look: Look | None = None


GuardCheck = Callable[[Question], Decision]
"""The guard behind the gateway's boundary: it never raises."""


def hold_back_of(config: GatewayConfig, guard: Guard) -> int:
    """Returns how many characters of a stream must wait: what is set, and at least the longest match that matters.

    What matters are the detectors that the policy uses on answers; those of requests may look at longer texts.
    """
    used = {
        name
        for rule in guard.policy.rules
        if Direction.OUTPUT in rule.directions
        and (not rule.roles or Role.ASSISTANT in rule.roles)
        and rule.trusted is not True
        and rule.action is not Action.ALLOW
        for name in guard.book.uses[rule.id]
    }
    detectors = (plugin for name, plugin in guard.engine.detectors.items() if name in used)
    return max([config.hold_back_chars, *(plugin.max_span or 0 for plugin in detectors)])


@dataclass(frozen=True, kw_only=True)
class Chat:
    """The route. Its parts are given; it keeps nothing between requests.

    Attributes:
        hold_back: How many characters of a stream are held back for checking; `hold_back_of` says how many it takes.
    """

    config: GatewayConfig
    hold_back: int
    guard: Guard
    check: GuardCheck
    journal: Journal
    metrics: Metrics
    upstreams: Upstreams

    async def __call__(self, request: Request, answer: Answer) -> None:
        """Serves one request.

        Raises:
            Refused: It is answered with an error.
            StoreError: The ledger cannot write.
            ClientGone: The client left.
        """
        exchange = Exchange(request.id, request.principal)
        status = 0
        try:
            await self._serve(request, answer, exchange)
            exchange.outcome = "ok"
        except Refused as refused:
            status = answer.status or refused.status
            exchange.outcome = "blocked" if refused.code == "blocked" else "failed"
            exchange.fault = refused.code
            raise
        except InputError as error:
            unreadable = bad_request(error)
            status, exchange.fault = unreadable.status, unreadable.code
            raise unreadable from error
        except (ClientGone, asyncio.CancelledError):
            status, exchange.fault = CLIENT_CLOSED, "client_closed"
            raise
        finally:
            self._finish(exchange, status or answer.status)

    def _finish(self, exchange: Exchange, status: int) -> None:
        for direction, action in exchange.actions.items():
            self.metrics.decided(direction, action)
        self.metrics.used(exchange.input_tokens, exchange.output_tokens)
        self.metrics.chat_seconds.observe(exchange.elapsed_ms() / 1000)
        self.journal.note(*exchange.records(status))

    async def _serve(self, request: Request, answer: Answer, exchange: Exchange) -> None:
        body = await request.body(self.config.max_body_bytes)
        large = len(body) > _LARGE_BYTES
        chat = await asyncio.to_thread(self._parse, body, exchange) if large else self._parse(body, exchange)
        exchange.context = Context.of(chat.segments)
        decision = await self._decide(Question(chat.segments, Direction.INPUT, exchange.request))
        self.metrics.guard_seconds.observe(decision.verdict.elapsed_us / 1e6)
        exchange.decided((decision,))
        if not decision.allowed:
            await self.journal.settle(exchange, "blocked", 403)
            raise blocked(decision.verdict, request.id)
        upstream = self.upstreams.serving(chat.model)
        exchange.upstream = upstream.name
        chat = chat.with_texts(decision.texts)
        try:
            async with Watch(request, answer), upstream.client.open(chat.encode(), request_id=request.id) as reply:
                if reply.status != 200:
                    raise rejection(reply.status, reply.headers, await reply.read())
                if chat.stream:
                    await self._stream(reply, answer, exchange)
                else:
                    await self._plain(reply, answer, exchange)
        except TargetError as error:
            raise self._fault(error, upstream, begun=bool(answer.status)) from error

    def _parse(self, body: bytes, exchange: Exchange) -> ChatRequest:
        chat = parse_request(body, max_depth=self.config.max_depth)
        exchange.model, exchange.stream, exchange.opaque = chat.model, chat.stream, chat.opaque
        return chat

    async def _decide(self, question: Question) -> Decision:
        """Asks the guard: on this thread where that is quick, on another where texts must be read."""
        segments = question.segments
        if len(segments) > _MANY or sum(len(segment.text) for segment in segments) > _LARGE_BYTES:
            return await asyncio.to_thread(self.check, question)
        look = self.guard.begin(segments, question.context)
        question = question._replace(look=look)
        return self.check(question) if look.is_quick else await asyncio.to_thread(self.check, question)

    async def _plain(self, reply: OpenReply, answer: Answer, exchange: Exchange) -> None:
        body = await reply.read()
        large = len(body) > _LARGE_BYTES
        response = await asyncio.to_thread(parse_response, body) if large else parse_response(body)
        answered = Question(response.segments, Direction.OUTPUT, exchange.request, exchange.context)
        decision = await self._decide(answered)
        exchange.input_tokens, exchange.output_tokens = response.input_tokens, response.output_tokens
        exchange.decided((decision,))
        if not decision.allowed:
            await self.journal.settle(exchange, "blocked", 403)
            raise blocked(decision.verdict, exchange.request)
        await self.journal.settle(exchange, "ok", 200)
        await answer.whole(response.with_texts(decision.texts).encode())

    async def _stream(self, reply: OpenReply, answer: Answer, exchange: Exchange) -> None:
        if reply.content_type != _EVENT_STREAM:
            raise TargetError("the answer is no stream of events")
        await self.journal.secure(exchange)
        stream = GuardedStream(
            self.guard,
            lambda segments: self.check(Question(segments, Direction.OUTPUT, exchange.request, exchange.context)),
            hold_back=self.hold_back,
            request=exchange.request,
            context=exchange.context,
        )
        try:
            async with aclosing(reply.chunks()) as chunks:
                async for data in chunks:
                    await self._pass_on(stream.feed(data), answer)
                    if stream.is_due:
                        await self._pass_on(await asyncio.to_thread(stream.read), answer)
                    if stream.done or stream.held or stream.failure:
                        break
        except TargetError as error:
            stream.failure = error
        rest = stream.finish()
        exchange.decided(stream.decisions())
        exchange.input_tokens, exchange.output_tokens = stream.input_tokens, stream.output_tokens
        outcome = "blocked" if stream.held else "failed" if stream.failure else "ok"
        await self.journal.settle(exchange, outcome, answer.status or (403 if stream.held else 200))
        await self._pass_on(rest, answer)
        if stream.held is not None:
            raise blocked(stream.held.verdict, exchange.request)
        if stream.failure is not None:
            raise stream.failure
        if not answer.status:
            await answer.begin_stream()
        await answer.piece(b"", last=True)
        await reply.drain(_DRAIN_SECONDS)

    async def _pass_on(self, data: bytes, answer: Answer) -> None:
        if data:
            if not answer.status:
                await answer.begin_stream()
            try:
                await answer.piece(data)
            except TimeoutError:
                raise ClientGone from None

    def _fault(self, error: TargetError, upstream: Upstream, *, begun: bool) -> Refused:
        refused = fault_of(error, begun=begun)
        self.metrics.failed(upstream.name, refused.code)
        return refused
