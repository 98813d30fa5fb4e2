"""Whatever a stranger sends or hands over: a clear answer that says what is wrong, and the process goes on."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from bartizan.cli import main
from bartizan.cli._protocol import BoundedProtocol
from bartizan.config import Config
from bartizan.console import app as console
from bartizan.core.credential import Scope, issue
from bartizan.core.event import Event
from bartizan.guard.guard import Guard
from bartizan.store.database import DATABASE_FILE
from bartizan.store.ledger import Ledger
from tests.gateway.running import INJECTION, RunningGateway, completion, running_gateway, whole

pytestmark = pytest.mark.timeout(120)

CHAT = "/v1/chat/completions"
HELLO = b'{"model":"fake","messages":[{"role":"user","content":"Say hello."}]}'


def head(gateway: RunningGateway, headers: bytes = b"", *, line: str = f"POST {CHAT} HTTP/1.1") -> bytes:
    return f"{line}\r\nhost: x\r\nauthorization: Bearer {gateway.key}\r\n".encode() + headers + b"\r\n"


def sized(gateway: RunningGateway, body: bytes, headers: bytes = b"") -> bytes:
    return head(gateway, b"connection: close\r\ncontent-length: %d\r\n" % len(body) + headers) + body


async def raw(gateway: RunningGateway, data: bytes) -> bytes:
    """Sends bytes as they are, and returns all that comes back until the gateway closes the connection."""
    host, port = gateway.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


def parts(answer: bytes) -> tuple[int, str]:
    """Returns the status of an answer and its error's code, empty where it is none of ours."""
    top, _, body = answer.partition(b"\r\n\r\n")
    code = re.search(rb'"code":"(\w+)"', body)
    return int(top.split()[1]), code[1].decode() if code else ""


def chat(content: Any = "x", **more: Any) -> bytes:
    return msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": content}], **more})


BODIES: list[tuple[str, bytes, bytes, int, str]] = [
    ("gzip", gzip.compress(HELLO), b"content-encoding: gzip\r\n", 415, "unsupported_encoding"),
    ("gzip that is none", HELLO, b"content-encoding: gzip\r\n", 415, "unsupported_encoding"),
    ("not a number", HELLO[:-1] + b',"temperature":NaN}', b"", 400, "invalid_request"),
    ("infinity", HELLO[:-1] + b',"temperature":-Infinity}', b"", 400, "invalid_request"),
    ("beyond any double", HELLO[:-1] + b',"temperature":1e999}', b"", 400, "invalid_request"),
    ("5,000 digits", HELLO[:-1] + b',"n":' + b"9" * 5000 + b"}", b"", 400, "invalid_request"),
    ("no messages", b'{"model":"fake","messages":[]}', b"", 400, "invalid_request"),
    ("a name twice", b'{"model":"a","model":"fake","messages":[{"role":"user"}]}', b"", 400, "invalid_request"),
    ("half a surrogate pair", HELLO.replace(b"hello", rb"\ud800"), b"", 400, "invalid_request"),
    ("UTF-16", HELLO.decode().encode("utf-16"), b"", 400, "invalid_request"),
    ("a byte order mark", b"\xef\xbb\xbf" + HELLO, b"", 400, "invalid_request"),
    ("two documents", HELLO + HELLO, b"", 400, "invalid_request"),
    ("content null", chat(None), b"", 200, ""),
    ("10,000 messages", msgspec.json.encode({"model": "fake", "messages": [{"role": "user"}] * 10_000}), b"", 200, ""),
    ("every plane of Unicode", chat("\U0001f600 \U0010ffff \u0000 \u202e \ufffe e\u0301"), b"", 200, ""),
    ("an id that would break a line", HELLO, b"x-request-id: a\nx-evil: 1\r\n", 400, ""),
]


