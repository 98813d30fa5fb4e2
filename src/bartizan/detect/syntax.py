"""What can be read off a pattern's source: how much it can match, and which words every match must hold.

RE2 tells neither. A stream guard needs the first to know how much text to hold back. The one pass needs the second:
words are found in a text many times faster than patterns, and a pattern whose words are not there need not be tried.
This reads the part of RE2's syntax that detectors use.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from bartizan.errors import PluginError

_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")
_ESCAPE = re.compile(r"\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|[pP]\{\^?\w+\}|[pP]\w|(.))", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?")
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")
_CLASS = re.compile(r"\[\^?\]?(?:\\(?:[pPx]\{[^}]*\}|.)|\[:\^?\w+:\]|[^\]\\])*\]", re.DOTALL)
_ASSERTIONS = frozenset("bBAz")
_MIN_WORD = 2
_TOO_COMMON = 40.0
_COMMON_ENOUGH = 0.5
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
    """One character: `text` where it is a certain one, otherwise any of the class that `source` writes."""

    text: str = ""
    source: str = ""


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


@lru_cache(maxsize=1024)
def parse(pattern: str) -> Node:
    """Reads a pattern that RE2 accepts.

    Raises:
        PluginError: It ends in the middle of something.
    """
    node, end = _choice(pattern, 0)
    if end != len(pattern):
        raise PluginError(f"cannot read the pattern beyond character {end}: {pattern!r}")
    return node


def widest(node: Node) -> int | None:
    """Returns the most characters that can match, or None where there is no bound."""
    match node:
        case Character():
            return 1
        case Repeat(part=part, most=most):
            width = widest(part)
            return 0 if 0 in (width, most) else (None if width is None or most is None else width * most)
        case Sequence(parts=parts):
            widths = [widest(part) for part in parts]
            return None if None in widths else sum(width or 0 for width in widths)
        case Choice(branches=branches):
            widths = [widest(branch) for branch in branches]
            return None if None in widths else max(width or 0 for width in widths)


def trigger(pattern: str) -> str | None:
    """Returns words, as a pattern, of which every match of `pattern` holds one; None where there are none worth having.

    Of all that is certain it takes the rarest: of `ignore (all )?previous (rules|orders)` it is `ignore`.
    """
    words = certain(parse(pattern))
    return any_of(words) if words and commonness(words) <= _TOO_COMMON else None


def common_words(pattern: str) -> frozenset[str]:
    """Returns the words of `trigger` where they are common, so that a long text is certain to hold one."""
    words = certain(parse(pattern))
    return words if words and _COMMON_ENOUGH <= commonness(words) <= _TOO_COMMON else frozenset()


def _parts(node: Sequence) -> Iterator[frozenset[str]]:
    """Yields, part by part of a sequence, words of which one is certain to be in the part."""
    run = ""
    for part in (*node.parts, None):
        if isinstance(part, Character) and part.text:
            run += part.text
        elif part != Sequence():
            if len(run) >= _MIN_WORD:
                yield frozenset({run.lower()})
            run = ""
            if part is not None:
                yield certain(part)


def certain(node: Node) -> frozenset[str]:
    """Returns words of which every match of `node` holds one, the rarest such set; empty where there is none."""
    match node:
        case Repeat(part=part, least=least) if least:
            return certain(part)
        case Choice(branches=branches):
            found = [certain(branch) for branch in branches]
            return frozenset().union(*found) if all(found) else frozenset()
        case Sequence():
            return min(filter(None, _parts(node)), key=commonness, default=frozenset[str]())
        case _:
            return frozenset()


def commonness(words: frozenset[str]) -> float:
    """About how often one of the words is met in ten thousand characters of ordinary text, as a part of others too."""
    return sum(_COMMON.get(word, _BY_LENGTH[min(len(word.encode()), len(_BY_LENGTH) - 1)]) for word in words)


def any_of(words: Collection[str]) -> str:
    """Returns a pattern of bytes for one of the words, in any case."""
    return f"(?:{'|'.join(''.join(map(quote, word)) for word in sorted(words))})"


def quote(character: str) -> str:
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
        return Character(source=bracket[0]), bracket.end()
    if pattern[at] in "^$":
        return Sequence(), at + 1
    if pattern[at] == ".":
        return Character(source="."), at + 1
    return Character(pattern[at]), at + 1


def _escaped(escape: re.Match[str]) -> Node:
    code, plain = escape[1] or escape[2], escape[3]
    if code:
        return Character(chr(int(code, 16)))
    if plain and plain in _ASSERTIONS:
        return Sequence()
    if plain and not plain.isalnum():
        return Character(plain)
    return Character(source=escape[0])


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
