"""A target that answers as a test tells it to: a real server on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bartizan.cli._serve import Served, serving

Reaction = Callable[[int, dict[str, Any]], tuple[int, dict[str, str], bytes]]


REFUSAL = {"role": "assistant", "content": "I'm sorry, I can't do that."}
USAGE = {"prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20}
ANSWER = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": REFUSAL, "finish_reason": "stop"}],
    "usage": USAGE,
}


class FakeTarget:
    """Counts requests and answers each by its number; `delay` seconds pass first."""

    def __init__(self) -> None:
        self.url = ""
        self.delay = 0.0
        self.seen: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.together = 0
        self.most_together = 0
        self.react: Reaction = lambda _number, _body: (200, {}, json.dumps(ANSWER).encode())

    async def answer(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.seen.append(body)
        self.ids.append(request.headers.get("x-request-id", ""))
        number = len(self.seen)
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        await asyncio.sleep(self.delay)
        self.together -= 1
        status, headers, content = self.react(number, body)
        return Response(content, status, headers, media_type="application/json")


@pytest.fixture
async def fake() -> AsyncIterator[FakeTarget]:
    target = FakeTarget()
    app = Starlette(routes=[Route("/v1/chat/completions", target.answer, methods=["POST"])])
    async with serving(Served("fake", app, "127.0.0.1", 0)) as urls:
        target.url = f"{urls['fake']}/v1"
        yield target