async def test_bodies_that_are_odd_or_wrong(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        for name, body, headers, status, code in BODIES:
            answer = await raw(gateway, sized(gateway, body, headers))
            assert parts(answer) == (status, code), (name, answer)
            assert b"Traceback" not in answer
            forwarded = status == 200
            assert bool(gateway.upstream.bodies) == forwarded, name
            gateway.upstream.bodies.clear()


FRAMES: list[tuple[str, Callable[[RunningGateway], bytes], set[int]]] = [
    ("no HTTP", lambda _: b"\x16\x03\x01\x02\x00\x01\x00" * 10 + b"\r\n\r\n", {400}),
    ("HTTP/2", lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}),
    ("an unknown method", lambda g: head(g, line=f"BREW {CHAT} HTTP/1.1"), {400}),
    ("another method", lambda g: head(g, b"connection: close\r\n", line=f"TRACE {CHAT} HTTP/1.1"), {405}),
    ("a path upwards", lambda g: head(g, b"connection: close\r\n", line="GET /../../etc/passwd HTTP/1.1"), {404}),
    ("a path of no text", lambda g: head(g, b"connection: close\r\n", line="GET /%ff%fe%00 HTTP/1.1"), {404}),
    ("a path twice as long", lambda g: head(g, line=f"GET /{'a' * 200_000} HTTP/1.1"), {400, 431}),
    ("a length too short", lambda g: head(g, b"content-length: 5\r\nconnection: close\r\n") + HELLO, {400}),
    ("a negative length", lambda g: head(g, b"content-length: -5\r\n") + HELLO, {400}),
    ("two lengths", lambda g: head(g, b"content-length: 5\r\ncontent-length: 68\r\n") + HELLO, {400}),
    ("a length beyond 64 bits", lambda g: head(g, b"content-length: 99999999999999999999999\r\n"), {400}),
    ("a length and chunks", lambda g: head(g, b"content-length: 5\r\ntransfer-encoding: chunked\r\n"), {400}),
    ("chunks of garbage", lambda g: head(g, b"transfer-encoding: chunked\r\n") + b"zz\r\nabc", {400}),
    ("a chunk beyond 64 bits", lambda g: head(g, b"transfer-encoding: chunked\r\n") + b"f" * 20 + b"\r\n", {400}),
    ("a huge header", lambda g: head(g, b"x-long: " + b"a" * 1_000_000 + b"\r\n"), {431}),
    ("a header without end", lambda g: head(g)[:-2] + b"x-long: " + b"a" * 1_000_000, {431}),
    ("very many headers", lambda g: head(g, b"x-many: a\r\n" * 50_000), {431}),
    ("a huge key", lambda _: b"GET /v1/models HTTP/1.1\r\nauthorization: Bearer " + b"k" * 1_000_000, {431}),
    (
        "a trailer without end",
        lambda g: head(g, b"transfer-encoding: chunked\r\n") + b"0\r\nx-long: " + b"a" * 1_000_000,
        {431},
    ),
    ("HTTP/1.0", lambda g: sized(g, HELLO).replace(b"HTTP/1.1", b"HTTP/1.0"), {200}),
]


