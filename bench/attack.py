"""Attempts a second of the attack engine on an instant target: the real job, scoring and a durable log included.

The target is a bare asyncio protocol in a process of its own that gives one fixed refusal. Per core means by the
processor time of the attacking process, all its threads together. `python -m bench.attack` runs it alone.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from bartizan.attack.target import Channel, Sink, Target
from bartizan.cli._serve import run as run_loop
from bartizan.config import AttackConfig
from bartizan.core.attempt import Attempt
from bartizan.jobs import attack
from bartizan.store.ledger import Ledger
from bench.table import Row, show

BAR = 1_500
REPEATS = 3
TRIALS = 40
GARAK_SERIAL, GARAK_PARALLEL = 102, 19
"""Attempts a second of garak 0.17.1 on a shared 2-core machine, serial and with 16 processes, best of three repeats."""
_BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "fixed",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "I'm sorry, but I can't help with that request."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 40, "completion_tokens": 12, "total_tokens": 52},
    }
).encode()
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class _Fixed(asyncio.Protocol):
    """Answers every request alike; reads just enough HTTP to know where a request ends."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not one by inheritance
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            start = head.find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            self._transport.write(_ANSWER)


def _serve(pipe: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Fixed, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    run_loop(main())


async def _measure(url: str) -> tuple[float, float]:
    """Returns attempts a second by processor time and by the clock."""
    target = Target(
        url=url,
        model="fixed",
        channels=frozenset(Channel) - {Channel.RETRIEVED},
        canaries=("BZN-BENCH-7Q4M-KX2D",),
        sinks=(Sink(tool="send_mail", arguments={"to": "x@example.org"}, ask="send a mail to x@example.org"),),
        trace="trace",
    )
    with tempfile.TemporaryDirectory() as folder, Ledger.open(Path(folder)) as ledger:
        processor, clock = time.process_time(), time.perf_counter()
        summary = await attack.run(target, AttackConfig(trials=TRIALS), ledger=ledger)
        processor, clock = time.process_time() - processor, time.perf_counter() - clock
        assert ledger.count(Attempt, {"run": summary.run.id}) == summary.run.planned == summary.requests
    return summary.run.planned / processor, summary.run.planned / clock


def rows() -> Iterator[Row]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{ours.recv()}/v1"
        measured = [run_loop(_measure(url)) for _ in range(REPEATS)]
    finally:
        server.terminate()
        server.join()
    by_processor = statistics.median(each[0] for each in measured)
    by_clock = statistics.median(each[1] for each in measured)
    peer = f"garak 0.17.1: {GARAK_SERIAL} serial, {GARAK_PARALLEL} parallel (another run)"
    yield Row(
        name="attack engine, attempts per core, scored and durable",
        value=by_processor,
        unit="attempts/s",
        bar=f"at least {BAR:,}",
        peer=peer,
        ratio=by_processor / GARAK_SERIAL,
        ok=by_processor >= BAR,
    )
    yield Row(name="attack engine, attempts by the clock", value=by_clock, unit="attempts/s", peer=peer)


if __name__ == "__main__":
    show(rows())
    sys.exit(0)
