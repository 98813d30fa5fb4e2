"""What a benchmark yields, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured figure beside its bar and, where one is named, its peer in the same run."""

    name: str
    value: float
    unit: str
    bar: str = ""
    peer: str = ""
    ratio: float | None = None
    ok: bool | None = None


def render(rows: Iterable[Row]) -> Iterator[str]:
    """Yields the lines of a Markdown table."""
    yield "| figure | measured | bar | peer in the same run | ratio | reached |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        reached = {True: "yes", False: "NO", None: ""}[row.ok]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        yield f"| {row.name} | {row.value:,.3g} {row.unit} | {row.bar} | {row.peer} | {ratio} | {reached} |"


def show(rows: Iterable[Row]) -> None:
    """Prints the table; what `python -m bench.NAME` does."""
    for line in render(list(rows)):
        print(line)
