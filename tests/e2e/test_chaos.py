"""Processes killed in mid-work and disks that fill up: what a client was told is in the ledger, and work goes on."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

import pytest

from bartizan.cli import main
from bartizan.core.attempt import Attempt, Run, RunState
from bartizan.core.verdict import Verdict
from bartizan.jobs import assess
from bartizan.store.database import DATABASE_FILE
from bartizan.store.ledger import Ledger
from bartizan.store.verify import verify
from tests.e2e.commands import (
    ALLOWED,
    ANSWERED,
    HELD,
    RunningCommand,
    command,
    events,
    gateway,
    model_service,
    printed,
    until,
)

pytestmark = pytest.mark.timeout(120)

CLIENTS = 3
NO_LIMIT = resource.RLIM_INFINITY


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with model_service() as url:
        yield url


def load(running: RunningCommand, name: str, *, kill_after: int) -> dict[str, int]:
    """Sends requests from several clients, kills the gateway after so many answers, and returns all answers."""
    answered: dict[str, int] = {}

    def client(number: int) -> None:
        for count in range(10_000):
            request = f"{name}.{number}.{count}"
            try:
                answered[request] = running.ask(request, HELD if count % 3 == 0 else ALLOWED)
            except (OSError, HTTPException):
                return

    clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for one in clients:
        one.start()
    until(lambda: len(answered) >= kill_after)
    running.process.kill()
    running.process.wait()
    for one in clients:
        one.join(60)
    return answered


@pytest.mark.parametrize("audit", ["strict", "grouped"])
def test_a_gateway_killed_under_load(tmp_path: Path, upstream: str, audit: str) -> None:
    chance, answered, key = random.Random(7), dict[str, int](), ""
    for number in range(3):
        with gateway(tmp_path, upstream, key=key, GATEWAY__AUDIT=audit) as running:
            key = running.key
            answered |= load(running, f"r{number}", kill_after=chance.randrange(20, 120))
    assert set(answered.values()) == ANSWERED
    state = tmp_path / "state"
    assert main(["ledger", "verify", "--state", str(state)]) == 0
    known = events(state)
    assert set(known) - {""}, "the ledger holds the events of requests"
    if audit == "strict":
        assert {request: known[request].status for request in answered} == answered
        with Ledger.open(state, create=False) as ledger:
            judged = {entry.record.request for entry in ledger.find(Verdict, limit=100_000)}
        assert {request for request, status in answered.items() if status == 403} <= judged
    with gateway(tmp_path, upstream, key=key, GATEWAY__AUDIT=audit) as running:
        assert running.ask("afterwards") == 200


@pytest.mark.parametrize("audit", ["strict", "grouped"])
def test_a_full_disk_stops_the_traffic_and_nothing_else(tmp_path: Path, upstream: str, audit: str) -> None:
    answers: dict[str, int] = {}

    def ask(running: RunningCommand) -> int:
        request = f"q{len(answers)}"
        answers[request] = running.ask(request, HELD if len(answers) % 3 == 0 else ALLOWED)
        return answers[request]

    with gateway(tmp_path, upstream, GATEWAY__AUDIT=audit) as running:
        assert ask(running) == 403
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (500_000, NO_LIMIT))
        until(lambda: ask(running) == 503)
        # It stays shut: a try of the ledger in between does not open it while older records still wait.
        assert {ask(running) for _ in range(40)} == {503}
        assert running.get("/healthz") == 200
        assert running.get("/readyz") == 503
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))
        until(lambda: running.get("/readyz") == 200)
        assert ask(running) in ANSWERED
        said = running.log.read_text(encoding="utf-8")
        assert "the ledger cannot write" in said
        assert "the ledger writes again" in said
    assert verify(tmp_path / "state").ok
    known = events(tmp_path / "state")
    told = {request: status for request, status in answers.items() if status in ANSWERED}
    assert {request: known[request].status for request in told} == told


def test_a_ledger_deleted_under_a_running_gateway_stops_the_traffic(tmp_path: Path, upstream: str) -> None:
    with gateway(tmp_path, upstream, GATEWAY__AUDIT="strict") as running:
        assert running.ask("before") == 200
        for file in (tmp_path / "state").glob(f"{DATABASE_FILE}*"):
            file.unlink()
        assert running.ask("nowhere") == 503
        assert running.get("/readyz") == 503
        assert running.get("/healthz") == 200


def test_two_gateways_share_one_state_folder(tmp_path: Path, upstream: str) -> None:
    with (
        gateway(tmp_path, upstream) as first,
        gateway(tmp_path, upstream, key=first.key) as second,
    ):
        for number in range(10):
            assert first.ask(f"first.{number}") == 200
            assert second.ask(f"second.{number}", HELD) == 403
    assert verify(tmp_path / "state").ok
    assert {f"{name}.{number}" for name in ("first", "second") for number in range(10)} <= set(
        events(tmp_path / "state")
    )


def attempts(state: Path) -> int:
    if not (state / DATABASE_FILE).is_file():
        return 0
    with closing(sqlite3.connect(f"file:{state / DATABASE_FILE}?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM attempt").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # it is being made


def test_an_attack_killed_on_the_command_line_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    words = ["attack", "lab", "--model", "lab-chat", "--state", str(state)]
    with command(tmp_path, *words, "--trials", "20") as (process, _):
        until(lambda: attempts(state) > 20)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with Ledger.open(state, create=False) as ledger:
        (killed,) = [entry.record for entry in ledger.find(Run)]
        assert killed.state is RunState.RUNNING
        before = {entry.record.id: entry.hash for entry in ledger.find(Attempt, limit=100_000)}
    assert len(before) < killed.planned, "it was killed before its end"
    assert main([*words, "--resume", "last"]) == 1
    assert killed.id in capsys.readouterr().out
    with Ledger.open(state, create=False) as ledger:
        after = {entry.record.id: entry.hash for entry in ledger.find(Attempt, limit=100_000)}
        (ended,) = [entry.record for entry in ledger.find(Run)]
    assert ended.state is RunState.DONE
    assert len(after) == killed.planned
    assert before.items() <= after.items(), "no attempt was made twice"
    assert verify(state).ok


def test_a_first_start_killed_in_its_self_assessment_is_made_good_by_the_next(tmp_path: Path) -> None:
    environment = {f"BARTIZAN_{name}__PORT": "0" for name in ("GATEWAY", "LAB", "CONSOLE")}
    environment["BARTIZAN_ATTACK__TRIALS"] = "1"
    state = tmp_path / ".bartizan"
    with command(tmp_path, "up", environment=environment) as (process, log):
        until(lambda: attempts(state) > 20 or process.poll() is not None)
        assert "ready." not in log.read_text(encoding="utf-8")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with Ledger.open(state, create=False) as ledger:
        assert not assess.happened(ledger)
        kept = ledger.count(Attempt)
    with command(tmp_path, "up", environment=environment) as (process, log):
        text = printed(process, log, "ready.")
        assert "Traceback" not in text
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    with Ledger.open(state, create=False) as ledger:
        assert assess.happened(ledger)
        assert ledger.count(Attempt) > kept
        assert {entry.record.guarded for entry in ledger.find(Run)} == {True, False}
    assert verify(state).ok
