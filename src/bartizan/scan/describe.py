"""Saying in words what stands on the machine's stack, bounded and without control characters."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from bartizan.scan import opcodes
from bartizan.scan.note import Data
from bartizan.scan.symbols import Call, Items, Name, Opaque, Run, Symbol, written_out

_DEPTH = 4
_LENGTH = 240
_EXCERPT = 120
_BRACKETS: Mapping[str, str] = {"tuple": "()", "list": "[]", "dict": "{}", "set": "{}", "frozenset": "{}"}
_CONSTANTS: Mapping[int, str] = {ord("N"): "None", 0x88: "True", 0x89: "False"}


def printable(text: str, limit: int = _EXCERPT) -> str:
    """Returns text with everything that does not print, or reorders what does, escaped."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in cut)


def call(data: Data, name: str, arguments: Symbol | None) -> str:
    """Returns a call as Python would write it, such as `os.system('id')`."""
    shown = "()" if arguments is None else describe(data, arguments)
    if not shown.startswith("("):
        shown = f"(*{shown})"
    return f"{printable(name)}{shown[:-2]})" if shown.endswith(",)") else f"{printable(name)}{shown}"


def describe(data: Data, symbol: Symbol, depth: int = _DEPTH) -> str:
    """Returns a symbol as Python would write it, with `...` where it is long or deep."""
    if isinstance(symbol, int):
        return literal(data, symbol)
    if isinstance(symbol, Name):
        return printable(symbol.dotted)
    if isinstance(symbol, Opaque):
        return f"<{symbol.reason}>"
    if isinstance(symbol, Run):
        return "<numbers>"
    if depth <= 0:
        return "..."
    if isinstance(symbol, Call):
        return _cut(f"{describe(data, symbol.callee, depth - 1)}{describe(data, symbol.arguments, depth - 1)}")
    return _items(data, symbol, depth)


def _items(data: Data, container: Items, depth: int) -> str:
    brackets = _BRACKETS[container.kind]
    opening, closing = brackets[0], brackets[1]
    shown = [describe(data, item, depth - 1) for item in written_out(data, container)]
    if container.kind == "dict":
        shown = [f"{key}: {value}" for key, value in zip(shown[::2], shown[1::2], strict=False)]
    inner = ", ".join(shown)
    if len(inner) > _LENGTH:
        inner = f"{inner[:_LENGTH]}..."
    return f"{opening}{inner}{',' if container.kind == 'tuple' and len(shown) == 1 else ''}{closing}"


def _cut(text: str) -> str:
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."


def literal(data: Data, offset: int) -> str:
    """Returns the literal at `offset` as Python would write it."""
    code = data[offset]
    if code in _CONSTANTS:
        return _CONSTANTS[code]
    if code in opcodes.BYTES:
        begin, finish = opcodes.payload(data, offset, len(data))
        excerpt = bytes(data[begin : min(finish, begin + _EXCERPT)])
        return f"{excerpt!r}" if finish - begin <= _EXCERPT else f"<{finish - begin:,} bytes>"
    if code in opcodes.TEXTS:
        text = opcodes.text(data, offset, limit=_LENGTH) or ""
        return repr(text if len(text) < _LENGTH else f"{text[:_EXCERPT]}...")
    number = opcodes.integer(data, offset)
    if number is not None:
        return str(number)
    if code == ord("G"):
        return repr(struct.unpack(">d", bytes(data[offset + 1 : offset + 9]))[0])
    return "<number>"
