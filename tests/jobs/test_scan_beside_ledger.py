"""Scanning the folder in which the ledger stands must not cost the ledger its locks.

SQLite's locks are POSIX locks: closing any descriptor of a file drops all locks that the process holds on it
(sqlite.org/howtocorrupt.html, section 2.2). A second process then believes to be alone and takes the log away.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bartizan.config import DiscoverConfig, ScanConfig
from bartizan.core.event import Event
from bartizan.jobs import discover, scan
from bartizan.store.ledger import Ledger
from bartizan.store.verify import verify

ANOTHER = """
import sys
from pathlib import Path
from bartizan.core.event import Event
from bartizan.store.ledger import Ledger
with Ledger.open(Path(sys.argv[1])) as ledger:
    for number in range(300):
        ledger.append(Event(id=f"other-{number}", activity="test", outcome="ok"))
"""


def append(ledger: Ledger, name: str) -> None:
    for number in range(300):
        ledger.append(Event(id=f"{name}-{number}", activity="test", outcome="ok")).wait()


@pytest.mark.parametrize("called", ["ledger.db", "a hard link"])
def test_another_process_may_come_and_go_after_a_scan(tmp_path: Path, called: str) -> None:
    state = tmp_path / "state"
    with Ledger.open(state) as ledger:
        append(ledger, "before")
        if called != "ledger.db":
            os.link(state / "ledger.db", tmp_path / "model.pkl")
        found = scan.run(tmp_path, ScanConfig(), ledger=ledger)
        discover.run(tmp_path, DiscoverConfig(), ledger=ledger)
        assert {skip.subject for skip in found.skips} >= {"state/ledger.db", "state/ledger.db-wal"}

        subprocess.run([sys.executable, "-c", ANOTHER, str(state)], check=True, timeout=60)
        append(ledger, "after")
        assert ledger.count(Event, {"activity": "test"}) == 900
    result = verify(state)
    assert result.integrity.ok
    assert result.completeness.ok
