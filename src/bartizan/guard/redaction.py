"""Redaction: spans merged exactly and replaced, so that redacted text is clean when it is checked again."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bartizan.guard.policy import Redaction

MARK = "[REDACTED"
"""How every replacement begins."""
_REPLACEMENT = re.compile(r"\[REDACTED(?::([A-Za-z0-9_.-]{1,64}))?\]")


class Span(NamedTuple):
    """`text[start:end]`, and what stands in its place."""

    start: int
    end: int
    label: str


def label(category: str, style: Redaction) -> str:
    """Returns what stands in the place of a span of this category."""
    return f"{MARK}]" if style is Redaction.BLANK else f"{MARK}:{category}]"


def in_order(spans: Iterable[Span]) -> list[Span]:
    """Returns the spans by start, the longest first where they start together: the first one's label is kept."""
    return sorted(spans, key=lambda span: (span.start, -span.end, span.label))


def merge(spans: Iterable[Span]) -> list[Span]:
    """Joins spans that overlap into one with the label of the first; spans that only touch stay two."""
    merged: list[Span] = []
    for span in in_order(spans):
        if span.start >= span.end:
            continue
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def redact(text: str, spans: Iterable[Span]) -> str:
    """Returns `text` with every span replaced."""
    return "".join(_pieces(text, merge(spans)))


def original(spans: Iterable[Span], index: int) -> tuple[int, int]:
    """Returns the first and last place in the original text of a character of the redacted text.

    Args:
        spans: What was redacted, merged.
        index: Of the character in the redacted text; all of a label stands for all of its span.
    """
    shift = 0
    for span in spans:
        if index + shift < span.start:
            break
        if index + shift < span.start + len(span.label):
            return span.start, span.end - 1
        shift += span.end - span.start - len(span.label)
    return index + shift, index + shift


def replacements(text: str, categories: Collection[str]) -> list[tuple[int, int]]:
    """Returns where earlier redactions stand in `text`; only the categories of detectors count as such."""
    return [found.span() for found in _REPLACEMENT.finditer(text) if found[1] is None or found[1] in categories]


def _pieces(text: str, spans: list[Span]) -> Iterator[str]:
    at = 0
    for span in spans:
        yield text[at : span.start]
        yield span.label
        at = span.end
    yield text[at:]
