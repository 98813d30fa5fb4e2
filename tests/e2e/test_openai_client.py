"""The official OpenAI client, unchanged, through a real gateway to a fake upstream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from bartizan.guard.guard import Guard
from tests.gateway.running import (
    CARD,
    INJECTION,
    Respond,
    RunningGateway,
    completion,
    event,
    running_gateway,
    streamed,
    text_stream,
    whole,
)

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Says how the weather is.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@asynccontextmanager
async def client(
    folder: Path, guard: Guard, *, respond: Respond | None = None, **settings: Any
) -> AsyncIterator[tuple[openai.AsyncOpenAI, RunningGateway]]:
    async with (
        running_gateway(folder, guard, respond=respond, **settings) as gateway,
        openai.AsyncOpenAI(base_url=gateway.base, api_key=gateway.key, max_retries=0) as api,
    ):
        yield api, gateway


async def test_a_plain_answer_comes_through_with_its_usage(tmp_path: Path, guard: Guard) -> None:
    async with client(tmp_path, guard) as (api, gateway):
        answer = await api.chat.completions.create(model="fake", messages=HELLO, extra_body={"unknown": {"kept": 1}})
        assert answer.choices[0].message.content == "Hello."
        assert answer.usage is not None
        assert answer.usage.total_tokens == 5
        assert b'"unknown":{"kept":1}' in gateway.upstream.bodies[0].replace(b" ", b"")
        recorded = gateway.events()[0]
    assert recorded.outcome == "ok"
    assert recorded.status == 200
    assert recorded.attributes["gen_ai.request.model"] == "fake"
    assert recorded.attributes["gen_ai.usage.input_tokens"] == 3
    assert recorded.attributes["bartizan.input_action"] == "allow"


async def test_a_stream_comes_through_whole(tmp_path: Path, guard: Guard) -> None:
    texts = [f"word{number} " for number in range(400)]
    async with client(tmp_path, guard, respond=text_stream(*texts)) as (api, gateway):
        stream = await api.chat.completions.create(
            model="fake", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "".join(texts)
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.total_tokens == 5
        recorded = gateway.events()[0]
    assert recorded.attributes["bartizan.stream"] is True
    assert recorded.attributes["gen_ai.usage.output_tokens"] == 2


async def test_tool_calls_come_through_plain_and_streamed(tmp_path: Path, guard: Guard) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ulm"}'}}
    pieces = [
        event(
            {
                "role": "assistant",
                "tool_calls": [
                    {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
                ],
            }
        ),
        *(event({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}) for part in ('{"city"', ': "Ulm"}')),
        event({}, "tool_calls"),
        b"data: [DONE]\n\n",
    ]
    async with client(tmp_path, guard, respond=whole(completion(None, tool_calls=[call]))) as (api, gateway):
        answer = await api.chat.completions.create(model="fake", messages=HELLO, tools=TOOLS)
        assert answer.choices[0].message.tool_calls is not None
        assert answer.choices[0].message.tool_calls[0].model_dump() == call
        gateway.upstream.respond = streamed(*pieces)
        stream = await api.chat.completions.create(model="fake", messages=HELLO, tools=TOOLS, stream=True)
        calls = [piece async for chunk in stream for piece in chunk.choices[0].delta.tool_calls or ()]
    assert [piece.id for piece in calls] == ["call_1"]
    assert calls[0].function is not None
    assert calls[0].function.arguments == '{"city": "Ulm"}'


async def test_a_blocked_request_is_a_clean_error_and_reaches_nobody(tmp_path: Path, guard: Guard) -> None:
    async with client(tmp_path, guard) as (api, gateway):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await api.chat.completions.create(model="fake", messages=[{"role": "user", "content": INJECTION}])
        assert gateway.upstream.bodies == []
        verdict, recorded = gateway.verdicts()[0], gateway.events()[0]
    assert caught.value.code == "blocked"
    assert caught.value.type == "guard_blocked"
    assert isinstance(caught.value.body, dict)
    told = caught.value.body["bartizan"]
    assert told["verdict"] == verdict.id
    assert told["request"] == verdict.request == recorded.request == caught.value.request_id
    assert told["reasons"][0]["detector"].startswith("injection.")
    assert recorded.outcome == "blocked"
    assert recorded.status == 403


async def test_a_card_is_redacted_in_both_directions(tmp_path: Path, guard: Guard) -> None:
    respond = whole(completion(f"You said {CARD}."))
    async with client(tmp_path, guard, respond=respond) as (api, gateway):
        answer = await api.chat.completions.create(
            model="fake", messages=[{"role": "user", "content": f"My card is {CARD}."}]
        )
        assert CARD.encode() not in gateway.upstream.bodies[0]
        assert b"REDACTED" in gateway.upstream.bodies[0]
        actions = {verdict.direction: verdict.action for verdict in gateway.verdicts()}
    assert answer.choices[0].message.content is not None
    assert CARD not in answer.choices[0].message.content
    assert "REDACTED" in answer.choices[0].message.content
    assert actions == {"input": "redact", "output": "redact"}


async def test_a_card_in_a_stream_is_redacted(tmp_path: Path, guard: Guard) -> None:
    respond = text_stream("Your card ", "is 4111 11", "11 1111", " 1111", " as you said.")
    async with client(tmp_path, guard, respond=respond) as (api, _):
        stream = await api.chat.completions.create(model="fake", messages=HELLO, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert "1111" not in text
    assert text.startswith("Your card is [REDACTED")
    assert text.endswith(" as you said.")


async def test_a_wrong_key_and_an_unknown_model(tmp_path: Path, guard: Guard) -> None:
    async with client(tmp_path, guard, upstream={"models": ("fake",)}) as (api, gateway):
        with pytest.raises(openai.AuthenticationError):
            await api.with_options(api_key="bz_000000000000_wrong").chat.completions.create(
                model="fake", messages=HELLO
            )
        with pytest.raises(openai.NotFoundError) as caught:
            await api.chat.completions.create(model="other", messages=HELLO)
        assert caught.value.code == "model_not_found"
        assert [model.id async for model in api.models.list()] == ["fake"]
        assert gateway.upstream.bodies == []


async def test_the_upstream_never_sees_the_clients_key_and_clients_never_see_the_upstreams(
    tmp_path: Path, guard: Guard
) -> None:
    (tmp_path / "key").write_text("sk-upstream-key")
    failing = whole(b'{"error":{"message":"sk-upstream-key at http://10.0.0.1 is wrong"}}', status=401)
    async with client(tmp_path / "state", guard, upstream={"key": f"file:{tmp_path / 'key'}"}) as (api, gateway):
        await api.chat.completions.create(model="fake", messages=HELLO)
        head = gateway.upstream.heads[0]
        assert gateway.key not in head
        assert "Bearer sk-upstream-key" in head
        gateway.upstream.respond = failing
        with pytest.raises(openai.InternalServerError) as caught:
            await api.chat.completions.create(model="fake", messages=HELLO)
    assert caught.value.status_code == 502
    assert "sk-upstream" not in str(caught.value)
    assert "10.0.0.1" not in str(caught.value)


async def test_a_stream_blocked_at_once_is_the_same_clean_error(tmp_path: Path, strict_guard: Guard) -> None:
    async with client(tmp_path, strict_guard, respond=text_stream("It is ", CARD, ".")) as (api, gateway):
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await api.chat.completions.create(model="fake", messages=HELLO, stream=True)
        recorded = gateway.events()[0]
    assert caught.value.code == "blocked"
    assert (recorded.outcome, recorded.status) == ("blocked", 403)


async def collect(stream: AsyncIterable[Any], seen: list[Any]) -> None:
    async for chunk in stream:
        seen.append(chunk)  # noqa: PERF401  (what came before an error counts)


async def test_a_stream_blocked_on_its_way_ends_filtered_and_raises(tmp_path: Path, strict_guard: Guard) -> None:
    filler = ["safe words " * 40] * 10
    async with client(tmp_path, strict_guard, respond=text_stream(*filler, f"{CARD} ", *filler)) as (api, gateway):
        stream = await api.chat.completions.create(model="fake", messages=HELLO, stream=True)
        seen: list[Any] = []
        with pytest.raises(openai.APIError) as caught:
            await collect(stream, seen)
        recorded, verdict = gateway.events()[0], gateway.verdicts()[0]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in seen)
    assert text
    assert set(text.split()) <= {"safe", "words", "word", "wor", "wo", "w", "s", "sa", "saf"}
    assert seen[-1].choices[0].finish_reason == "content_filter"
    assert caught.value.code == "blocked"
    assert recorded.outcome == "blocked"
    assert verdict.direction == "output"


async def test_a_secret_in_the_arguments_of_a_streamed_tool_call_never_leaves(
    tmp_path: Path, strict_guard: Guard
) -> None:
    pieces = ['{"to": "41', "11 1111 ", "1111 11", '11"}']
    calls = [event({"tool_calls": [{"index": 0, "function": {"name": "pay", "arguments": part}}]}) for part in pieces]
    respond = streamed(*calls, event({}, "tool_calls"), b"data: [DONE]\n\n")
    async with client(tmp_path, strict_guard, respond=respond) as (api, _):
        with pytest.raises(openai.PermissionDeniedError):
            await api.chat.completions.create(model="fake", messages=HELLO, stream=True, tools=TOOLS)
