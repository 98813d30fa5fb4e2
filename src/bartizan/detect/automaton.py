"""All patterns as one automaton: one linear-time pass over a text says which of them can occur in it.

The pass runs on Hyperscan (Vectorscan on ARM and macOS). Of each pattern it looks for words of which every match holds
one (`syntax.trigger`); a pattern without such words is run as it is. A text in which nothing fires costs no more work.
In one where something does, a second pass runs a coarse copy of each pattern (`sketch`) and reports where. Near these
places the patterns are located by RE2, which is linear too and has the last word: what a text costs beyond the passes
grows with the places that look like a match, not with its length times the patterns that have a word in it.

RE2's own set matcher was measured against it (`bench/detect.py`). It is as fast on a text that it has seen, but builds
states for each new one, which made it ten to forty times slower on fresh text; and it answers "nothing" when its cache
of states is full, in a way that its Python binding cannot tell from a clean text. Hyperscan has no cache to fill, and
every failure of it is an exception.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hyperscan
import re2

from bartizan.errors import PluginError

_WIDE = re.compile(r"[^\x00-\x7f]|\\x\{[0-9A-Fa-f]{3,}|\\x\{[89A-Fa-f][0-9A-Fa-f]\}|\\[pP]")
"""What makes a pattern one of characters rather than of bytes: it names some beyond ASCII."""
_OPEN = re.compile(r"(\[\^[^\]\\]*(?:\\.[^\]\\]*)*\]|(?<![:\\])\.)\{\d+,\d*\}\??")
"""A bounded run of characters that may lie beyond ASCII: the pass counts bytes, so there it goes without the bound."""
_MOST_PLACES = 100_000
"""In one text; beyond it, looking everywhere costs less than keeping count."""


def encode(text: str) -> bytes:
    """Returns the text in UTF-8; a lone surrogate, which UTF-8 cannot hold, becomes one question mark."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def compile_pattern(pattern: str) -> Any:
    """Compiles one pattern for locating what the pass has seen.

    Raises:
        PluginError: It is not an RE2 pattern.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise PluginError(
            f"not an RE2 pattern: {pattern!r}: {error}", hint="RE2 has no look-around and no back-references"
        ) from error


class _Scanner:
    """A database of Hyperscan, with what each thread needs to run it."""

    def __init__(self, patterns: Sequence[str], *, flags: int, first: int = 0) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        try:
            self._database.compile(
                expressions=[_OPEN.sub(r"\1*", pattern).encode() for pattern in patterns],
                ids=list(range(first, first + len(patterns))),
                flags=[flags | (hyperscan.HS_FLAG_UTF8 if _WIDE.search(pattern) else 0) for pattern in patterns],
            )
        except hyperscan.error as error:
            raise PluginError(f"the patterns do not make one automaton: {error}") from error
        self._scan = self._database.scan
        self._threads = threading.local()

    def scan(self, data: bytes, report: Callable[..., bool | None]) -> None:
        """Calls `report` with number, begin, end and two more of every match."""
        try:
            scratch = self._threads.scratch
        except AttributeError:
            scratch = self._threads.scratch = self._database.scratch.clone()
        self._scan(data, match_event_handler=report, scratch=scratch)


class Automaton:
    r"""Patterns, numbered in the order they were given. Safe to share between threads.

    Args:
        patterns: What to look for, in any case, without `\A` and `\z`, so that texts can be joined by line ends.
        apart: Further patterns, numbered on, that are run one by one: those of long runs of any characters, which
            Hyperscan runs several times faster by themselves than beside many words.

    Raises:
        PluginError: A pattern is not one for Hyperscan.
    """

    def __init__(self, patterns: Sequence[str], *, apart: Sequence[str] = ()) -> None:
        flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
        self._scans = [_Scanner(patterns, flags=flags).scan] if patterns else []
        for number, pattern in enumerate(apart, len(patterns)):
            self._scans.append(_Scanner([pattern], flags=flags, first=number).scan)

    def fired(self, data: bytes) -> Sequence[int]:
        """Returns the numbers of all members that can occur in `data`, UTF-8 text, each once, in no particular order.

        Raises:
            hyperscan.error: The scan failed; there is no answer.
        """
        found: list[int] = []
        note = found.append

        def report(number: int, _begin: int, _end: int, _flags: int, _context: object) -> None:
            note(number)

        for scan in self._scans:
            scan(data, report)
        return found


class Places:
    """Patterns of which every place matters, numbered in the order they were given. Safe to share between threads.

    Args:
        patterns: What to look for.
        is_exact: Whether case matters. In any case, the Kelvin sign is a `k`.
    """

    def __init__(self, patterns: Sequence[str], *, is_exact: bool = False) -> None:
        self._scan = _Scanner(patterns, flags=0 if is_exact else hyperscan.HS_FLAG_CASELESS).scan

    def found(self, data: bytes) -> Mapping[int, Sequence[int]] | None:
        """Returns the ends of all matches in `data`, in bytes, by number; None where there are too many to be of use.

        Raises:
            hyperscan.error: The scan failed; there is no answer.
        """
        places: dict[int, list[int]] = {}
        room = _MOST_PLACES

        def report(number: int, _begin: int, end: int, _flags: int, _context: object) -> bool:
            nonlocal room
            room -= 1
            if number in places:
                places[number].append(end)
            else:
                places[number] = [end]
            return room < 0

        try:
            self._scan(data, report)
        except hyperscan.ScanTerminated:
            return None
        return places
