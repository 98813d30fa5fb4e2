"""What every command shows alike: text of strangers, and progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from bartizan.jobs.progress import Progress, Step, silent


def printable(text: str) -> str:
    """Returns text that cannot steer a terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


@contextmanager
def showing(title: str, line: Callable[[Step], str]) -> Iterator[Progress]:
    """Shows the newest step of a job as a line on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(line(step))
