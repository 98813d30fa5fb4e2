"""Runs every benchmark of this folder, or those named, and prints one table.

usage: python -m bench [NAME ...]
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator

import bench
from bench.table import Row, render


def names() -> list[str]:
    """Returns the benchmarks of this folder: the modules that offer `rows()`."""
    return sorted(info.name for info in pkgutil.iter_modules(bench.__path__) if info.name not in {"__main__", "table"})


def measure(chosen: list[str]) -> Iterator[Row]:
    for name in chosen:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        yield from importlib.import_module(f"bench.{name}").rows()


def main(argv: list[str]) -> int:
    unknown = set(argv) - set(names())
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    for line in render(list(measure(argv or names()))):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
