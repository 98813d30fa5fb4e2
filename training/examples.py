"""From rows to what the two stages are trained on: windows of units with a label for each head, or none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from bartizan.detect.models.limits import MOST_UNITS, limits
from bartizan.detect.models.units import Unit, units
from bartizan.detect.models.windows import windows
from training.row import HARMS, Row, View

KINDS: Final = ("injection", "jailbreak", "extraction")
HEADS: Final = ("user", "content", "harm", *HARMS, *KINDS)
"""The outputs of the encoder, in their order."""
_MOST_WINDOWS: Final = 3
_LOOKED_FOR: Final = 2
"""Windows that are taken of a long attack whose place is not known."""
_ENOUGH: Final = 0.35
"""A few words of an attack attack nobody."""
_UNKNOWN: Final = math.nan
_AT: Final = {name: index for index, name in enumerate(HEADS)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A window.

    Attributes:
        units: What stands in it.
        task: What the encoder reads beside it, as units.
        labels: A number 0 to 1 for each of `HEADS`, NaN where nobody knows.
        marks: For each unit whether it belongs to the attack, None where nobody knows.
        weight: How much it counts.
        row: Where it comes from.
    """

    units: Sequence[Unit]
    task: Sequence[Unit]
    labels: tuple[float, ...]
    marks: tuple[bool, ...] | None
    weight: float
    row: Row


def beside(row: Row) -> list[Unit]:
    """Returns what the encoder reads beside a row: the user's task, or beside a user's turn the operator's limits."""
    return units(limits((row.task,)) if row.view is View.USER else row.task)[:MOST_UNITS]


Rank = Callable[[Sequence[Sequence[Unit]]], Sequence[float]]
"""Says of windows how much each looks like an attack."""


def examples(rows: Iterable[Row], random: Random, rank: Rank | None = None) -> Iterator[Example]:
    """Yields windows of each row: those with the attack in them, and some of the others as harmless ones.

    Args:
        rows: What to cut.
        random: Chooses where there is a choice.
        rank: Of a long attack whose place nobody marked, the windows that look most like one are taken; without it,
            the beginning and some others.
    """
    for row in rows:
        found = units(row.text)
        if not found:
            continue
        places = list(windows(len(found)))
        shares = {place: _overlap(row, found[slice(*place)]) for place in places} if row.spans else {}
        covered = [place for place, share in shares.items() if share > _ENOUGH]
        if covered:
            chosen = covered[:_MOST_WINDOWS]
        elif row.attack and rank is not None and len(places) > _LOOKED_FOR:
            odds = rank([found[slice(*place)] for place in places])
            order = sorted(range(len(places)), key=lambda at: -odds[at])
            chosen = [places[at] for at in order[:_LOOKED_FOR]]
        else:
            chosen = _some(places, random)
        for place in chosen:
            yield _example(row, found[slice(*place)], attacked=row.attack)
        rest = [place for place, share in shares.items() if not share]
        if covered and rest:
            yield _example(row, found[slice(*random.choice(rest))], attacked=False)


def _some(places: Sequence[tuple[int, int]], random: Random) -> list[tuple[int, int]]:
    if len(places) <= _MOST_WINDOWS:
        return list(places)
    return [places[0], *random.sample(places[1:], _MOST_WINDOWS - 1)]


def _overlap(row: Row, found: Sequence[Unit]) -> float:
    """Returns how much of the attack, or of the window if that is less, 0 to 1, the two have in common."""
    first, last = found[0].start, found[-1].end
    return max(max(0, min(end, last) - max(start, first)) / min(end - start, last - first) for start, end in row.spans)


def _example(row: Row, found: Sequence[Unit], *, attacked: bool | None) -> Example:
    labels = [_UNKNOWN] * len(HEADS)
    _attack_labels(row, labels, attacked)
    _harm_labels(row, labels)
    marks = None
    if attacked is False:
        marks = (False,) * len(found)
    elif row.spans:
        marks = tuple(any(start < unit.end and unit.start < end for start, end in row.spans) for unit in found)
    return Example(units=found, task=beside(row), labels=tuple(labels), marks=marks, weight=1.0, row=row)


def _attack_labels(row: Row, labels: list[float], attacked: bool | None) -> None:
    if attacked is None or row.view is View.OUTPUT:
        if row.view is View.OUTPUT and attacked is False:
            labels[_AT["user"]] = 0.0
        return
    plain = row.family.startswith("plain") or ".plain" in row.family
    if row.view is View.USER:
        labels[_AT["user"]] = float(attacked)
        if row.task:
            return  # without the operator's instructions it may be the most ordinary question
        labels[_AT["content"]] = float(attacked)  # an ordinary request in a document attacks only where a task says so
    else:
        labels[_AT["content"]] = float(attacked)
        if not (attacked and plain):
            labels[_AT["user"]] = float(attacked)
    if attacked:
        kind = "jailbreak" if "jailbreak" in row.family else "extraction" if "extraction" in row.family else "injection"
        for name in KINDS:
            labels[_AT[name]] = float(name == kind)


def _harm_labels(row: Row, labels: list[float]) -> None:
    if row.harms is None:
        if row.attack is False and row.source != "cyberseceval_frr":
            labels[_AT["harm"]] = 0.0
        return
    labels[_AT["harm"]] = float(bool(row.harms - {"profanity"}) or row.harms == {"profanity"})
    if "any" in row.harms:
        return
    for name in HARMS:
        labels[_AT[name]] = float(name in row.harms)
