"""How many characters a pattern can match at most, read off its source.

A stream guard holds back as much text as a match that has begun may still need. RE2 does not tell, so this reads the small
part of its syntax that detectors use.
"""

from __future__ import annotations

import re

_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ESCAPE = re.compile(r"\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[pP]\{\^?\w+\}|[pP]\w|.)", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?")
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")
_CLASS = re.compile(r"\[\^?\]?(?:\\(?:[pPx]\{[^}]*\}|.)|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
_EMPTY = frozenset({"\\b", "\\B", "\\A", "\\z"})


def widest(pattern: str) -> int | None:
    """Returns the most characters that an RE2 pattern can match, or None where there is no bound."""
    width, _ = _alternatives(pattern, 0)
    return width


def _alternatives(pattern: str, at: int) -> tuple[int | None, int]:
    """Reads up to the closing parenthesis or the end: the width of the widest branch, and where it stopped."""
    best: int | None = 0
    branch: int | None = 0
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            best, branch, at = _wider(best, branch), 0, at + 1
            continue
        width, at = _atom(pattern, at)
        width, at = _repeat(pattern, at, width)
        branch = None if branch is None or width is None else branch + width
    return _wider(best, branch), at


def _atom(pattern: str, at: int) -> tuple[int | None, int]:
    if flags := _FLAGS.match(pattern, at):
        return 0, flags.end()
    if group := _GROUP.match(pattern, at):
        width, end = _alternatives(pattern, group.end())
        return width, end + 1
    if escape := _ESCAPE.match(pattern, at):
        return (0 if escape[0] in _EMPTY else 1), escape.end()
    if bracket := _CLASS.match(pattern, at):
        return 1, bracket.end()
    return (0 if pattern[at] in "^$" else 1), at + 1


def _repeat(pattern: str, at: int, width: int | None) -> tuple[int | None, int]:
    most: int | None = 1
    if at < len(pattern) and pattern[at] in "*+?":
        most = 1 if pattern[at] == "?" else None
        at += 1
    elif count := _COUNT.match(pattern, at):
        most = int(count[3]) if count[3] else (None if count[2] else int(count[1]))
        at = count.end()
    else:
        return width, at
    if at < len(pattern) and pattern[at] == "?":
        at += 1
    if width == 0 or most == 0:
        return 0, at
    return (None if width is None or most is None else width * most), at


def _wider(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
