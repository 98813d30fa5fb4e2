"""Heavy dependencies are provably absent from what must start fast and stay small."""

import json
import subprocess
import sys

import pytest

HEAVY = {"numpy", "torch", "tensorflow", "jax", "onnxruntime", "transformers", "pandas", "ray", "psycopg", "pypdf"}
ANALYSIS = {f"bartizan.{room}" for room in ("attack", "scan", "discover", "jobs", "console", "lab")}


def loaded_by(code: str) -> set[str]:
    script = f"import sys, json\n{code}\nsys.stderr.write('\\n' + json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(result.stderr.splitlines()[-1]))


def test_help_loads_nothing_heavy() -> None:
    modules = loaded_by("from bartizan.cli import main; main(['--help'])")
    assert not modules & (HEAVY | {"aiohttp", "rich", "cryptography", "sqlite3", "asyncio", "msgspec"})


@pytest.mark.parametrize("room", ["gateway.app", "cli.gateway"])
def test_the_gateway_loads_no_analysis(room: str) -> None:
    modules = loaded_by(f"import bartizan.{room}")
    assert not modules & (HEAVY | ANALYSIS | {"rich", "jinja2", "starlette"})


def test_the_library_loads_nothing_heavy() -> None:
    modules = loaded_by("import bartizan.jobs.attack, bartizan.jobs.scan, bartizan.jobs.discover, bartizan.console.app")
    assert not modules & HEAVY
