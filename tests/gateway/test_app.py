from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bartizan.config import Config, GatewayConfig
from bartizan.core.credential import Credential
from bartizan.core.event import Event
from bartizan.core.verdict import Action, Verdict
from bartizan.errors import ConfigError
from bartizan.gateway.app import build
from bartizan.gateway.chat import hold_back_of
from bartizan.gateway.keys import LIFETIME_SECONDS
from bartizan.guard.guard import Guard
from bartizan.store.ledger import Ledger
from tests.gateway.running import (
    CARD,
    DONE,
    INJECTION,
    FakeUpstream,
    RunningGateway,
    completion,
    event,
    running_gateway,
    streamed,
    whole,
)

BODY: dict[str, Any] = {"model": "fake", "messages": [{"role": "user", "content": "Say hello."}]}
STREAM = {**BODY, "stream": True}


async def post(gateway: RunningGateway, data: Any, path: str = "/v1/chat/completions", **more: Any) -> tuple[int, Any]:
    body = data if isinstance(data, bytes | io.BytesIO) or hasattr(data, "__aiter__") else msgspec.json.encode(data)
    async with (
        aiohttp.ClientSession() as session,
        session.post(gateway.url + path, data=body, headers={**gateway.auth, **more}) as answer,
    ):
        raw = await answer.read()
        return answer.status, msgspec.json.decode(raw) if answer.content_type == "application/json" else raw


async def get(gateway: RunningGateway, path: str, **headers: str) -> tuple[int, bytes]:
    async with aiohttp.ClientSession() as session, session.get(gateway.url + path, headers=headers) as answer:
        return answer.status, await answer.read()


async def code(gateway: RunningGateway, data: Any, **more: Any) -> tuple[int, str]:
    status, body = await post(gateway, data, **more)
    assert set(body) == {"error"}
    assert {"message", "type", "param", "code"} <= set(body["error"])
    return status, body["error"]["code"]


@pytest.mark.parametrize(
    ("body", "expected", "says"),
    [
        (b"not json", "invalid_request", "not JSON"),
        (b"", "invalid_request", "not JSON"),
        (b'{"model": "fake", "messages": [{"role": "user", "content": "\xff"}]}', "invalid_request", "UTF-8"),
        (b'{"model": "fake", "messages": ' + b"[" * 100_000, "limit_exceeded", "deep"),
        (b'{"model": "fake", "messages": ' + b'[{"a":' * 60 + b"1" + b"}]" * 60 + b"}", "limit_exceeded", "deep"),
        (b"[]", "invalid_request", "expected an object"),
        (b'{"messages": []}', "invalid_request", "model"),
        (b'{"model": 3, "messages": [{"role": "user"}]}', "invalid_request", "model: expected a string"),
        (b'{"model": "fake", "messages": [{"role": "wizard"}]}', "invalid_request", "messages.0.role"),
        (b'{"model": "fake", "messages": [{"role": "user", "content": 7}]}', "invalid_request", "messages.0.content"),
        (
            b'{"model": "fake", "messages": [{"role": "user", "content": "a"}], "model": "b"}',
            "invalid_request",
            "twice",
        ),
    ],
)
async def test_what_cannot_be_read_is_a_clear_error(
    tmp_path: Path, guard: Guard, body: bytes, expected: str, says: str
) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        status, answer = await post(gateway, body)
        assert status == 400
        assert answer["error"]["code"] == expected
        assert says in answer["error"]["message"]
        assert gateway.upstream.bodies == []
        assert (await post(gateway, BODY))[0] == 200, "the process stays up"


