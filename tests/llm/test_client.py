from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bartizan.cli._serve import Served, serving
from bartizan.errors import ConfigError, TargetError
from bartizan.llm.client import ChatClient
from bartizan.llm.connection import TargetTimeoutError
from tests.gateway.running import DONE, FakeUpstream, Respond, completion, event, streamed, whole

BODY = {"model": "fake", "messages": [{"role": "user", "content": "x"}]}


@asynccontextmanager
async def talking_to(respond: Respond, **settings: Any) -> AsyncIterator[tuple[ChatClient, FakeUpstream]]:
    async with FakeUpstream(respond=respond).running() as upstream, ChatClient(upstream.url, **settings) as client:
        yield client, upstream


async def test_a_reply_is_whole_whatever_its_status() -> None:
    async with talking_to(whole({"x": 1}, status=418, headers="X-Odd: 1\r\n"), key="k") as (client, upstream):
        reply = await client.chat(BODY, request_id="req-1")
        assert (reply.status, reply.body, reply.headers["x-odd"]) == (418, b'{"x":1}', "1")
        assert reply.elapsed_ms > 0
        head = upstream.heads[0].lower()
        assert "authorization: bearer k" in head
        assert "x-request-id: req-1" in head
        assert await client.models() == ["fake"]


async def test_faults_are_target_errors() -> None:
    async def silent(*_: Any) -> None:
        await asyncio.sleep(1)

    async def garbage(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\x01\r\n\r\n")

    cut = streamed(event({"content": "x"}), cut=True)
    async with talking_to(silent, timeout_seconds=0.2) as (client, upstream):
        with pytest.raises(TargetTimeoutError):
            await client.chat(BODY)
        for respond in (garbage, cut, whole(b"x" * 2000)):
            upstream.respond = respond
            small = ChatClient(upstream.url, max_answer_bytes=1000)
            async with small:
                with pytest.raises(TargetError):
                    await small.chat(BODY)
        upstream.respond = streamed(event({}), DONE, pause=0.5)
        with pytest.raises(TargetTimeoutError):
            await client.chat(BODY)
        address = upstream.url
    async with ChatClient(address) as client:
        with pytest.raises(TargetError, match="refused"):
            await client.chat(BODY)
    with pytest.raises(TargetError, match="not open"):
        await client.chat(BODY)


async def test_a_service_that_redirects_is_not_followed() -> None:
    respond = whole(b"", status=307, headers="location: http://127.0.0.1:1/\r\n")
    async with talking_to(respond) as (client, upstream):
        assert (await client.chat(BODY)).status == 307
        assert len(upstream.heads) == 1


async def test_connections_are_used_again_also_after_streams() -> None:
    peers: set[Any] = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                kind = (await receive())["type"]
                await send({"type": f"{kind}.complete"})
                if kind == "lifespan.shutdown":
                    return
        peers.add(scope["client"])
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}", "more_body": True})
        await send({"type": "http.response.body", "body": b"{}"})

    async with serving(Served("app", app, "127.0.0.1", 0)) as urls, ChatClient(f"{urls['app']}/v1") as client:
        for _ in range(5):
            assert (await client.chat(BODY)).body == b"{}{}"
        assert len(peers) == 1
        async with client.open(BODY) as reply:
            assert reply.status == 200
        await client.chat(BODY)
        assert len(peers) <= 2


async def test_the_proxy_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with talking_to(whole(completion())) as (client, _):
        assert (await client.chat(BODY)).status == 200


@pytest.mark.parametrize("address", ["", "ftp://x/v1", "127.0.0.1:80", "http://", "http://[::1"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(ConfigError, match="no http"):
        ChatClient(address)
