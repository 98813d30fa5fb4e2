"""All patterns as one automaton: one linear-time pass over a text says which of them occur in it.

RE2's set matcher answers "nothing" both when nothing matches and when its cache runs out of memory, and its Python
binding hides the difference. A security control that fails open like that would be worse than none. So the set always
holds one pattern that matches every text: an answer without it is a failure, and each pattern is then searched on its own,
which cannot run out (RE2 falls back from the DFA to an NFA there).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from bartizan.errors import PluginError

_ALWAYS = ""
"""The pattern that matches every text; it is added first, so its number is 0."""
_NOTHING: tuple[int, ...] = ()
DEFAULT_MEMORY = 256 << 20
"""Bytes that the automaton's cache of states may take; ordinary traffic needs a few."""


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


class PatternSet:
    """Patterns, numbered in the order they were given, in one automaton.

    Args:
        patterns: RE2 patterns that use neither `\\A` nor `\\z`, so that texts can be joined by line ends.
        memory: The bound of the automaton's cache in bytes.

    Raises:
        PluginError: A pattern is not an RE2 pattern, or together they do not fit into `memory`.
    """

    def __init__(self, patterns: Sequence[str], *, memory: int = DEFAULT_MEMORY) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = memory
        options.never_capture = True
        self._patterns = tuple(patterns)
        self._set = re2.Set.SearchSet(options)
        self._set.Add(_ALWAYS)
        for pattern in self._patterns:
            compile_pattern(pattern)
            self._set.Add(pattern)
        try:
            self._set.Compile()
        except re2.error as error:
            raise PluginError("the patterns do not fit into one automaton", hint="give it more memory") from error
        self._match = self._set.Match

    def fired(self, data: bytes) -> Sequence[int]:
        """Returns the numbers of all patterns that occur in `data`, UTF-8 text, in no particular order."""
        numbers = self._match(data)
        if numbers is None:
            return self._search_each(data)
        if len(numbers) == 1:
            return _NOTHING
        return [number - 1 for number in numbers if number]

    def _search_each(self, data: bytes) -> Sequence[int]:
        text = data.decode("utf-8", "replace")
        return [number for number, pattern in enumerate(self._patterns) if compile_pattern(pattern).search(text)]
