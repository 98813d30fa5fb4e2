from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bartizan.config import StoreConfig
from bartizan.core.asset import Asset, AssetKind
from bartizan.core.attempt import Attempt, Outcome
from bartizan.core.credential import Credential, Scope, issue
from bartizan.core.event import Event
from bartizan.core.finding import Finding, FindingState
from bartizan.core.record import LedgerRecord, kinds
from bartizan.core.severity import Severity
from bartizan.errors import InputError, StoreError
from bartizan.store import database, view
from bartizan.store.ledger import Ledger, rebuild
from bartizan.store.verify import verify


def event(identity: str, outcome: str = "ok", **more: Any) -> Event:
    return Event(id=identity, activity="gateway.chat", outcome=outcome, **more)


def attempt(identity: str, **more: Any) -> Attempt:
    fields: dict[str, Any] = {
        "run": "run-1",
        "probe": "injection.plain",
        "objective": "secret",
        "channel": "messages",
        "mutator": "none",
        "trial": 0,
        "outcome": Outcome.RESISTED,
        "judge": "canary",
        "request": f"req-{identity}",
    }
    return Attempt(id=identity, **{**fields, **more})


def finding(identity: str, **more: Any) -> Finding:
    fields: dict[str, Any] = {"rule": "rule-1", "asset": "asset-1", "title": "T", "severity": Severity.HIGH}
    return Finding(id=identity, **{**fields, **more})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "state") as opened:
        yield opened


def test_what_was_appended_is_there_after_reopening(tmp_path: Path) -> None:
    records: list[LedgerRecord] = [event("e1"), attempt("a1"), finding("f1")]
    with Ledger.open(tmp_path) as ledger:
        ledger.append(*records).wait(10)
    with Ledger.open(tmp_path) as ledger:
        assert [entry.record for entry in ledger.entries()] == records
        assert [entry.sequence for entry in ledger.entries(after=1)] == [2, 3]
        assert [entry.sequence for entry in ledger.entries(limit=1)] == [1]
        assert ledger.get(Attempt, "a1") == records[1]
        assert ledger.get(Event, "a1") is None


def test_a_record_with_the_same_id_is_a_new_version(ledger: Ledger) -> None:
    ledger.append(finding("f1"), finding("f2"), finding("f1", state=FindingState.FIXED)).wait(10)
    found = ledger.get(Finding, "f1")
    assert found is not None
    assert found.state is FindingState.FIXED
    assert [entry.record.id for entry in ledger.find(Finding)] == ["f1", "f2"]
    assert ledger.count(Finding, {"state": "open"}) == 1
    assert len(ledger.entries()) == 3


def test_find_filters_limits_and_pages_newest_first(ledger: Ledger) -> None:
    outcomes = [Outcome.SUCCESS, Outcome.BLOCKED]
    ledger.append(*(attempt(f"a{n}", run=f"run-{n % 3}", outcome=outcomes[n % 2], trial=n) for n in range(30))).wait(10)
    page = ledger.find(Attempt, {"run": "run-0", "outcome": Outcome.SUCCESS}, limit=3)
    assert [entry.record.trial for entry in page] == [24, 18, 12]
    rest = ledger.find(Attempt, {"run": "run-0", "outcome": "success"}, limit=3, before=page[-1].sequence)
    assert [entry.record.trial for entry in rest] == [6, 0]
    assert ledger.find(Attempt, limit=0) == []
    assert [entry.record.id for entry in ledger.find(Attempt, {"request": "req-a7"})] == ["a7"]


def test_fields_without_an_index_can_be_asked_for_too(ledger: Ledger) -> None:
    ledger.append(attempt("a1", trial=1, judge="tool"), attempt("a2", trial=2), attempt("a3", trial=2)).wait(10)
    assert [entry.record.id for entry in ledger.find(Attempt, {"trial": 2})] == ["a3", "a2"]
    assert ledger.count(Attempt, {"trial": 2, "run": "run-1"}) == 2
    assert ledger.tally(Attempt, "judge") == {"tool": 1, "canary": 2}
    assert ledger.tally(Attempt, "trial", {"judge": "canary"}) == {"2": 2}


def test_tally_counts_current_versions_by_one_field(ledger: Ledger) -> None:
    ledger.append(finding("f1"), finding("f2", severity=Severity.LOW), finding("f1", severity=Severity.LOW)).wait(10)
    assert ledger.tally(Finding, "severity") == {"low": 2}
    assert ledger.tally(Finding, "run") == {"": 2}
    assert ledger.tally(Finding, "severity", {"rule": "rule-2"}) == {}


