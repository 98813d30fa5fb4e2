"""The geometry of charts, in per cent of their frame: templates draw it as SVG without a style or a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

_WHOLE = 100.0


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar: its value, where it begins and how long it is in per cent, and the tone that colours it."""

    label: str
    value: int
    start: float
    length: float
    tone: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of a column, measured from the top in per cent."""

    tone: str
    value: int
    top: float
    height: float


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one span of time."""

    begins: datetime
    left: float
    width: float
    parts: tuple[Part, ...]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Columns from `begins` to `ends`; the highest holds `most`."""

    begins: datetime | None
    ends: datetime | None
    most: int
    columns: tuple[Column, ...]


def bars(values: Mapping[str, int], *, order: Iterable[str] | None = None) -> tuple[Bar, ...]:
    """Returns a bar for each value, all from the left, the longest filling its frame. A bar's tone is its label."""
    labels = list(order) if order is not None else sorted(values, key=lambda label: (-values[label], label))
    most = max((values.get(label, 0) for label in labels), default=0) or 1
    return tuple(
        Bar(
            label=label,
            value=values.get(label, 0),
            start=0,
            length=_round(values.get(label, 0) / most * _WHOLE),
            tone=label,
        )
        for label in labels
    )


def stack(values: Mapping[str, int], *, order: Iterable[str]) -> tuple[Bar, ...]:
    """Returns the values as stretches of one bar, without those that are nothing."""
    total = sum(values.get(label, 0) for label in order) or 1
    found, start = [], 0.0
    for label in order:
        if value := values.get(label, 0):
            length = value / total * _WHOLE
            found.append(Bar(label=label, value=value, start=_round(start), length=_round(length), tone=label))
            start += length
    return tuple(found)


def timeline(moments: Sequence[tuple[datetime, str]], *, order: Sequence[str], columns: int = 48) -> Timeline:
    """Returns how many of each tone fell into each of `columns` equal spans between the first and the last moment.

    Args:
        moments: When, and in which tone; a tone outside `order` is left out.
        order: The tones from the bottom of a column to its top.
        columns: How many spans.
    """
    moments = [(at, tone) for at, tone in moments if tone in order]
    if not moments:
        return Timeline(begins=None, ends=None, most=0, columns=())
    begins, ends = min(at for at, _ in moments), max(at for at, _ in moments)
    span = (ends - begins) / columns
    counts: list[Counter[str]] = [Counter() for _ in range(columns)]
    for at, tone in moments:
        place = int((at - begins) / span) if span else 0
        counts[min(place, columns - 1)][tone] += 1
    most = max(count.total() for count in counts)
    width = _WHOLE / columns
    drawn = tuple(
        Column(
            begins=begins + span * place,
            left=_round(place * width),
            width=_round(width * 0.78),
            parts=_parts(count, order, most=most),
        )
        for place, count in enumerate(counts)
        if count
    )
    return Timeline(begins=begins, ends=ends, most=most, columns=drawn)


def _parts(count: Counter[str], order: Sequence[str], *, most: int) -> tuple[Part, ...]:
    found, top = [], _WHOLE
    for tone in order:
        if count[tone]:
            height = count[tone] / most * _WHOLE
            top -= height
            found.append(Part(tone=tone, value=count[tone], top=_round(top), height=_round(height)))
    return tuple(found)


def _round(value: float) -> float:
    return round(value, 3)
