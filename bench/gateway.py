"""The gateway beside LiteLLM's proxy, both in front of the same instant upstream.

Each server runs in a process of its own and is stopped before the next one starts; the order alternates from round to
round and the median of the rounds counts. The gateway is the real command with its default policy and its ledger on.
LiteLLM is installed into `.bench/litellm`; where that fails, its column says so.

usage: python -m bench.gateway            the table
       python -m bench.gateway mine       the gateway alone, one short round
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

import uvloop

from bench.table import Row, show

LITELLM = "litellm[proxy]==1.106.2"
HOME = Path(__file__).parents[1] / ".bench" / "litellm"
ROUNDS = 3
START_SECONDS = 90
PROMPT = (
    "We are planning a walking tour of the old town for a group of twelve guests in early spring, and we would like a "
    "draft of the programme. The group meets at the river bridge at nine and should be back at the station by four. "
    "Please suggest five stops with a short history of each, a place for lunch that takes groups, and what to do when "
    "it rains. Two guests walk slowly, so no leg should take more than twenty minutes, and there should be a bench or "
    "a cafe at each stop. Mention which stops ask for an entrance fee and what it is for groups. One guest studies "
    "architecture and would be glad of a few details about the roofs and the town gate, another is interested in "
    "music and asks whether the organ in the big church can be heard at noon. Finish with a list of what to bring, "
    "and keep the whole text under four hundred words, in a friendly tone, with a heading for each stop and times in "
    "the margin. Thank you for your help with this, and please say which parts you are not sure of."
)
CHUNKS = 50


@dataclass
class Figures:
    """What was measured of one server, a value a round; seconds and requests a second.

    Processor time is the server's own, in seconds a request (with all its threads): unlike the throughput it hardly
    depends on what else runs on the machine.
    """

    latency: list[float] = field(default_factory=list)
    at_16: list[float] = field(default_factory=list)
    at_64: list[float] = field(default_factory=list)
    streams: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    stream_processor: list[float] = field(default_factory=list)


# --- the upstream -------------------------------------------------------------------------------------------------


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 1, "model": "fake", "choices": [choice]}
    data = b"data: " + json.dumps(body).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


def _answers() -> tuple[bytes, bytes]:
    message = {"role": "assistant", "content": "Here is a draft of the programme that you asked for."}
    body = json.dumps(
        {
            "id": "chatcmpl-x",
            "object": "chat.completion",
            "created": 1,
            "model": "fake",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 200, "completion_tokens": 10, "total_tokens": 210},
        }
    ).encode()
    plain = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    events = [_event({"role": "assistant", "content": ""})]
    events += [_event({"content": f"word{number} "}) for number in range(CHUNKS)]
    done = b"data: [DONE]\n\n"
    events += [_event({}, "stop"), b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done)]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return plain, head + b"".join(events)


class Upstream(asyncio.Protocol):
    """Answers each request at once from memory."""

    plain, streamed = _answers()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.waiting = b""

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while (end := self.waiting.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"(?i)content-length: *(\d+)", self.waiting[:end])
            stop = end + 4 + (int(length[1]) if length else 0)
            if len(self.waiting) < stop:
                return
            body, self.waiting = self.waiting[end + 4 : stop], self.waiting[stop:]
            streamed = b'"stream":true' in body.replace(b" ", b"")
            self.transport.write(self.streamed if streamed else self.plain)


async def serve_upstream() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


# --- the load -----------------------------------------------------------------------------------------------------


class Load:
    """Sends one chat request again and again over connections that stay open."""

    def __init__(self, port: int, key: str, *, stream: bool = False) -> None:
        body = json.dumps({"model": "fake", "stream": stream, "messages": [{"role": "user", "content": PROMPT}]})
        self.port = port
        self.request = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        ).encode()
        self.latencies: list[float] = []
        self.left = 0

    async def run(self, count: int, connections: int) -> float:
        """Returns requests a second."""
        self.left, self.latencies = count, []
        begun = time.perf_counter()
        await asyncio.gather(*[self._connection() for _ in range(connections)])
        return count / (time.perf_counter() - begun)

    async def _connection(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        while self.left > 0:
            self.left -= 1
            begun = time.perf_counter()
            writer.write(self.request)
            await self._answer(reader)
            self.latencies.append(time.perf_counter() - begun)
        writer.close()

    @staticmethod
    async def _answer(reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
        length = re.search(rb"content-length: *(\d+)", head)
        if length:
            await reader.readexactly(int(length[1]))
            return
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)


def measure(server: Server, figures: Figures, *, scale: float = 1.0) -> None:
    """Measures one round; `scale` shortens it for a slow server."""

    async def main() -> None:
        plain, streamed = Load(server.port, server.key), Load(server.port, server.key, stream=True)
        await plain.run(int(1000 * scale), 8)
        await plain.run(int(2000 * scale), 1)
        figures.latency.append(statistics.median(plain.latencies))
        begun = processor_seconds(server.pid)
        figures.at_16.append(await plain.run(int(6000 * scale), 16))
        figures.at_64.append(await plain.run(int(6000 * scale), 64))
        figures.processor.append((processor_seconds(server.pid) - begun) / (2 * int(6000 * scale)))
        await streamed.run(int(300 * scale), 8)
        begun = processor_seconds(server.pid)
        figures.streams.append(await streamed.run(int(1500 * scale), 8))
        figures.stream_processor.append((processor_seconds(server.pid) - begun) / int(1500 * scale))

    uvloop.run(main())


def processor_seconds(pid: int) -> float:
    """Returns the processor time that a process and its children have used; 0 on systems without /proc."""
    total = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = file.read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        if int(stat.split(" ", 1)[0]) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


# --- the servers --------------------------------------------------------------------------------------------------


class Server(NamedTuple):
    """A server that runs: its process, what it printed at its start, where it listens, and a key for it."""

    pid: int
    printed: str = ""
    port: int = 0
    key: str = "none"


@contextmanager
def process(command: list[str], ready: Callable[[str], bool], **extra: str) -> Iterator[Server]:
    """Runs a server and yields it once `ready` found in what it printed that it is."""
    with tempfile.TemporaryFile("w+") as output:
        environ = {**os.environ, "NO_PROXY": "127.0.0.1", **extra}
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ)
        try:
            end = time.monotonic() + START_SECONDS
            while True:
                output.seek(0)
                printed = output.read()
                if ready(printed):
                    break
                if running.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{command[0]} did not start: {printed[-500:]}")
                time.sleep(0.1)
            yield Server(running.pid, printed)
        finally:
            running.terminate()
            running.wait(30)


def _port(printed: str) -> int:
    return int(re.findall(r"listening on http://127\.0\.0\.1:(\d+)", printed)[-1])


@contextmanager
def upstream() -> Iterator[Server]:
    with process([sys.executable, "-m", "bench.gateway", "upstream"], lambda text: "listening" in text) as server:
        yield server._replace(port=_port(server.printed))


@contextmanager
def ours(upstream_port: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "bartizan", "gateway", "--port", "0", "--state", state]
        command += ["--upstream", f"http://127.0.0.1:{upstream_port}/v1"]
        with process(command, lambda text: "listening" in text) as server:
            key = re.findall(r"bz_[0-9a-f]+_[0-9a-f]+", server.printed)[0]
            yield server._replace(port=_port(server.printed), key=key)


@contextmanager
def litellm(upstream_port: int) -> Iterator[Server]:
    key = f"sk-{secrets.token_hex(24)}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = f"""
