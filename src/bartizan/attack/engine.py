"""The one engine: every attempt of every probe in one event loop, at the pace that the target bears, within budgets.

It returns records and saves nothing. An attempt that was under way when a run ended is not returned, so a resume tries
it again; one that is in `done` is never tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from bartizan.attack import driver as drivers
from bartizan.attack import judge as judges
from bartizan.attack.answer import Answer
from bartizan.attack.budget import Budget, Meter
from bartizan.attack.canary import Needle, mask
from bartizan.attack.driver import Driver
from bartizan.attack.exchange import Exchange, Stopped
from bartizan.attack.judge import Evidence, Judge, Score
from bartizan.attack.pace import Pace
from bartizan.attack.plan import Case, Plan
from bartizan.attack.target import Target
from bartizan.config import AttackConfig, secret
from bartizan.core.attempt import Attempt, ToolCall
from bartizan.errors import BartizanError
from bartizan.llm.client import ChatClient

MAX_TEXT = 4_000
"""How much of prompt and answer an attempt keeps, in characters."""
MAX_JUDGED = 200_000
"""How much of an answer is judged."""
_QUEUE = 1_000
_DEFAULTS = AttackConfig()


async def attack(
    plan: Plan,
    target: Target,
    *,
    done: Collection[str] = (),
    budget: Budget,
    meter: Meter | None = None,
    config: AttackConfig = _DEFAULTS,
) -> AsyncGenerator[Attempt, None]:
    """Tries everything that is planned and yields each attempt as soon as it is scored, in no particular order.

    Close it with `contextlib.aclosing` where it may not be read to its end.

    Args:
        plan: What to try.
        target: What to try it on.
        done: Ids of attempts that an earlier part of the run has finished.
        budget: What may be spent; `meter.stopped_by` says which part of it ended the run.
        meter: Where spending is booked, for who wants to watch; one is made where None.
        config: The most requests at once, and how long one may take.

    Raises:
        TargetError: The target never answered, or has not for a while.
        ConfigError: The target's key cannot be read.
    """
    finished = frozenset(done)
    client = ChatClient(
        target.url,
        key=secret(target.key),
        timeout_seconds=config.timeout_seconds,
        connections=config.concurrency,
    )
    gauge = meter or Meter(budget=budget)
    async with client:
        run = _Run(
            plan=plan,
            target=target,
            exchange=Exchange(target=target, client=client, meter=gauge, pace=Pace(most=config.concurrency)),
            todo=(case for case in plan if case.id not in finished),
        )
        async with asyncio.TaskGroup() as group:
            work = group.create_task(run.work(config.concurrency))
            try:
                while (attempt := await run.finished.get()) is not None:
                    yield attempt
            except GeneratorExit:  # whoever reads has left
                work.cancel()
    if run.failure is not None:
        raise run.failure


def _innermost(group: BaseExceptionGroup[BartizanError]) -> BartizanError:
    first = group.exceptions[0]
    return _innermost(first) if isinstance(first, BaseExceptionGroup) else first


@dataclass(kw_only=True)
class _Run:
    """What the workers of one run share."""

    plan: Plan
    target: Target
    exchange: Exchange
    todo: Iterator[Case]
    finished: asyncio.Queue[Attempt | None] = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    drivers: Mapping[str, Driver] = field(default_factory=lambda: drivers.shelf().plugins)
    judges: Mapping[str, Judge] = field(default_factory=lambda: judges.shelf().plugins)
    secrets: tuple[Needle, ...] = field(init=False)
    failure: BartizanError | None = None

    def __post_init__(self) -> None:
        self.secrets = tuple(Needle.loose(canary) for canary in self.target.canaries)

    async def work(self, workers: int) -> None:
        """Runs the workers until everything is tried, a budget is spent or one fails, and then says so in the queue.

        A failure is kept rather than raised, because whoever reads may be in the middle of something else.
        """
        meter = self.exchange.meter
        try:
            async with asyncio.timeout(meter.seconds_left):
                await self._all(workers)
        except TimeoutError:
            meter.stopped_by = "seconds"
        await self.finished.put(None)

    async def _all(self, workers: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work())
        except* BartizanError as failures:
            self.failure = _innermost(failures)

    async def _work(self) -> None:
        while not self.exchange.meter.stopped_by:
            await self.exchange.pace.enter()
            try:
                case = next(self.todo, None)
                if case is None:
                    return
                attempt = await self._try(case)
            except Stopped:
                return
            finally:
                self.exchange.pace.leave()
            await self.finished.put(attempt)

    async def _try(self, case: Case) -> Attempt:
        """Leads one conversation to its end and scores its last answer."""
        begun = time.perf_counter()
        conversation = self.drivers[case.shot.probe.driver].converse(case.shot.messages)
        messages = next(conversation)
        reply = await self.exchange.ask(messages, case)
        while isinstance(reply, Answer):
            try:
                messages = conversation.send(reply.text)
            except StopIteration:
                break
            reply = await self.exchange.ask(messages, case)
        return self._record(case, reply, (time.perf_counter() - begun) * 1000)

    def _record(self, case: Case, reply: Answer | Score, elapsed_ms: float) -> Attempt:
        probe = case.shot.probe
        answer = reply if isinstance(reply, Answer) else Answer(text="")
        score = self._score(case, answer) if isinstance(reply, Answer) else reply
        return Attempt(
            id=case.id,
            run=self.plan.run,
            probe=probe.meta.id,
            objective=probe.goal.value,
            channel=probe.channel.value,
            mutator=case.shot.mutator.meta.id,
            trial=case.trial,
            outcome=score.outcome,
            judge=probe.judge,
            request=case.id,
            prompt=case.shot.payload[:MAX_TEXT],
            answer=mask(answer.text[:MAX_JUDGED], self.secrets)[:MAX_TEXT],
            tool_calls=tuple(self._masked(call) for call in answer.tool_calls),
            reason=score.reason,
            elapsed_ms=round(elapsed_ms, 3),
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
        )

    def _masked(self, call: ToolCall) -> ToolCall:
        return ToolCall(name=call.name, arguments=mask(call.arguments[:MAX_TEXT], self.secrets))

    def _score(self, case: Case, answer: Answer) -> Score:
        return self.judges[case.shot.probe.judge](
            Evidence(
                answer=answer.text[:MAX_JUDGED],
                tool_calls=answer.tool_calls,
                traced=self.target.traced,
                needles=case.shot.needles,
                sinks=case.shot.sinks,
                finish=answer.finish,
            )
        )