@pytest.mark.parametrize("field", ["outcom", "id; DROP TABLE entries", "id'"])
def test_an_unknown_field_is_a_clear_error(ledger: Ledger, field: str) -> None:
    with pytest.raises(InputError, match="has no field"):
        ledger.find(Attempt, {field: "x"})
    with pytest.raises(InputError, match="has no field"):
        ledger.tally(Attempt, field)


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_the_filters_that_rooms_use_need_no_full_scan(ledger: Ledger, kind: str) -> None:
    for index in view.INDEXES.get(kind, ()):
        sql, values = view.counting(kinds()[kind], {index[0]: "x"})
        with closing(sqlite3.connect(ledger.folder / database.DATABASE_FILE)) as connection:
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))
        assert "SEARCH" in plan
        assert "SCAN" not in plan


def test_every_kind_of_record_can_be_kept_and_found(ledger: Ledger) -> None:
    key, _ = issue("ci", Scope.INFER)
    asset = Asset(id="m", kind=AssetKind.MODEL, name="m", locator="m.pkl", source="scan")
    ledger.append(key, asset).wait(10)
    assert ledger.get(Credential, key.id) == key
    assert ledger.count(Asset, {"kind": "model"}) == 1


def test_text_that_is_not_unicode_is_kept_with_replacement_characters(ledger: Ledger) -> None:
    ledger.append(attempt("a1", prompt="before \ud800 after")).wait(10)
    found = ledger.get(Attempt, "a1")
    assert found is not None
    assert found.prompt.startswith("before �")
    assert found.prompt.endswith(" after")


def test_what_json_cannot_hold_is_refused_and_the_ledger_goes_on(ledger: Ledger) -> None:
    for impossible in (float("nan"), float("inf"), object()):
        with pytest.raises(InputError, match="cannot be written"):
            ledger.append(event("e1"), event("e1", attributes={"value": impossible}))
    with pytest.raises(InputError, match="cannot be written"):
        ledger.append(attempt("a1", outcome="no such outcome"))
    with pytest.raises(InputError, match="no kind of record"):
        ledger.append(LedgerRecord(id="bare"))
    ledger.append(event("e2")).wait(10)
    assert ledger.count(Event) == 1


async def test_tickets_can_be_awaited_by_many(ledger: Ledger) -> None:
    async def append(number: int) -> None:
        await ledger.append(event(f"e{number}"))

    async with asyncio.TaskGroup() as tasks:
        for number in range(500):
            tasks.create_task(append(number))
    assert await asyncio.to_thread(ledger.count, Event) == 500
    ticket = ledger.append(event("last"))
    await asyncio.to_thread(ticket.wait, 10)
    await ticket
    assert ticket.done


async def test_a_cancelled_waiter_harms_nobody(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.folder / database.DATABASE_FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ticket = ledger.append(event("e1"))

        async def wait() -> None:
            await ticket

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(), 0.05)
        other.execute("ROLLBACK")
    await ticket
    assert ledger.count(Event) == 1


def test_records_of_one_append_are_written_together_and_in_order(ledger: Ledger) -> None:
    def write(name: str) -> None:
        for number in range(100):
            ledger.append(*(event(f"{name}-{number}-{part}") for part in range(3)))

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.append(event("end")).wait(10)
    names = [entry.record.id for entry in ledger.entries(limit=2000)]
    assert len(names) == 1201
    for start in range(0, 1200, 3):
        assert [name.rpartition("-")[2] for name in names[start : start + 3]] == ["0", "1", "2"]


def test_a_full_queue_makes_appending_wait_and_loses_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, StoreConfig(queue=10)) as ledger:
        for number in range(500):
            ledger.append(event(f"e{number}"))
        ledger.append(*(event(f"more{number}") for number in range(50))).wait(10)
        assert ledger.count(Event) == 550


