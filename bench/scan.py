"""How fast pickles are read, against the scanners that people use, on the same files in the same run.

The peers (picklescan, modelscan, fickling) live in `.bench/pickle`, made here where it is missing and the packages
can be had; without them the rows stand alone. Measured is processor time of reading, without imports and the start of
an interpreter, for us and for them.
"""

from __future__ import annotations

import os
import pickle  # only to write pickles; nothing is ever loaded
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

from bartizan.config import ScanConfig
from bartizan.files import Candidate
from bartizan.scan.engine import scan
from bartizan.scan.opened import opened
from bartizan.scan.pickles import Pickles
from bench.table import Row, show

PEERS = Path(__file__).parent.parent / ".bench" / "pickle"
BAR = 20.0
"""MB/s: a download gate may cost 0.05 s for each MB."""
DENSE_RECORDS = 100_000
TENSORS = 16
TENSOR_BYTES = 16_000_000
PEER_SECONDS = 60

PICKLESCAN = """
import sys, time, logging
logging.disable(logging.CRITICAL)
from picklescan.scanner import scan_file_path
start = time.process_time(); scan_file_path(sys.argv[1]); print(time.process_time() - start)
"""
MODELSCAN = """
import sys, time, logging
logging.disable(logging.CRITICAL)
from modelscan.modelscan import ModelScan
start = time.process_time(); ModelScan().scan(sys.argv[1]); print(time.process_time() - start)
"""
FICKLING = """
import sys, time
from fickling.fickle import Pickled
from fickling.analysis import check_safety
sys.setrecursionlimit(100_000)
start = time.process_time()
with open(sys.argv[1], "rb") as file: check_safety(Pickled.load(file))
print(time.process_time() - start)
"""

PEER_CODE = MappingProxyType({"picklescan": PICKLESCAN, "modelscan": MODELSCAN, "fickling": FICKLING})


def rows() -> Iterator[Row]:
    python = _peers()
    with tempfile.TemporaryDirectory(dir=_roomy()) as folder:
        files = {
            "small records": _dense(Path(folder)),
            "long lists of text": _texts(Path(folder)),
            "long lists of numbers": _numbers(Path(folder)),
        }
        for title, path in files.items():
            yield from _compare(f"pickle scan, {title}", path, python, ours=_read)
        # All step over the bytes of tensors; ours hashes them too, so here the whole scan is compared.
        tensors = _tensors(Path(folder))
        yield from _compare("whole scan with SHA-256, tensors", tensors, python, ours=_scan)
        seconds = _best(lambda: _scan(tensors))
        rate = tensors.stat().st_size / 1e6 / seconds
        yield Row(name="whole scan, tensors", value=rate, unit="MB/s", bar=f">= {BAR:.0f} MB/s", ok=rate >= BAR)


def _compare(name: str, path: Path, python: Path | None, *, ours: Callable[[Path], object]) -> Iterator[Row]:
    megabytes = path.stat().st_size / 1e6
    rate = megabytes / _best(lambda: ours(path))
    title = f"{name}, {megabytes:.0f} MB"
    for peer, code in PEER_CODE.items() if python else ():
        seconds = _peer_seconds(python, code, path)
        said = "failed or took too long" if seconds is None else f"{megabytes / seconds:,.1f} MB/s"
        ratio = None if seconds is None else rate / (megabytes / seconds)
        ok = None if ratio is None else ratio >= 1
        yield Row(name=title, value=rate, unit="MB/s", bar="the peer's", peer=f"{peer} {said}", ratio=ratio, ok=ok)
    if python is None:
        yield Row(name=title, value=rate, unit="MB/s")


def _read(path: Path) -> None:
    """Opens and follows a file as the engine does, without its hash: the peers make none."""
    with opened(Candidate(path=path, name=path.name), ScanConfig()) as data:
        pickles = Pickles(data=data)
        pickles.read()
        assert pickles.complete
        assert not pickles.unread


def _scan(path: Path) -> list[object]:
    return list(scan(path, ScanConfig()))


def _best(work: Callable[[], object], repeats: int = 3) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def _dense(folder: Path) -> Path:
    """Records of integers, floats and strings: almost every byte belongs to an opcode that must be followed."""
    path = folder / "dense.pkl"
    records = [
        [number, number / 7, f"name of record {number}", number % 2 == 0, number * 1_000]
        for number in range(DENSE_RECORDS)
    ]
    path.write_bytes(pickle.dumps(records, protocol=4))
    return path


def _texts(folder: Path) -> Path:
    path = folder / "texts.pkl"
    path.write_bytes(pickle.dumps([f"token number {number}" for number in range(400_000)], protocol=4))
    return path


def _numbers(folder: Path) -> Path:
    path = folder / "numbers.pkl"
    path.write_bytes(pickle.dumps([number / 3 if number % 2 else number for number in range(1_000_000)], protocol=4))
    return path


def _tensors(folder: Path) -> Path:
    """Raw weights in byte strings, as a state dictionary holds them."""
    path = folder / "tensors.pkl"
    with path.open("wb") as file:
        state = {f"layer.{number}.weight": os.urandom(TENSOR_BYTES) for number in range(TENSORS)}
        pickle.dump(state, file, protocol=4)
    return path


def _roomy() -> str | None:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and os.access(shared, os.W_OK) else None


def _peers() -> Path | None:
    """Returns the peers' interpreter, making their environment where it is missing; None where they cannot be had."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        venv.create(PEERS, with_pip=True)
        # fickling 0.1.12 does not name typing-extensions among its dependencies and cannot be imported without.
        packages = ["picklescan", "modelscan", "fickling", "typing-extensions"]
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *packages], check=False, capture_output=True, timeout=600
        )
        if done.returncode:
            print("bench: the peers cannot be installed; their columns stay empty", file=sys.stderr)
            return None
    return python


def _peer_seconds(python: Path | None, code: str, path: Path) -> float | None:
    times: list[float] = []
    for _ in range(2 if python else 0):
        try:
            done = subprocess.run(
                [str(python), "-c", code, str(path)], check=False, capture_output=True, text=True, timeout=PEER_SECONDS
            )
        except subprocess.TimeoutExpired:
            break
        words = done.stdout.split()
        if done.returncode or not words:
            break
        times.append(float(words[-1]))
    return min(times, default=None)


if __name__ == "__main__":
    show(rows())
