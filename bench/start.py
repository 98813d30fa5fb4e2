"""What it costs to have Bartizan: time to `--help`, and the size of a core install."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row, show

ROOT = Path(__file__).parents[1]
HELP_RUNS = 15
HELP_BAR_MS, INSTALL_BAR_MB, INSTALL_BAR_SECONDS, DEPENDENCIES_BAR = 150, 120, 60, 20
HEAVY = {"numpy", "torch"}


def rows() -> Iterator[Row]:
    """Yields the figures of a start and of an install."""
    yield from _help()
    yield from _install()


def _help() -> Iterator[Row]:
    command = [str(Path(sys.executable).with_name("bartizan")), "--help"]
    taken = []
    for _ in range(HELP_RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append((time.perf_counter() - started) * 1000)
    median = statistics.median(taken[1:])
    yield Row(name="`bartizan --help`, median", value=median, unit="ms", bar="< 150 ms", ok=median < HELP_BAR_MS)
    script = "import sys, json, io; out = sys.stdout; sys.stdout = io.StringIO()\n"
    script += "from bartizan.cli import main; main(['--help']); out.write(json.dumps(list(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout)
    heavy = HEAVY & set(loaded)
    yield Row(name="heavy modules that it imports (numpy, torch)", value=len(heavy), unit="", bar="0", ok=not heavy)


def _install() -> Iterator[Row]:
    folder = ROOT / ".bench" / "core"
    venv.create(folder, clear=True, with_pip=True)
    before = _megabytes(folder)
    constraints = ["-c", str(ROOT / "constraints.txt")]
    started = time.perf_counter()
    command = [
        str(folder / "bin" / "pip"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *constraints,
        str(ROOT),
    ]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    size = _megabytes(folder) - before
    yield Row(name="core install", value=size, unit="MB", bar="< 120 MB", ok=size < INSTALL_BAR_MB)
    yield Row(name="core install, time", value=seconds, unit="s", bar="< 60 s", ok=seconds < INSTALL_BAR_SECONDS)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    count = len(project["dependencies"])
    yield Row(name="direct dependencies", value=count, unit="", bar="at most 20", ok=count <= DEPENDENCIES_BAR)


def _megabytes(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


if __name__ == "__main__":
    show(rows())
