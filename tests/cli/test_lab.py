"""`bartizan lab` as it is typed."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path


def test_it_says_where_it_listens_and_stops_cleanly(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bartizan", "lab", "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stdout
        lines = [next(process.stdout) for _ in range(9)]
        base = lines[-1].removeprefix("listening on ").strip()
        assert any(line.startswith("lab-chat") for line in lines)
        with urllib.request.urlopen(f"{base}/models", timeout=10) as response:
            assert b"lab-agent-strict" in response.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
