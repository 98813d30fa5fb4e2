"""Putting hostile text and figures on a page: what cannot be seen is made visible, and numbers read like numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from bartizan.core.taxonomy import parse_tag
from bartizan.errors import PluginError

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
_LAID_OUT = frozenset("\n\t")
_IGNORED = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0))))
)
"""Letters and marks that are drawn as nothing. The two that choose how an emoji is drawn are too common to be told."""
_MOST_MARKED = 12
_LEAST = 0.1
_STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


class Piece(NamedTuple):
    """A stretch of text, either plain or standing for characters that nobody can see."""

    text: str
    hidden: bool


def reveal(text: str) -> Iterator[Piece]:
    """Yields the text with invisible characters named by their code points.

    Controls, bidirectional overrides, tag characters and their like carry attacks that the eye misses (Boucher and
    Anderson, "Trojan Source", 2021), and would reorder the page around them.
    """
    for hidden, group in groupby(text, key=_is_hidden):
        stretch = "".join(group)
        if not hidden:
            yield Piece(stretch, hidden=False)
            continue
        names = " ".join(f"U+{ord(character):04X}" for character in stretch[:_MOST_MARKED])
        more = f" and {len(stretch) - _MOST_MARKED:,} more" if len(stretch) > _MOST_MARKED else ""
        yield Piece(names + more, hidden=True)


def visible(text: str) -> str:
    """Returns the text without what `reveal` would name, for a line too short to name it."""
    return "".join(piece.text for piece in reveal(text) if not piece.hidden)


def number(value: float) -> str:
    """Returns a whole number with thousands set apart, or one with a decimal."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(share: float) -> str:
    """Returns a share of 0 to 1 in per cent. What is not nothing never reads as nothing, nor what is not all as all."""
    value = share * 100
    if 0 < value < _LEAST:
        return f"<{_LEAST}%"
    if 100 - _LEAST < value < 100:
        return f">{100 - _LEAST}%"
    return f"{value:.0f}%" if value == int(value) else f"{value:.1f}%"


def clock(at: datetime) -> str:
    """Returns a time in UTC to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ago(at: datetime, *, now: datetime | None = None) -> str:
    """Returns how long ago that was, in its largest unit."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "now"


def tag_title(tag: str) -> str:
    """Returns the title of a taxonomy tag; its entry where we ship no list; the tag itself where we do not know it."""
    try:
        return parse_tag(tag).title
    except PluginError:
        return tag


def tag_label(tag: str) -> str:
    """Returns a taxonomy tag as people write it, such as `OWASP LLM 2026 LLM01`."""
    framework, _, rest = tag.partition(":")
    edition, _, entry = rest.partition(":")
    names = {"owasp-llm": f"OWASP {edition}", "owasp-agentic": f"OWASP Agentic {edition}", "atlas": "ATLAS", "cwe": ""}
    return f"{names.get(framework, framework)} {entry}".strip() if entry else tag


def _is_hidden(character: str) -> bool:
    if character in _LAID_OUT or (character.isascii() and character.isprintable()):
        return False
    return unicodedata.category(character) in _HIDDEN or character in _IGNORED
