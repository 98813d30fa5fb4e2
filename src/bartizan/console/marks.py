"""Marking places in a text that may lie inside and across each other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_DEEPEST = 3


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of text in which the same marks hold.

    Attributes:
        text: The stretch.
        marks: The numbers of the marks that cover it, from 1.
        begins: Those that begin where it begins.
        depth: How many cover it, at most 3.
    """

    text: str
    marks: tuple[int, ...]
    begins: tuple[int, ...]
    depth: int


def stretches(text: str, spans: Sequence[tuple[int, int]]) -> tuple[Stretch, ...]:
    """Cuts a text where marks begin and end; joined, the stretches are the text.

    Args:
        text: What to cut.
        spans: Start and end of each mark in characters, the first being mark 1. An empty span marks a place.
    """
    cuts = sorted({0, len(text), *(at for span in spans for at in span)})
    found = []
    for at, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        marks = tuple(number for number, (first, last) in enumerate(spans, 1) if first <= at < last)
        begins = tuple(number for number, (first, _) in enumerate(spans, 1) if first == at)
        if end > at or begins:
            found.append(Stretch(text=text[at:end], marks=marks, begins=begins, depth=min(len(marks), _DEEPEST)))
    return tuple(found)
