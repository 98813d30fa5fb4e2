"""What can be read off a pattern's source: how much it can match, and which words every match must hold.

RE2 tells neither. A stream guard needs the first to know how much text to hold back. The one pass needs the second: words
are found in a text many times faster than patterns, and a pattern whose words are not there need not be tried. This reads
the part of RE2's syntax that detectors use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from types import MappingProxyType

from bartizan.errors import PluginError

_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ESCAPE = re.compile(r"\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|[pP]\{\^?\w+\}|[pP]\w|(.))", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?")
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")
_CLASS = re.compile(r"\[\^?\]?(?:\\(?:[pPx]\{[^}]*\}|.)|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
_ASSERTIONS = frozenset("bBAz")
_ASCII_CLASSES = frozenset("dswnrtfv")
_MIN_WORD = 2
_RARE = 0.35
_TOO_COMMON = 40.0
_MAX_ROOM = 400
_BY_LENGTH = (1e3, 1e3, 60.0, 3.0, 0.5, 0.2, 0.1, 0.04, 0.02)
"""The commonness of a word of this many bytes that is not listed below."""
_COMMON = MappingProxyType(
    dict.fromkeys(
        ("you", "the", "all", "and", "are", "not", "for", "that", "this", "with", "ion", "ai", "it", "is"), 40.0
    )
    | dict.fromkeys(
        ("your", "have", "has", "from", "can", "will", "say", "any", "act", "run", "now", "end", "free", "how", "what"),
        15.0,
    )
    | dict.fromkeys(
        (
            "must",
            "should",
            "before",
            "first",
            "text",
            "time",
            "data",
            "user",
            "list",
            "read",
            "new",
            "after",
            "rate",
            "never",
            "limited",
        ),
        5.0,
    )
    | dict.fromkeys(
        (
            "task",
            "call",
            "name",
            "write",
            "output",
            "print",
            "function",
            "file",
            "model",
            "give",
            "tool",
            "rule",
            "order",
            "command",
            "follow",
            "</",
            "<|",
        ),
        3.0,
    )
    | dict.fromkeys(("message", "information", "content", "context", "answer", "system", "include", "provide"), 1.5)
    | dict.fromkeys(("response", "instruction", "previous", "without", "respond", "question", "instead"), 0.8)
)


@dataclass(frozen=True)
class Character:
    """One character of at most `octets` bytes in UTF-8: `text` where it is a certain one, otherwise any of a class."""

    text: str = ""
    octets: int = 4


@dataclass(frozen=True)
class Sequence:
    """One after the other; the empty sequence is an assertion, which takes no room."""

    parts: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Choice:
    """One of several."""

    branches: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    """`least` to `most` times; `most` is None where there is no bound."""

    part: Node
    least: int
    most: int | None


Node = Character | Sequence | Choice | Repeat


def parse(pattern: str) -> Node:
    """Reads a pattern that RE2 accepts.

    Raises:
        PluginError: It ends in the middle of something.
    """
    node, end = _choice(pattern, 0)
    if end != len(pattern):
        raise PluginError(f"cannot read the pattern beyond character {end}: {pattern!r}")
    return node


def widest(node: Node, *, octets: bool = False) -> int | None:
    """Returns the most characters, or bytes in UTF-8, that can match; None where there is no bound."""
    match node:
        case Character(octets=size):
            return size if octets else 1
        case Repeat(part=part, most=most):
            width = widest(part, octets=octets)
            return 0 if 0 in (width, most) else (None if width is None or most is None else width * most)
        case Sequence(parts=parts):
            widths = [widest(part, octets=octets) for part in parts]
            return None if None in widths else sum(width or 0 for width in widths)
        case Choice(branches=branches):
            widths = [widest(branch, octets=octets) for branch in branches]
            return None if None in widths else max(width or 0 for width in widths)


def trigger(pattern: str) -> str | None:
    """Returns a plainer pattern that matches wherever `pattern` does, or None where there is none worth having.

    It is made of the most telling words that every match holds, in their order, with as much between them as the pattern
    allows: `ignore (all )?previous (rules|orders)` becomes `ignore.{0,..}previous.{0,..}(?:rules|orders)`.
    """
    node = parse(pattern)
    solid = [part for part in node.parts if part != Sequence()] if isinstance(node, Sequence) else [node]
    only = solid[0] if len(solid) == 1 else node
    branches = only.branches if isinstance(only, Choice) else (only,)
    plain = [_landmarks(branch) for branch in branches]
    return None if None in plain else "|".join(found for found in plain if found)


def _landmarks(node: Node) -> str | None:
    """Takes the rarest words, and the next rarest too where those alone would be met in ordinary text."""
    steps = list(_steps(node))
    rarest = sorted((_commonness(words), place) for place, (words, _) in enumerate(steps) if words)
    if not rarest or rarest[0][0] > _TOO_COMMON:
        return None
    chosen = sorted(place for _, place in rarest[: 1 if rarest[0][0] <= _RARE else 2])
    out = _alternatives(steps[chosen[0]][0])
    for before, place in pairwise(chosen):
        widths = [width for _, width in steps[before : place + 1]]
        room = None if None in widths else sum(width or 0 for width in widths)
        out += "(?s:.*)" if room is None or room > _MAX_ROOM else f"(?s:.{{0,{room}}})"
        out += _alternatives(steps[place][0])
    return out


def _steps(node: Node) -> Iterator[tuple[frozenset[str], int | None]]:
    """Splits a sequence into parts: words of which one is certain to be in the part, and its width in bytes."""
    run = ""
    for part in (*(node.parts if isinstance(node, Sequence) else (node,)), None):
        if isinstance(part, Character) and part.text:
            run += part.text
            continue
        if part == Sequence():
            continue
        if run:
            yield frozenset({run.lower()} if len(run) >= _MIN_WORD else ()), len(run.encode())
            run = ""
        if part is not None:
            yield _certain(part), widest(part, octets=True)


def _certain(node: Node) -> frozenset[str]:
    """Returns words of which every match of `node` holds one, the most telling such set; empty where there is none."""
    match node:
        case Repeat(part=part, least=least) if least:
            return _certain(part)
        case Choice(branches=branches):
            found = [_certain(branch) for branch in branches]
            return frozenset().union(*found) if all(found) else frozenset()
        case Sequence():
            return max(
                (words for words, _ in _steps(node)),
                key=lambda words: -_commonness(words) if words else -inf,
                default=frozenset[str](),
            )
        case _:
            return frozenset()


def _commonness(words: frozenset[str]) -> float:
    """About how often one of the words is met in ten thousand characters of ordinary text, as a part of others too."""
    return sum(_COMMON.get(word, _BY_LENGTH[min(len(word.encode()), len(_BY_LENGTH) - 1)]) for word in words)


def _alternatives(words: frozenset[str]) -> str:
    return f"(?:{'|'.join(''.join(map(_quote, word)) for word in sorted(words))})"


def _quote(character: str) -> str:
    """Writes one character as bytes in every case that it has, which keeps the automaton one of bytes."""
    if character.isascii():
        return f"\\x{ord(character):02x}"
    cases = sorted({case for case in (character, character.lower(), character.upper()) if len(case) == 1})
    written = ["".join(f"\\x{octet:02x}" for octet in case.encode("utf-8", "replace")) for case in cases]
    return written[0] if len(written) == 1 else f"(?:{'|'.join(written)})"


def _choice(pattern: str, at: int) -> tuple[Node, int]:
    branches: list[Node] = []
    parts: list[Node] = []
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            branches.append(Sequence(tuple(parts)))
            parts, at = [], at + 1
        else:
            part, at = _atom(pattern, at)
            part, at = _repeat(pattern, at, part)
            parts.extend(part.parts if isinstance(part, Sequence) and part.parts else (part,))
    branches.append(Sequence(tuple(parts)))
    return (branches[0] if len(branches) == 1 else Choice(tuple(branches))), at


def _atom(pattern: str, at: int) -> tuple[Node, int]:
    if flags := _FLAGS.match(pattern, at):
        return Sequence(), flags.end()
    if group := _GROUP.match(pattern, at):
        node, end = _choice(pattern, group.end())
        if end == len(pattern):
            raise PluginError(f"a group is not closed: {pattern!r}")
        return node, end + 1
    if escape := _ESCAPE.match(pattern, at):
        return _escaped(escape), escape.end()
    if bracket := _CLASS.match(pattern, at):
        plain = bracket[0].isascii() and not re.match(r"\[\^|.*\\[xpPWDS]", bracket[0], re.DOTALL)
        return Character(octets=1 if plain else 4), bracket.end()
    if pattern[at] in "^$":
        return Sequence(), at + 1
    if pattern[at] == ".":
        return Character(), at + 1
    return _certainly(pattern[at]), at + 1


def _certainly(character: str) -> Character:
    return Character(character, len(character.encode("utf-8", "replace")))


def _escaped(escape: re.Match[str]) -> Node:
    code, plain = escape[1] or escape[2], escape[3]
    if code:
        return _certainly(chr(int(code, 16)))
    if plain and plain in _ASSERTIONS:
        return Sequence()
    if plain and not plain.isalnum():
        return _certainly(plain)
    return Character(octets=1 if plain in _ASCII_CLASSES else 4)


def _repeat(pattern: str, at: int, part: Node) -> tuple[Node, int]:
    if at < len(pattern) and pattern[at] in "*+?":
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[pattern[at]]
        at += 1
    elif count := _COUNT.match(pattern, at):
        least = int(count[1])
        most = int(count[3]) if count[3] else (None if count[2] else least)
        at = count.end()
    else:
        return part, at
    return Repeat(part, least, most), at + (at < len(pattern) and pattern[at] == "?")