async def test_a_body_of_100_megabytes_is_refused_by_its_announced_length(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        assert await code(gateway, io.BytesIO(b"x" * 100_000_000)) == (413, "request_too_large")
        assert (await post(gateway, BODY))[0] == 200


async def test_a_chunked_body_is_refused_when_it_passes_the_limit(tmp_path: Path, guard: Guard) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 500:
            sent += 1
            yield b"x" * 10_000

    async with running_gateway(tmp_path, guard, max_body_bytes=100_000) as gateway:
        try:
            assert await code(gateway, endless()) == (413, "request_too_large")
        except aiohttp.ClientOSError:
            assert sent < 500, "the gateway closed the connection before the end"
        assert (await post(gateway, BODY))[0] == 200


async def test_upstream_faults_are_named_without_their_details(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(
        tmp_path, guard, first_byte_seconds=0.3, chunk_seconds=0.3, max_answer_bytes=10_000
    ) as gateway:

        async def silent(*_: Any) -> None:
            await asyncio.sleep(1)

        async def garbage(_: Any, writer: asyncio.StreamWriter) -> None:
            writer.write(b"\x00\x01 no http at all\r\n\r\n")

        async def gone(_: Any, writer: asyncio.StreamWriter) -> None:
            writer.close()

        cases: list[tuple[Any, Any, tuple[int, str]]] = [
            (silent, BODY, (504, "upstream_timeout")),
            (silent, STREAM, (504, "upstream_timeout")),
            (garbage, BODY, (502, "upstream_failed")),
            (gone, BODY, (502, "upstream_failed")),
            (whole(b"<html>secret inside</html>"), BODY, (502, "upstream_failed")),
            (whole({"choices": 3}), BODY, (502, "upstream_failed")),
            (whole(completion("x" * 20_000)), BODY, (502, "upstream_failed")),
            (whole(completion()), STREAM, (502, "upstream_failed")),
            (whole(completion(), headers="content-encoding: gzip\r\n"), BODY, (502, "upstream_failed")),
            (whole(b"inside", status=500), BODY, (502, "upstream_failed")),
            (
                whole(b"inside", status=302, headers="location: http://169.254.169.254/\r\n"),
                BODY,
                (502, "upstream_failed"),
            ),
            (whole(b"{}", status=429, headers="retry-after: 7\r\n"), BODY, (429, "rate_limited")),
            (
                whole({"error": {"code": "context_length_exceeded", "param": "messages"}}, status=400),
                BODY,
                (400, "context_length_exceeded"),
            ),
            (streamed(b"data: garbage\n\n"), STREAM, (502, "upstream_failed")),
            (streamed(b'data: {"error": {"message": "inside"}}\n\n'), STREAM, (502, "upstream_failed")),
            (streamed(event({"content": "a"}), cut=True), STREAM, (200, "upstream_failed")),
        ]
        for respond, body, expected in cases:
            gateway.upstream.respond = respond
            status, answer = await post(gateway, body)
            if isinstance(answer, bytes):
                last = answer.strip().rsplit(b"\n", 1)[-1].removeprefix(b"data: ")
                answer = msgspec.json.decode(last)
            assert (status, answer["error"]["code"]) == expected, respond
            assert "inside" not in str(answer)
            assert "127.0.0.1" not in str(answer)
        assert {recorded.outcome for recorded in gateway.events()} == {"failed"}


async def test_an_upstream_that_is_down_is_a_502(tmp_path: Path, guard: Guard) -> None:
    async with FakeUpstream().running() as upstream:
        url = upstream.url
    async with running_gateway(tmp_path, guard, upstream_url=url) as gateway:
        assert await code(gateway, BODY) == (502, "upstream_failed")
        _, page = await get(gateway, "/metrics")
        assert b'bartizan_gateway_upstream_faults_total{fault="upstream_failed",upstream="fake"} 1.0' in page


async def test_a_stream_that_dies_tells_so_after_what_was_checked(tmp_path: Path, guard: Guard) -> None:
    respond = streamed(event({"content": "first words"}), cut=True)
    async with running_gateway(tmp_path, guard, respond=respond) as gateway:
        status, raw = await post(gateway, STREAM)
        assert status == 200
        assert b"first words" in raw
        assert b"upstream_failed" in raw
        assert DONE not in raw


async def test_a_client_that_leaves_stops_the_upstream(tmp_path: Path, guard: Guard) -> None:
    endless = streamed(*[event({"content": "word " * 50})] * 3000, pause=0.01)
    async with running_gateway(tmp_path, guard, respond=endless) as gateway:
        async with aiohttp.ClientSession() as session:
            answer = await session.post(f"{gateway.base}/chat/completions", json=STREAM, headers=gateway.auth)
            await answer.content.readany()
            answer.close()
        await asyncio.wait_for(gateway.upstream.dropped.wait(), 10)
        await until(lambda: bool(gateway.events()))
        assert gateway.events()[0].status == 499


async def test_a_client_that_leaves_before_the_answer_stops_the_upstream(tmp_path: Path, guard: Guard) -> None:
    async def slow(_: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2)

    async with running_gateway(tmp_path, guard, respond=slow) as gateway:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.4):
                    await session.post(f"{gateway.base}/chat/completions", json=BODY, headers=gateway.auth)
        await until(lambda: bool(gateway.events()))
        assert gateway.events()[0].attributes["error.type"] == "client_closed"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (what is waited for is on disk)
            await asyncio.sleep(0.02)


async def test_only_what_is_named_is_served(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        assert (await get(gateway, "/v1/files", **gateway.auth))[0] == 404
        assert (await get(gateway, "/v1/chat/completions", **gateway.auth))[0] == 405
        assert (await get(gateway, "/v1/models"))[0] == 401
        assert (await get(gateway, "/v1/models", authorization="Basic x"))[0] == 401
        status, body = await get(gateway, "/v1/models", **gateway.auth)
        assert status == 200
        assert msgspec.json.decode(body)["data"][0]["id"] == "fake"
        assert (await get(gateway, "/healthz"))[0] == 200
        assert (await get(gateway, "/readyz"))[0] == 200
        assert (
            b'bartizan_gateway_requests_total{route="models",status="401"} 2.0' in (await get(gateway, "/metrics"))[1]
        )


async def test_a_revoked_key_stops_passing(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        assert (await post(gateway, BODY))[0] == 200
        credential = gateway.ledger.find(Credential)[0].record
        gateway.ledger.append(msgspec.structs.replace(credential, revoked=True)).wait()
        await asyncio.sleep(LIFETIME_SECONDS + 0.1)
        assert await code(gateway, BODY) == (401, "invalid_api_key")


async def test_request_ids_are_kept_where_they_are_well_formed(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        await post(gateway, BODY, **{"x-request-id": "mine-1"})
        await post(gateway, BODY, **{"x-request-id": "no good"})
        sent = [head.lower().split("x-request-id: ")[1].split("\r\n")[0] for head in gateway.upstream.heads]
        assert sent[0] == "mine-1"
        assert sent[1].startswith("req-")
        assert {recorded.request for recorded in gateway.events()} == set(sent)


async def test_nothing_is_forwarded_while_the_ledger_cannot_write(
    tmp_path: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        monkeypatch.setattr(gateway.ledger, "healthy", lambda: False)
        assert await code(gateway, BODY) == (503, "ledger_unavailable")
        assert (await get(gateway, "/readyz"))[0] == 503
        assert gateway.upstream.bodies == []


async def test_strict_audit_answers_after_the_event_is_durable(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard, audit="strict") as gateway:
        for body in (BODY, {**BODY, "messages": [{"role": "user", "content": INJECTION}]}):
            await post(gateway, body)
        records = [entry.record for entry in gateway.ledger.entries(limit=100)]
        events = [record for record in records if isinstance(record, Event)]
    assert [recorded.outcome for recorded in events] == ["ok", "blocked"]


@pytest.mark.parametrize(("failing", "status"), [("block", 403), ("flag", 200), ("allow", 200)])
async def test_a_guard_that_breaks_leads_to_its_failure_action(
    tmp_path: Path, guard: Guard, failing: str, status: int
) -> None:
    policy = msgspec.structs.replace(guard.policy, on_failure=type(guard.policy.on_failure)(failing))
    broken = Guard(guard.engine, policy)

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    broken.check = explode  # type: ignore[method-assign]
    async with running_gateway(tmp_path, broken) as gateway:
        assert (await post(gateway, BODY))[0] == status
        assert len(gateway.upstream.bodies) == (status == 200)


async def test_a_guard_that_breaks_in_a_stream_lets_nothing_out(tmp_path: Path, guard: Guard) -> None:
    broken = Guard(guard.engine, guard.policy)

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    respond = streamed(event({"content": "unchecked"}), event({}, "stop"), DONE)
    async with running_gateway(tmp_path, broken, respond=respond) as gateway:
        broken.match = explode  # type: ignore[method-assign]
        broken.check = guard.check  # type: ignore[method-assign]
        status, answer = await post(gateway, STREAM)
        assert status == 500
        assert "unchecked" not in str(answer)
        assert "broken" not in str(answer)


async def test_the_guard_answers_over_http(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        status, answer = await post(gateway, {"text": f"pay with {CARD}"}, "/v1/guard/check")
        assert status == 200
        assert answer["action"] == "redact"
        assert "1111" not in answer["text"]
        messages = [{"role": "user", "content": INJECTION}]
        _, answer = await post(gateway, {"messages": messages, "direction": "input"}, "/v1/guard/check")
        assert answer["allowed"] is False
        assert answer["verdict"]["reasons"]
        for wrong in ({}, {"text": 3}, {"text": "x", "role": "king"}, {"text": "x", "direction": "up"}):
            assert (await post(gateway, wrong, "/v1/guard/check"))[0] == 400
        assert {verdict.action for verdict in gateway.verdicts()} == {Action.REDACT, Action.BLOCK}
        assert gateway.upstream.bodies == []


def test_a_gateway_needs_an_upstream(tmp_path: Path, guard: Guard) -> None:
    with Ledger.open(tmp_path) as ledger, pytest.raises(ConfigError, match="no upstream"):
        build(Config(gateway=GatewayConfig()), ledger, guard)


async def test_a_stream_is_released_while_it_lasts(tmp_path: Path, guard: Guard) -> None:
    async def unfinished(_: Any, writer: asyncio.StreamWriter) -> None:
        await streamed(*[event({"content": "many words "})] * 300, cut=True)({}, writer)
        await asyncio.sleep(3)

    async with running_gateway(tmp_path, guard, respond=unfinished) as gateway, aiohttp.ClientSession() as session:
        answer = await session.post(f"{gateway.base}/chat/completions", json=STREAM, headers=gateway.auth)
        async with asyncio.timeout(2):
            assert b"many words" in await answer.content.readany()
        answer.close()


async def test_a_body_that_never_ends_is_given_up(
    tmp_path: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bartizan.gateway.request._BODY_SECONDS", 0.2)
    async with running_gateway(tmp_path, guard) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
        writer.write(f"{head}content-length: 100\r\n\r\n{{".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_what_is_held_back_covers_every_detector_of_answers(guard: Guard) -> None:
    used = hold_back_of(GatewayConfig(hold_back_chars=1), guard)
    assert 100 < used < guard.engine.longest_bounded
    assert hold_back_of(GatewayConfig(hold_back_chars=5000), guard) == 5000


async def test_strict_audit_has_the_verdict_on_a_request_before_a_stream_releases_text(
    tmp_path: Path, guard: Guard
) -> None:
    async def unfinished(_: Any, writer: asyncio.StreamWriter) -> None:
        await streamed(*[event({"content": "many words "})] * 300, cut=True)({}, writer)
        await asyncio.sleep(3)

    asked = {**STREAM, "messages": [{"role": "user", "content": f"my card is {CARD}"}]}
    async with (
        running_gateway(tmp_path, guard, respond=unfinished, audit="strict") as gateway,
        aiohttp.ClientSession() as session,
    ):
        answer = await session.post(f"{gateway.base}/chat/completions", json=asked, headers=gateway.auth)
        assert b"many words" in await answer.content.readany()
        actions = [entry.record.action for entry in gateway.ledger.find(Verdict)]
        assert actions == [Action.REDACT]
        answer.close()


async def test_a_client_that_does_not_read_is_given_up(tmp_path: Path, guard: Guard) -> None:
    endless = streamed(*[event({"content": "many words " * 5000})] * 1000)
    async with running_gateway(tmp_path, guard, respond=endless, chunk_seconds=0.5) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (host, int(port)))
            body = msgspec.json.encode(STREAM)
            head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n"
            await loop.sock_sendall(client, f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            await asyncio.wait_for(gateway.upstream.dropped.wait(), 20)
            await until(lambda: bool(gateway.events()))
        assert gateway.events()[0].status == 499
        assert gateway.events()[0].attributes["error.type"] == "client_closed"