model_list:
  - model_name: fake
    litellm_params: {{model: openai/fake, api_base: "http://127.0.0.1:{upstream_port}/v1", api_key: sk-fake}}
litellm_settings: {{num_retries: 0, callbacks: []}}
general_settings: {{master_key: {key}}}
"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "litellm.yaml"
        file.write_text(config, encoding="utf-8")
        command = [str(HOME / "bin" / "litellm"), "--config", str(file), "--host", "127.0.0.1", "--port", str(port)]
        settings = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
        with process([*command, "--num_workers", "1"], lambda _: _answers_on(port), **settings) as server:
            yield server._replace(port=port, key=key)


def _answers_on(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def install_litellm() -> str:
    """Installs LiteLLM into its own environment, once; returns why it could not, otherwise nothing."""
    if (HOME / "bin" / "litellm").exists():
        return ""
    try:
        venv.create(HOME, with_pip=True, clear=True)
        command = [str(HOME / "bin" / "python"), "-m", "pip", "install", "--quiet", LITELLM]
        subprocess.run(command, check=True, capture_output=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        return f"LiteLLM could not be installed ({type(error).__name__})"
    return ""


# --- the table ----------------------------------------------------------------------------------------------------


def rows() -> Iterator[Row]:
    missing = install_litellm()
    direct, mine, theirs = Figures(), Figures(), Figures()
    with upstream() as behind:

        def measure_ours() -> None:
            with ours(behind.port) as server:
                measure(server, mine)

        def measure_theirs() -> None:
            with litellm(behind.port) as server:
                measure(server, theirs, scale=0.1)

        turns = [measure_ours] if missing else [measure_ours, measure_theirs]
        for _ in range(ROUNDS):
            measure(behind, direct)
            for turn in turns:
                turn()
            turns.reverse()
    yield from _table(direct, mine, theirs, missing=missing)


def mine_alone() -> Iterator[Row]:
    """Measures the gateway alone, for work on it."""
    direct, mine = Figures(), Figures()
    with upstream() as behind:
        measure(behind, direct, scale=0.3)
        with ours(behind.port) as server:
            measure(server, mine, scale=0.5)
    yield from _table(direct, mine, Figures(), missing="not run")


def _table(direct: Figures, mine: Figures, theirs: Figures, *, missing: str) -> Iterator[Row]:
    middle = statistics.median
    base = middle(direct.latency)
    added = (middle(mine.latency) - base) * 1000
    peer_added = None if missing else (middle(theirs.latency) - base) * 1000
    yield Row(name="direct upstream, median latency", value=base * 1000, unit="ms")
    yield Row(
        name="gateway, median latency added, 1 connection",
        value=added,
        unit="ms",
        bar="< 1 ms and <= 0.1 x LiteLLM",
        peer=missing or f"LiteLLM {peer_added:.3g} ms",
        ratio=None if peer_added is None else added / peer_added,
        ok=added < 1 and (peer_added is None or added <= 0.1 * peer_added),
    )
    for name, least, of in (
        ("gateway, throughput, 16 connections", 1500.0, "at_16"),
        ("gateway, throughput, 64 connections", 1500.0, "at_64"),
        (f"gateway, streams of {CHUNKS} chunks, 8 connections", 0.0, "streams"),
    ):
        value = middle(getattr(mine, of))
        peer = None if missing else middle(getattr(theirs, of))
        yield Row(
            name=name,
            value=value,
            unit="/s",
            bar=f"> {least:,.0f} and >= 15 x LiteLLM" if least else "",
            peer=missing or f"LiteLLM {peer:.3g} /s",
            ratio=None if peer is None else value / peer,
            ok=value > least and (peer is None or value >= 15 * peer) if least else None,
        )
    for name, of in (("a request", "processor"), (f"a stream of {CHUNKS} chunks", "stream_processor")):
        value = middle(getattr(mine, of)) * 1000
        peer = None if missing else middle(getattr(theirs, of)) * 1000
        yield Row(
            name=f"gateway, processor time {name}",
            value=value,
            unit="ms",
            peer=missing or f"LiteLLM {peer:.3g} ms",
            ratio=None if peer is None else value / peer,
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["upstream"]:
        uvloop.run(serve_upstream())
    elif sys.argv[1:] == ["mine"]:
        show(mine_alone())
    else:
        show(rows())