async def test_frames_that_lie_or_never_end(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        for name, made, statuses in FRAMES:
            gateway.upstream.bodies.clear()
            try:
                answer = await raw(gateway, made(gateway))
            except ConnectionError:
                answer = b""  # closed while we still wrote, which took the answer with it
            if answer or 431 not in statuses:
                assert parts(answer)[0] in statuses, (name, answer)
            assert len(gateway.upstream.bodies) == (statuses == {200}), name
        assert parts(await raw(gateway, sized(gateway, HELLO)))[0] == 200, "the process goes on"


async def test_a_head_that_never_ends_is_cut_off_and_others_are_served(
    tmp_path: Path, guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedProtocol, "head_seconds", 1.0)
    async with running_gateway(tmp_path, guard) as gateway:
        silent = [raw(gateway, start) for start in (b"", b"GET /hea", head(gateway)[:-2]) for _ in range(5)]
        slow = asyncio.gather(*silent)
        answer = parts(await raw(gateway, sized(gateway, HELLO)))
        assert answer == (200, "")
        assert {parts(one)[0] for one in await slow} == {408}
        # The second head of a connection is bounded as well.
        host, port = gateway.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b'{"status":"ok"}')
        writer.write(b"GET /hea")
        async with asyncio.timeout(20):
            assert (await reader.read()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_pipelined_requests_are_answered_in_order(tmp_path: Path, guard: Guard) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        ids = [f"pipe.{number}" for number in range(10)]
        one = [
            head(gateway, f"content-length: {len(HELLO)}\r\nx-request-id: {name}\r\n".encode()) + HELLO for name in ids
        ]
        answer = await raw(
            gateway, b"".join(one) + head(gateway, b"connection: close\r\n", line="GET /healthz HTTP/1.1")
        )
        assert re.findall(rb"x-request-id: (pipe\.\d)", answer) == [name.encode() for name in ids]
        assert answer.count(b"HTTP/1.1 200") == 11


async def test_a_websocket_is_no_reason_to_install_anything(
    tmp_path: Path, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_gateway(tmp_path, guard) as gateway:
        upgrade = b"connection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-key: eDxGcvNvVeyNUWVPLyRIpA==\r\n"
        assert parts(await raw(gateway, head(gateway, upgrade, line=f"GET {CHAT} HTTP/1.1")))[0] == 405
    assert "install" not in caplog.text


async def test_hostile_words_reach_upstream_ledger_and_console_whole(tmp_path: Path, guard: Guard) -> None:
    model = "m\u0000\u202e\x1b[31m<script>alert(1)</script>\U0010ffff"
    text = f"{INJECTION} \u0000 \ufffe \U0001f600"
    async with running_gateway(tmp_path, guard, respond=whole(completion("\u0000\ufffe\U0001f600"))) as gateway:
        assert parts(await raw(gateway, sized(gateway, chat("a\u0000\U0001f600b", model=model))))[0] == 200
        assert parts(await raw(gateway, sized(gateway, chat(text, model=model)))) == (403, "blocked")
        (body,) = gateway.upstream.bodies
        sent = msgspec.json.decode(body)
        assert (sent["model"], sent["messages"][0]["content"]) == (model, "a\u0000\U0001f600b")
        gateway.ledger.checkpoint()
        recorded = [entry.record for entry in gateway.ledger.find(Event)]
        assert [one.attributes["gen_ai.request.model"] for one in recorded] == [model, model]
        record, key = issue("reader", Scope.CONSOLE)
        gateway.ledger.append(record).wait()
        pages = await asyncio.to_thread(_pages, gateway.ledger, key)
    for page in pages:
        assert "<script>alert(1)" not in page
        assert not {"\u0000", "\u202e", "\x1b"} & set(page)


def _pages(ledger: Ledger, key: str) -> list[str]:
    headers = {"authorization": f"Bearer {key}"}
    with TestClient(console.build(Config(), ledger), base_url="http://127.0.0.1:8789", headers=headers) as visitor:
        answers = [visitor.get(path) for path in ("/", "/traffic")]
        assert [answer.status_code for answer in answers] == [200, 200]
        return [answer.text for answer in answers]


@pytest.fixture
def attic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one of each thing that nobody should hand to a command, as the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    for name in ("sparse.toml", "sparse.pkl", "sparse.txt"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(10 * 2**30)
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    (tmp_path / "broken.toml").write_text("[gateway", encoding="utf-8")
    (tmp_path / "nested.toml").write_text(f"x = {'[' * 5000}", encoding="utf-8")
    (tmp_path / "dotted.toml").write_text(f"{'a.' * 5000}b = 1", encoding="utf-8")
    (tmp_path / "typo.toml").write_text("[gateway]\nprot = 1", encoding="utf-8")
    (tmp_path / "typed.toml").write_text("[gateway]\nport = 'x'", encoding="utf-8")
    upstream = "[gateway.upstreams.a]\nurl = "
    (tmp_path / "clear.toml").write_text(f"{upstream}'http://x/v1'\nkey = 'sk-hidden-1'", encoding="utf-8")
    (tmp_path / "user.toml").write_text(f"{upstream}'http://me:sk-hidden-1@x/v1'", encoding="utf-8")
    (tmp_path / "scheme.toml").write_text(f"{upstream}'ftp://x'", encoding="utf-8")
    (tmp_path / "bracket.toml").write_text(f"{upstream}'http://[x'", encoding="utf-8")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / DATABASE_FILE).write_bytes(b"no database at all" * 500)
    Ledger.open(tmp_path / "kept").close()
    os.mkfifo(tmp_path / "pipe.pkl")
    return tmp_path


FILES = ("sparse.toml", "latin.toml", "broken.toml", "nested.toml", "loop", "folder", "missing.toml")
REFUSED: list[tuple[str, str]] = [
    *((f"config check --config {name}", name) for name in (*FILES, "dotted.toml")),
    *((f"guard check --policy ./{name} hello", name) for name in FILES),
    *((f"attack ./{name}", name) for name in FILES),
    ("config check --config typo.toml", "did you mean gateway.port"),
    ("config check --config typed.toml", "gateway.port"),
    *((f"config {what} --config clear.toml", "gateway.upstreams.a.key") for what in ("check", "show")),
    *((f"config {what} --config user.toml", "gateway.upstreams.a.url") for what in ("check", "show")),
    ("gateway --port 0 --config user.toml", "gateway.upstreams.a.url"),
    ("gateway --upstream http://me:sk-hidden-1@x/v1", "holds a name or a password"),
    ("config check --config scheme.toml", "no http or https address"),
    ("config check --config bracket.toml", "no http or https address"),
    ("attack http://[::1", "no address of a web service"),
    ("attack http://", "no address of a web service"),
    ("attack lab --trials 99999999999999999999", "attack.trials"),
    ("attack lab --max-seconds nan", "attack.max_seconds"),
    ("ledger show \udcff --state kept", "not UTF-8"),
    ("guard check --file sparse.txt", "larger than"),
    ("guard check --file loop", "loop"),
    ("up --policy ./broken.toml", "broken.toml"),
    ("up --state damaged", "no database"),
    ("gateway --upstream http://127.0.0.1:9/v1 --state damaged", "no database"),
    ("scan folder --state damaged", "no database"),
    ("keys list --state damaged", "no database"),
    ("ledger verify --state missing", "no ledger"),
    ("ledger verify --state loop", "no ledger"),
    ("keys list --state loop", "loop"),
    ("scan loop", "loop"),
    ("scan missing", "missing"),
    ("discover loop", "loop"),
    ("discover missing", "missing"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED)
def test_a_command_says_what_is_wrong_and_what_to_do(
    attic: Path, capsys: pytest.CaptureFixture[str], words: str, says: str
) -> None:
    damaged = (attic / "damaged" / DATABASE_FILE).read_bytes()
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"bartizan {words.split(maxsplit=1)[0]}: ")
    assert says in err
    assert "hint: " in err
    assert "sk-hidden" not in err, "a secret is not told on"
    assert (attic / "damaged" / DATABASE_FILE).read_bytes() == damaged, "what is damaged is left as it is"


@pytest.mark.parametrize("name", ["sparse.pkl", "pipe.pkl"])
def test_a_named_file_that_was_not_examined_is_not_clean(
    attic: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    del attic
    assert main(["scan", name]) == 2
    out = capsys.readouterr().out
    assert "not the same as clean" in out
    assert name in out


def test_a_folder_of_traps_is_scanned_and_discovered_to_its_end(
    attic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (attic / "evil.pkl").write_bytes(b"cos\nsystem\n(S'echo harmless'\ntR.")
    doubled = b"".join(b"h%ch%c\x86q%c" % (level, level, level + 1) for level in range(200))
    (attic / "laughs.pkl").write_bytes(b"\x80\x02X\x04\x00\x00\x00boomq\x00" + doubled + b".")
    (attic / "\x1b[31m.pkl").write_bytes(b"cos\nsystem\n(S'echo harmless'\ntR.")
    (attic / "self").symlink_to(".")
    (attic / "requirements.txt").write_bytes(b"openai\n\xff\xfe\n" + b"a" * 100_000)
    (attic / "deep.py").write_text(f"import openai\nx = {'(' * 5000}", encoding="utf-8")
    assert main(["scan", "."]) == 1
    out = capsys.readouterr().out
    for name in ("evil.pkl", "laughs.pkl", "sparse.pkl", "pipe.pkl", "loop"):
        assert name in out
    assert "\x1b[31m" not in out
    assert main(["discover", "."]) == 0
    out = capsys.readouterr().out
    assert "openai" in out
    assert "deep.py" in out


def test_a_file_whose_name_is_no_text_is_addressed_by_its_bytes(
    attic: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (attic / "\udcff.pkl").write_bytes(b"cos\nsystem\n(S'echo harmless'\ntR.")
    assert main(["scan", "--format", "sarif", "\udcff.pkl"]) == 1
    assert '"%FF.pkl"' in capsys.readouterr().out


def test_an_output_that_cannot_be_written_is_not_taken_for_a_finding(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-u", "-m", "bartizan", "guard", "check", "hello"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_text_may_stand_after_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guard", "check", "--policy", "default", INJECTION]) == 1
    assert capsys.readouterr().out.startswith("block")
