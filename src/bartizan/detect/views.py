"""Views that are not as long as their parent, or not in its order, and that still know where everything came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from bartizan.detect.normalise import View


@dataclass(frozen=True, kw_only=True)
class Spliced(View):
    """A view in which stretches of its parent are written otherwise.

    Attributes:
        parent: What it was made of.
        edits: In order: where a stretch begins here, how long it is here, and its begin and end in the parent.
    """

    parent: View
    edits: Sequence[tuple[int, int, int, int]]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Maps the first and the last character; one of a stretch that was rewritten is all of it there."""
        first, last = self._source(start)
        return self.parent.span(first, self._source(end - 1)[1] if end > start else min(first, last))

    def _source(self, at: int) -> tuple[int, int]:
        number = bisect_right(self.edits, at, key=_begin) - 1
        if number < 0:
            return at, at + 1
        begin, size, first, last = self.edits[number]
        place = last + at - begin - size
        return (first, last) if at < begin + size else (place, place + 1)


def _begin(edit: tuple[int, int, int, int]) -> int:
    return edit[0]


def splice(view: View, name: str, edits: Iterable[tuple[int, int, str]]) -> Iterator[Spliced]:
    """Yields the view with stretches rewritten, or nothing where there are none.

    Args:
        view: What to write otherwise.
        name: How that is called.
        edits: Begin and end of each stretch, in order and apart, and what it says.
    """
    text: list[str] = []
    places: list[tuple[int, int, int, int]] = []
    at = last = 0
    for first, end, said in edits:
        at += first - last
        text += (view.text[last:first], said)
        places.append((at, len(said), first, end))
        at += len(said)
        last = end
    if places:
        begin, (final, size, _, _) = places[0][0], places[-1]
        whole = "".join((*text, view.text[last:]))
        yield Spliced(text=whole, how=(*view.how, name), parent=view, edits=places, focus=(begin, final + size))


@dataclass(frozen=True, kw_only=True)
class Mirrored(View):
    """A view in which stretches of its parent, in order and apart, run backwards where they stand."""

    parent: View
    stretches: Sequence[tuple[int, int]]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Maps within a stretch exactly, and across several to all of the first and the last."""
        if end <= start:
            return self.parent.span(start, start)
        first, last = self._stretch(start), self._stretch(end - 1)
        if first == last:
            return self.parent.span(sum(first) - end, sum(first) - start)
        return self.parent.span(first[0], last[1])

    def _stretch(self, at: int) -> tuple[int, int]:
        number = bisect_right(self.stretches, at, key=_first) - 1
        found = self.stretches[number] if number >= 0 else (0, 0)
        return found if found[0] <= at < found[1] else (at, at + 1)


def _first(stretch: tuple[int, int]) -> int:
    return stretch[0]


def mirror(view: View, name: str, stretches: Sequence[tuple[int, int]]) -> Mirrored:
    """Returns the view with stretches, in order and apart, written backwards."""
    text: list[str] = []
    at = 0
    for first, last in stretches:
        text += (view.text[at:first], view.text[first:last][::-1])
        at = last
    how = (*view.how, name) if name else view.how
    return Mirrored(text="".join((*text, view.text[at:])), how=how, parent=view, stretches=stretches)


@dataclass(frozen=True, kw_only=True)
class Joined(View):
    """Several views one below the other."""

    parts: Sequence[View]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Maps through the parts that the first and the last character are in."""
        first, begin = self._part(start)
        last, final = self._part(max(start, end - 1))
        opens = first.span(begin, min(end - start + begin, len(first.text)))
        closes = last.span(0 if last is not first else begin, min(final + (end > start), len(last.text)))
        return min(opens[0], closes[0]), max(opens[1], closes[1])

    def decoded(self, start: int, end: int) -> str:
        """Says how the part was hidden in which the stretch begins."""
        part, at = self._part(start)
        return part.decoded(at, min(len(part.text), at + end - start))

    def _part(self, at: int) -> tuple[View, int]:
        number = bisect_right(self._begins, at) - 1
        part = self.parts[number]
        return part, min(at - self._begins[number], len(part.text))

    @cached_property
    def _begins(self) -> list[int]:
        return [0, *accumulate(len(part.text) + 1 for part in self.parts)][: len(self.parts)]


def join(how: tuple[str, ...], parts: Sequence[View]) -> Joined:
    """Returns views as one, a line end between two."""
    return Joined(text="\n".join(part.text for part in parts), how=how, parts=parts)