def test_appending_after_close_is_an_error_and_close_may_be_repeated(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.append(event("e1"))
    ledger.close()
    ledger.close()
    with pytest.raises(StoreError, match="closed"):
        ledger.append(event("e2"))
    with pytest.raises(StoreError, match="closed"):
        ledger.count(Event)
    with Ledger.open(tmp_path, create=False) as again:
        assert again.count(Event) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_the_writer_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.append(event("e1")).wait(10)
        monkeypatch.setattr(ledger._writer, "_insert", None)
        with pytest.raises(StoreError, match="has stopped"):
            ledger.append(event("e2")).wait(10)
        assert not ledger.healthy()
        assert ledger.count(Event) == 1
        ledger._writer._thread.join(10)
        with pytest.raises(StoreError, match="closed"):
            ledger.append(event("e3"))
    assert verify(tmp_path).ok


def test_opening_to_read_writes_nothing(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.append(event("e1")).wait(10)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with Ledger.open(tmp_path) as ledger:
        assert ledger.count(Event) == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_two_ledgers_append_to_one_chain(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as one, Ledger.open(tmp_path) as other:
        for number in range(20):
            one.append(event(f"one-{number}")).wait(10)
            other.append(event(f"other-{number}"), finding("shared", title=str(number))).wait(10)
        assert one.count(Event) == other.count(Event) == 40
        assert one.checkpoint().size == 60
    assert verify(tmp_path).ok


_APPEND = """
import sys
from pathlib import Path
from bartizan.core.event import Event
from bartizan.store.ledger import Ledger

with Ledger.open(Path(sys.argv[1])) as ledger:
    number = 0
    while len(sys.argv) < 4 or number < int(sys.argv[3]):
        identity = f"{sys.argv[2]}-{number}"
        ticket = ledger.append(Event(id=identity, activity="test.append", outcome="ok"))
        if number % 7 == 0:
            ticket.wait()
            print(number, flush=True)
        number += 1
"""


def test_several_processes_share_one_folder(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _APPEND, str(tmp_path)]
    running = [subprocess.Popen([*words, f"p{n}", "200"], stdout=subprocess.DEVNULL) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with Ledger.open(tmp_path) as ledger:
        assert ledger.count(Event) == 600
    assert verify(tmp_path).ok


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(7)
    for round_number in range(5):
        words = [sys.executable, "-c", _APPEND, str(tmp_path), f"r{round_number}"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(1, 150)):
                process.stdout.readline()
            os.kill(process.pid, signal.SIGKILL)
            acknowledged = [int(line) for line in process.stdout.read().splitlines() if line.isdigit()]
        with Ledger.open(tmp_path) as ledger:
            last = max(acknowledged, default=-1)
            assert all(ledger.get(Event, f"r{round_number}-{number}") for number in range(last + 1))
        found = verify(tmp_path)
        assert found.ok, found


def test_rebuild_gives_the_same_state(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.append(finding("f1"), finding("f2"), finding("f1", state=FindingState.FIXED), attempt("a1")).wait(10)
        before = (ledger.find(Finding), ledger.tally(Finding, "state"), ledger.find(Attempt))
    with closing(sqlite3.connect(tmp_path / database.DATABASE_FILE)) as connection, connection:
        connection.execute("DELETE FROM finding")
    assert not verify(tmp_path).view.ok
    assert verify(tmp_path).integrity.ok
    rebuild(tmp_path)
    assert verify(tmp_path).ok
    with Ledger.open(tmp_path) as ledger:
        assert (ledger.find(Finding), ledger.tally(Finding, "state"), ledger.find(Attempt)) == before


def test_an_outdated_view_is_remade_when_the_ledger_is_opened(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        ledger.append(attempt("a1")).wait(10)
    with closing(sqlite3.connect(tmp_path / database.DATABASE_FILE)) as connection, connection:
        connection.execute("DROP INDEX attempt_by_request")
        connection.execute("DELETE FROM attempt")
    with Ledger.open(tmp_path) as ledger:
        assert ledger.count(Attempt, {"request": "req-a1"}) == 1
    assert verify(tmp_path).ok


def test_a_group_grows_while_nobody_waits_and_is_written_once_somebody_does(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, StoreConfig(linger_seconds=60)) as ledger:
        tickets = {id(ledger.append(event(f"e{number}"))) for number in range(50)}
        last = ledger.append(event("e50"))
        assert tickets == {id(last)}
        last.wait(timeout=20)
        assert ledger.count(Event) == 51


def test_what_nobody_waits_for_is_written_all_the_same(tmp_path: Path) -> None:
    with Ledger.open(tmp_path, StoreConfig(linger_seconds=0.01)) as ledger:
        ticket = ledger.append(event("e1"))
        for _ in range(1000):
            if ticket.done:
                break
            time.sleep(0.01)
        assert ticket.done
        assert ledger.count(Event) == 1
