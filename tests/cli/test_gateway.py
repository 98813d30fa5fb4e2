from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bartizan.cli import main

UPSTREAM = "http://127.0.0.1:9/v1"
KEY = re.compile(r"bz_[0-9a-f]{12}_[0-9a-f]{64}")


def start(state: Path, *more: str) -> tuple[str, int]:
    """Starts the real command, asks it whether it is ready, stops it, and returns what it printed and its exit code."""
    command = [sys.executable, "-m", "bartizan", "gateway", "--port", "0", "--state", str(state), *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=state.parent
    ) as run:
        assert run.stdout is not None
        printed = ""
        for line in run.stdout:
            printed += line
            listening = re.search(r"listening on (http://[^/]+)/v1", line)
            if listening:
                with urllib.request.urlopen(f"{listening[1]}/readyz", timeout=30) as answer:
                    assert answer.status == 200
                run.send_signal(signal.SIGTERM)
        return printed, run.wait(30)


def test_the_first_start_prints_a_key_once(tmp_path: Path) -> None:
    state = tmp_path / "state"
    printed, code = start(state, "--upstream", UPSTREAM)
    assert code == 0, printed
    assert len(set(KEY.findall(printed))) == 1
    again, code = start(state, "--upstream", UPSTREAM)
    assert code == 0, again
    assert not KEY.findall(again)


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = ["gateway", "--upstream", UPSTREAM, "--port", str(port), "--state", str(tmp_path / "state")]
        assert main(command) == 2
    err = capsys.readouterr().err
    assert f"port {port} is in use" in err
    assert "--port" in err


def test_without_an_upstream_it_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gateway", "--state", str(tmp_path / "state")]) == 2
    err = capsys.readouterr().err
    assert "no upstream" in err
    assert "--upstream URL" in err


def test_a_key_in_clear_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["gateway", "--upstream", UPSTREAM, "--upstream-key", "sk-in-clear", "--state", str(tmp_path / "state")]
    assert main(command) == 2
    err = capsys.readouterr().err
    assert "env:NAME or file:PATH" in err
    assert "sk-in-clear" not in err
