"""The client against servers that speak HTTP badly, on purpose or not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bartizan.errors import ConfigError, InputError, TargetError
from bartizan.llm import pool
from bartizan.llm.client import ChatClient
from bartizan.llm.connection import MAX_HEAD_BYTES, TargetTimeoutError
from bartizan.llm.pool import Origin

BODY = b'{"model": "fake"}'
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@dataclass
class RawServer:
    """Answers the n-th request of each connection with the n-th of `answers`, then closes where there is no more."""

    answers: tuple[bytes, ...]
    linger: bool = True
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for answer in self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                writer.write(answer)
                await writer.drain()
            if self.linger:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended += 1
            writer.close()


@asynccontextmanager
async def serving(*answers: bytes, linger: bool = True, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    server = RawServer(answers, linger=linger)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.url = f"http{'s' if tls else ''}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
    async with listening:
        yield server


def sized(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *headers, b"", body])


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, identity\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nx y: a\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nx: a\x00b\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100 + GOOD,
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * (2 * MAX_HEAD_BYTES),
        CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}x\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2;" + b"e" * (2 * MAX_HEAD_BYTES) + b"\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\n" + b"t: " + b"y" * (2 * MAX_HEAD_BYTES),
        sized(b"{}", b"content-encoding: gzip"),
        sized(b"x" * 200_000),
        CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (200_000, b"x" * 200_000),
    ],
)
async def test_what_is_no_clean_answer_is_a_target_error_and_costs_the_connection(answer: bytes) -> None:
    async with (
        serving(answer) as server,
        ChatClient(server.url, timeout_seconds=5, max_answer_bytes=100_000) as client,
    ):
        for count in (1, 2):
            with pytest.raises(TargetError) as caught:
                await client.chat(BODY)
            assert not isinstance(caught.value, TargetTimeoutError)
            assert server.connections == count, "the bad connection is not used again, and nothing is sent twice"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTT",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}",
        CHUNKED,
        CHUNKED + b"2\r\n{",
        CHUNKED + b"2\r\n{}\r\n",
        CHUNKED + b"2\r\n{}\r\n0\r\n",
    ],
)
async def test_an_answer_that_is_cut_off_is_never_taken_for_whole(answer: bytes) -> None:
    async with serving(answer, linger=False) as server, ChatClient(server.url) as client:
        with pytest.raises(TargetError):
            await client.chat(BODY)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "body", "kept"),
    [
        (GOOD, b"{}", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" + GOOD, b"{}", True),
        (CHUNKED + b"1\r\n{\r\n1;ext=1\r\n}\r\n0\r\ntrailer: x\r\n\r\n", b"{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"", True),
        (sized(b"{}", b"connection: close"), b"{}", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"{}", False),
        (GOOD + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"{}", False),
        (GOOD + b"\x00garbage", b"{}", False),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n" + GOOD, b"{}", False),
    ],
)
async def test_only_a_clean_end_keeps_the_connection(answer: bytes, body: bytes, kept: bool) -> None:
    async with serving(answer, GOOD) as server, ChatClient(server.url) as client:
        assert (await client.chat(BODY)).body == body
        reply = await client.chat(BODY)
        assert b"evil" not in reply.body
        assert server.connections == (1 if kept else 2)


async def test_an_answer_may_end_with_its_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: Application/JSON; charset=utf-8\r\n\r\n{}"
    async with serving(answer, linger=False) as server, ChatClient(server.url) as client:
        async with client.open(BODY) as reply:
            assert reply.content_type == "application/json"
            assert await reply.read() == b"{}"
        assert (await client.chat(BODY)).body == b"{}"
        assert server.connections == 2


async def test_any_cutting_gives_the_same_answer() -> None:
    answer = b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED + b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n"

    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(BODY)
        for byte in answer:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    listening = await asyncio.start_server(slowly, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening, ChatClient(f"http://127.0.0.1:{port}") as client:
        assert (await client.chat(BODY)).body == b"abc0123456789"


async def test_a_connection_that_the_service_closed_while_it_was_idle_is_replaced() -> None:
    async with serving(GOOD, b"") as server, ChatClient(server.url) as client:
        server.linger = False
        await client.chat(BODY)
        # The second request gets no byte of an answer: it is sent once more on a new connection.
        assert (await client.chat(BODY)).body == b"{}"
        assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_request_is_never_sent_again_once_an_answer_has_begun() -> None:
    async with serving(GOOD, b"HTTP/1.1 2", linger=False) as server, ChatClient(server.url) as client:
        await client.chat(BODY)
        with pytest.raises(TargetError):
            await client.chat(BODY)
        assert len(server.requests) == 2


async def test_a_request_is_never_sent_again_after_the_service_had_time_to_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "_RACE_SECONDS", 0.0)
    async with serving(GOOD, b"", linger=False) as server, ChatClient(server.url) as client:
        await client.chat(BODY)
        with pytest.raises(TargetError):
            await client.chat(BODY)
        assert len(server.requests) == 2


async def test_leaving_early_closes_the_connection() -> None:
    async with serving(CHUNKED + b"2\r\n{}\r\n", GOOD) as server, ChatClient(server.url) as client:
        async with client.open(BODY) as reply:
            assert reply.status == 200
        async with asyncio.timeout(5):
            while not server.ended:  # noqa: ASYNC110  (the server tells nobody)
                await asyncio.sleep(0.01)
        task = asyncio.ensure_future(client.chat(BODY))
        while server.connections < 2:  # noqa: ASYNC110  (likewise)
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            while server.ended < 2:  # noqa: ASYNC110  (likewise)
                await asyncio.sleep(0.01)


async def test_no_more_connections_than_allowed() -> None:
    async with (
        serving(*[GOOD] * 100) as server,
        ChatClient(server.url, connections=2, connect_seconds=0.2) as client,
    ):
        await asyncio.gather(*[client.chat(BODY) for _ in range(20)])
        assert server.connections <= 2
        async with client.open(BODY), client.open(BODY):
            with pytest.raises(TargetTimeoutError, match="connecting"):
                await client.chat(BODY)
        assert (await client.chat(BODY)).status == 200


async def test_a_body_that_nobody_reads_makes_the_service_wait() -> None:
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(BODY)
        writer.write(CHUNKED)
        try:
            while sent < 200_000_000:
                writer.write(b"10000\r\n%s\r\n" % (b"x" * 65_536))
                sent += 65_536
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    listening = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    client = ChatClient(f"http://127.0.0.1:{port}", max_answer_bytes=10**9)
    async with listening, client, client.open(BODY) as reply:
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 100_000_000, "the service was made to wait"
        chunks = reply.chunks()
        total = 0
        while total < before + 1_000_000:
            total += len(await anext(chunks))
        await chunks.aclose()


async def test_idle_connections_are_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "KEEPALIVE_SECONDS", 0.1)
    async with serving(GOOD, GOOD) as server, ChatClient(server.url) as client:
        await client.chat(BODY)
        async with asyncio.timeout(5):
            while not server.ended:  # noqa: ASYNC110  (the server tells nobody)
                await asyncio.sleep(0.02)
        await client.chat(BODY)
        assert server.connections == 2


async def test_headers_cannot_be_smuggled_in() -> None:
    async with serving(GOOD) as server, ChatClient(server.url) as client:
        with pytest.raises(InputError):
            await client.chat(BODY, request_id="x\r\nhost: evil")
        assert server.requests == []
    with pytest.raises(ConfigError) as caught:
        ChatClient("http://127.0.0.1", key="secret\r\nhost: evil")
    assert "secret" not in caught.value.explain()


async def test_tls_takes_only_a_certificate_that_is_trusted_and_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(GOOD, GOOD, tls=certified(tmp_path)) as server:
        named = server.url.replace("127.0.0.1", "localhost")
        async with ChatClient(named) as client:
            with pytest.raises(TargetError, match="not secure"):
                await client.chat(BODY)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        async with ChatClient(named) as client:
            assert [(await client.chat(BODY)).body for _ in range(2)] == [b"{}", b"{}"]
        async with ChatClient(server.url) as client:
            with pytest.raises(TargetError, match="not secure"):
                await client.chat(BODY)
        assert len(server.requests) == 2


async def test_tls_to_a_service_that_speaks_plain_http_fails() -> None:
    async with serving(GOOD) as server, ChatClient(server.url.replace("http:", "https:")) as client:
        with pytest.raises(TargetError):
            await client.chat(BODY)
        assert server.requests == []


def certified(folder: Path) -> ssl.SSLContext:
    """Returns the server side of TLS with a certificate for localhost that signs itself, kept as `server.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    start = datetime.now(UTC) - timedelta(minutes=5)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:11434/v1/", Origin("127.0.0.1", 11434, "/v1", tls=False, authority="127.0.0.1:11434")),
        ("https://api.example.com/v1", Origin("api.example.com", 443, "/v1", tls=True, authority="api.example.com")),
        ("https://h:443/a?v=1#x", Origin("h", 443, "/a", tls=True, authority="h", query="?v=1")),
        ("http://[::1]:80", Origin("::1", 80, "", tls=False, authority="[::1]")),
    ],
)
def test_addresses(address: str, expected: Origin) -> None:
    assert Origin.parse(address) == expected


@pytest.mark.parametrize(
    "address", ["http://h:0", "http://h:99999", "http://h:x", "http://a b/", "http://h/\r\nx: y", "http://ü.example/"]
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ConfigError, match="no http"):
        Origin.parse(address)


def test_an_address_holds_no_credentials() -> None:
    with pytest.raises(ConfigError, match="credentials") as caught:
        Origin.parse("http://user:secret@h/")
    assert "secret" not in caught.value.explain()
