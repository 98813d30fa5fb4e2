"""From rows to what the two stages are trained on: windows of units with a label for each head, or none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from bartizan.detect.models.units import Unit, units
from bartizan.detect.models.windows import SIZE, starts
from training.row import HARMS, Row, View

KINDS: Final = ("injection", "jailbreak", "extraction")
HEADS: Final = ("user", "content", "harm", *HARMS, *KINDS)
"""The outputs of the encoder, in their order."""
_MOST_WINDOWS: Final = 3
_UNKNOWN: Final = math.nan
_AT: Final = {name: index for index, name in enumerate(HEADS)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A window.

    Attributes:
        units: What stands in it.
        task: What the user had asked for, as units.
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


def examples(rows: Iterable[Row], random: Random) -> Iterator[Example]:
    """Yields windows of each row: those with the attack in them, and some of the others as harmless ones."""
    for row in rows:
        found = units(row.text)
        if not found:
            continue
        places = list(starts(len(found)))
        covered = [at for at in places if _overlap(row, found[at : at + SIZE]) > 0] if row.spans else []
        chosen = covered[:_MOST_WINDOWS] if covered else _some(places, random)
        for at in chosen:
            yield _example(row, found[at : at + SIZE], attacked=row.attack)
        rest = [at for at in places if at not in covered]
        if covered and rest:
            yield _example(row, found[(at := random.choice(rest)) : at + SIZE], attacked=False)


def _some(places: Sequence[int], random: Random) -> list[int]:
    if len(places) <= _MOST_WINDOWS:
        return list(places)
    return [places[0], *random.sample(places[1:], _MOST_WINDOWS - 1)]


def _overlap(row: Row, found: Sequence[Unit]) -> float:
    """Returns how much of the attack, 0 to 1, stands in a window; a few words of it attack nobody."""
    first, last = found[0].start, found[-1].end
    shares = [max(0, min(end, last) - max(start, first)) / (end - start) for start, end in row.spans]
    return best if (best := max(shares)) > 0.35 else 0.0


def _example(row: Row, found: Sequence[Unit], *, attacked: bool | None) -> Example:
    labels = [_UNKNOWN] * len(HEADS)
    _attack_labels(row, labels, attacked)
    _harm_labels(row, labels)
    marks = None
    if attacked is False:
        marks = (False,) * len(found)
    elif row.spans:
        marks = tuple(any(start < unit.end and unit.start < end for start, end in row.spans) for unit in found)
    return Example(units=found, task=units(row.task)[:24], labels=tuple(labels), marks=marks, weight=1.0, row=row)


def _attack_labels(row: Row, labels: list[float], attacked: bool | None) -> None:
    if attacked is None or row.view is View.OUTPUT:
        if row.view is View.OUTPUT and attacked is False:
            labels[_AT["user"]] = 0.0
        return
    plain = row.family.startswith("plain") or ".plain" in row.family
    if row.view is View.USER:
        labels[_AT["user"]] = float(attacked)
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


def crossed(rows: Sequence[Row], random: Random, count: int) -> Iterator[Row]:
    """Yields attacks on users' turns set into harmless texts: behind a harmless request, or in a harmless document."""
    attacks = [one for one in rows if one.attack and one.view is View.USER and len(one.text) < 600]
    calm = [one for one in rows if one.attack is False and 40 < len(one.text) < 1500]
    for _ in range(count if attacks and calm else 0):
        attack, carrier = random.choice(attacks), random.choice(calm)
        breaks = [at for at, sign in enumerate(carrier.text) if sign == "\n"] or [
            at + 1 for at, sign in enumerate(carrier.text) if sign in ".!?。" and at + 1 < len(carrier.text)
        ]
        at = random.choice([0, len(carrier.text), *breaks])
        before = carrier.text[:at] + (random.choice(("\n", "\n\n", " ")) if at else "")
        text = before + attack.text + random.choice(("\n", "\n\n", " ")) + carrier.text[at:]
        span = (len(before), len(before) + len(attack.text))
        yield replace(
            carrier,
            text=text,
            attack=True,
            family=f"{attack.family}.buried",
            spans=(span,),
            source=attack.source,
            harms=None,
        )
