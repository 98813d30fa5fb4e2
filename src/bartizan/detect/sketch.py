"""A coarse copy of each pattern: it matches within every match of its pattern, and hardly anywhere else.

The one pass looks for words, which ordinary text has too. Where some are met, the sketches are run, again all in one
pass, and say near which places the patterns themselves are worth trying. A sketch differs from its pattern in four
ways, each of which only lets it match more: bounded repetitions have no upper bound, assertions are left out, whatever
lies beyond ASCII is any byte beyond it, and what makes it too large is cut off on both sides of its rarest words.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bartizan.detect.syntax import Character, Choice, Node, Repeat, Sequence, certain, commonness, parse, quote

_LARGEST = 90
"""In characters of the pattern; the time that Hyperscan takes to compile a sketch grows with it."""
_EXACT = 3
_LONGEST_RUN = 12
_WIDE_MEMBER = re.compile(r"(?:[^\x00-\x7f]|\\x\{[0-9A-Fa-f]+\})(?:-(?:[^\x00-\x7f]|\\x\{[0-9A-Fa-f]+\}))?")
_COMPLEMENT = re.compile(r"\\[DWSpP]|\[:\^")


def sketch(pattern: str) -> str | None:
    """Returns the sketch of a pattern, for an automaton of bytes in any case; None where it would hold no word."""
    node = parse(pattern)
    words = certain(node)
    return _write(_cut(node)) if words else None


def octets(pattern: str) -> int | None:
    """Returns the most bytes that can match, in UTF-8, or None where there is no bound.

    The Kelvin sign and the long s, which are `k` and `s` in any case, are not thought of.
    """
    return _octets(parse(pattern))


def _octets(node: Node) -> int | None:
    match node:
        case Character(text=text, source=source):
            return 4 if _is_wide(source or text) else 1
        case Repeat(part=part, most=most):
            width = _octets(part)
            return 0 if 0 in (width, most) else (None if width is None or most is None else width * most)
        case Sequence(parts=parts):
            widths = [_octets(part) for part in parts]
            return None if None in widths else sum(width or 0 for width in widths)
        case Choice(branches=branches):
            widths = [_octets(branch) for branch in branches]
            return None if None in widths else max(width or 0 for width in widths)


def is_large(pattern: str) -> bool:
    """Whether a pattern's sketch leaves parts of it out."""
    return _size(parse(pattern)) > _LARGEST


def _cut(node: Node) -> Node:
    """Returns what a match of `node` must hold, made small: the rarest words with as much around them as has room."""
    if isinstance(node, Choice):
        return Choice(tuple(_cut(branch) for branch in node.branches))
    if not isinstance(node, Sequence):
        return node
    parts = [part for part in node.parts if part != Sequence()]
    first, last = _rarest(parts)
    room = _LARGEST - sum(_size(part) for part in parts[first:last])
    while True:
        before = _size(parts[first - 1]) if first else room + 1
        after = _size(parts[last]) if last < len(parts) else room + 1
        if after <= room and (after <= before or before > room):
            last, room = last + 1, room - after
        elif before <= room:
            first, room = first - 1, room - before
        else:
            return _trimmed(parts[first:last])


def _rarest(parts: list[Node]) -> tuple[int, int]:
    """Returns where the rarest words are among the parts of a sequence: a run of characters, or one other part."""
    best, found = float("inf"), (0, min(1, len(parts)))
    at = 0
    while at < len(parts):
        end = at
        while end < len(parts) and isinstance(part := parts[end], Character) and part.text:
            end += 1
        end = max(end, at + 1)
        words = certain(Sequence(tuple(parts[at:end])))
        if words and commonness(words) < best:
            best, found = commonness(words), (at, end)
        at = end
    return found


def _trimmed(parts: list[Node]) -> Sequence:
    """Takes from both ends what may be absent or may go on, so that one match is not reported at many places."""
    while len(parts) > 1 and isinstance(part := parts[-1], Repeat) and not part.least:
        parts = parts[:-1]
    while len(parts) > 1 and isinstance(part := parts[0], Repeat) and not part.least:
        parts = parts[1:]
    ends = {0, len(parts) - 1}
    return Sequence(tuple(_least(part) if at in ends else part for at, part in enumerate(parts)))


def _least(node: Node) -> Node:
    if not isinstance(node, Repeat):
        return node
    least = min(node.least, _LONGEST_RUN)
    return replace(node, least=least, most=least)


def _size(node: Node) -> int:
    match node:
        case Character():
            return 1
        case Repeat(part=part, least=least, most=most):
            return _size(part) * max(1, min(least, _LONGEST_RUN), most if most and most <= _EXACT else 0)
        case Sequence(parts=parts):
            return sum(map(_size, parts))
        case Choice(branches=branches):
            return sum(map(_size, branches))


def _write(node: Node) -> str:
    match node:
        case Character(text=text, source=source):
            return quote(text) if text else _some(source)
        case Repeat(part=Character(text="", source=source), least=least, most=most) if _is_wide(source):
            return _bytes_of(source) + _count(least, None if most is None else 4 * most)
        case Repeat(part=part, least=least, most=most):
            return f"(?:{_write(part)}){_count(least, most)}"
        case Sequence(parts=parts):
            return "".join(map(_write, parts))
        case Choice(branches=branches):
            return f"(?:{'|'.join(map(_write, branches))})"


def _count(least: int, most: int | None) -> str:
    if most is not None and (most <= _EXACT or most == least <= _LONGEST_RUN):
        return f"{{{least},{most}}}"
    return {0: "*", 1: "+"}.get(least, f"{{{min(least, _LONGEST_RUN)},}}")


def _is_wide(source: str) -> bool:
    """Whether a class has members beyond ASCII, which are more than one byte."""
    return source == "." or source.startswith("[^") or bool(_WIDE_MEMBER.search(source) or _COMPLEMENT.search(source))


def _some(source: str) -> str:
    return _bytes_of(source) + "{1,4}" if _is_wide(source) else source


def _bytes_of(source: str) -> str:
    """Returns a class of bytes for a class of characters: its ASCII members, and all bytes beyond ASCII."""
    if source == "." or _COMPLEMENT.search(source):
        return r"[\x00-\xff]"
    members = _WIDE_MEMBER.sub("", source)
    if members in ("[]", "[^]"):
        return r"[\x80-\xff]" if members == "[]" else r"[\x00-\xff]"
    return members if members.startswith("[^") else members[:-1] + r"\x80-\xff]"
