"""The opcodes of pickle protocols 0 to 5, as `Lib/pickletools.py` of CPython describes them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Final

from bartizan.scan.note import Data

PROTO, FRAME, STOP, MARK = 0x80, 0x95, 0x2E, 0x28
SHORT_BINUNICODE, MEMOIZE, BINGET, BINPUT = 0x8C, 0x94, 0x68, 0x71

WIDTHS: Final[Mapping[int, int]] = {
    ord("N"): 1,  # NONE
    0x88: 1,  # NEWTRUE
    0x89: 1,  # NEWFALSE
    ord("J"): 5,  # BININT
    ord("K"): 2,  # BININT1
    ord("M"): 3,  # BININT2
    ord("G"): 9,  # BINFLOAT
}
"""Literals of fixed width that no callable and no module name can hide in: opcode to its whole width."""

LINES: Final = frozenset(b"IFLSV")
"""Literals that end with a newline: INT, FLOAT, LONG, STRING, UNICODE."""

COUNTED: Final[Mapping[int, tuple[int, bool]]] = {
    ord("U"): (1, False),  # SHORT_BINSTRING
    ord("T"): (4, True),  # BINSTRING
    ord("C"): (1, False),  # SHORT_BINBYTES
    ord("B"): (4, False),  # BINBYTES
    0x8E: (8, False),  # BINBYTES8
    SHORT_BINUNICODE: (1, False),
    ord("X"): (4, False),  # BINUNICODE
    0x8D: (8, False),  # BINUNICODE8
    0x96: (8, False),  # BYTEARRAY8
    0x8A: (1, False),  # LONG1
    0x8B: (4, True),  # LONG4
}
"""Literals with a length in front: opcode to the bytes of that length, and whether it is signed."""

TEXTS: Final = frozenset((*b"SVUTX", SHORT_BINUNICODE, 0x8D))
"""Literals that load as text. Bytes are read as text too where a name is needed, to be no stricter than any loader."""

BYTES: Final = frozenset((*b"CB", 0x8E, 0x96))

_INTEGERS: Final[Mapping[int, tuple[int, bool]]] = {ord("J"): (4, True), ord("K"): (1, False), ord("M"): (2, False)}
_LONG_LIMIT: Final = 64
_NUMBERS: Final = re.compile(rb"(?s:K.|J....|M..|G........|[N\x88\x89]){1,4096}")
_NUMBER: Final = re.compile(rb"(?s:K.|J....|M..|G........|[N\x88\x89])")
_LINE: Final = re.compile(rb"[^\n]*\n")
_NEWEST: Final = 5
_NAME_LIMIT: Final = 1_000


def numbers_end(data: Data, start: int, end: int) -> int:
    """Returns where a run of number literals that begins at `start` ends; at most 4,096 of them are taken."""
    match = _NUMBERS.match(data, start, end)
    return match.end() if match else start


def each_number(data: Data, start: int, end: int) -> Iterator[int]:
    """Yields the offset of every literal in a run."""
    return (match.start() for match in _NUMBER.finditer(data, start, end))


def numbers(data: Data, start: int, end: int) -> list[int]:
    """Returns the offset of every literal in a run."""
    return list(each_number(data, start, end))


def line_end(data: Data, start: int, end: int) -> int:
    """Returns the offset after the newline that ends the line at `start`, -1 where there is none."""
    match = _LINE.match(data, start, end)
    return match.end() if match else -1


def payload(data: Data, offset: int, end: int) -> tuple[int, int]:
    """Returns where the content of the counted literal at `offset` begins and ends, as declared.

    A negative length, or a header that the data cuts off, gives an end beyond the data.
    """
    size, signed = COUNTED[data[offset]]
    begin = offset + 1 + size
    if begin > end:
        return begin, end + 1
    length = int.from_bytes(data[offset + 1 : begin], "little", signed=signed)
    return begin, begin + length if length >= 0 else end + 1


def text(data: Data, offset: int, limit: int = _NAME_LIMIT) -> str | None:
    """Returns the text of the literal at `offset` as Python loads it, cut to `limit` bytes; None for other literals."""
    code = data[offset]
    if code in LINES:
        return _line_text(data, offset, limit)
    if code not in TEXTS and code not in BYTES:
        return None
    begin, finish = payload(data, offset, len(data))
    return bytes(data[begin : min(finish, begin + limit)]).decode("utf-8", "backslashreplace")


def _line_text(data: Data, offset: int, limit: int) -> str | None:
    finish = line_end(data, offset + 1, len(data))
    raw = bytes(data[offset + 1 : min(max(finish - 1, offset + 1), offset + 1 + limit)])
    if data[offset] == ord("V"):
        return raw.decode("raw-unicode-escape", "replace")
    if data[offset] == ord("S"):
        quoted = raw.strip()
        if len(quoted) >= 2 and quoted[:1] == quoted[-1:] and quoted[:1] in b"'\"":
            quoted = quoted[1:-1]
        try:
            return codecs.escape_decode(quoted)[0].decode("latin-1")
        except ValueError:
            return quoted.decode("latin-1")
    return None


def integer(data: Data, offset: int) -> int | None:
    """Returns the whole number that the literal at `offset` loads as; None where it is none or of absurd size."""
    code = data[offset]
    if code in _INTEGERS:
        size, signed = _INTEGERS[code]
        return int.from_bytes(data[offset + 1 : offset + 1 + size], "little", signed=signed)
    if code in {0x8A, 0x8B}:
        begin, finish = payload(data, offset, len(data))
        return int.from_bytes(data[begin:finish], "little", signed=True) if finish - begin <= _LONG_LIMIT else None
    if code in b"IL":
        digits = bytes(data[offset + 1 : line_end(data, offset + 1, len(data)) - 1]).strip().rstrip(b"L")
        return int(digits) if len(digits) <= _LONG_LIMIT and digits.lstrip(b"-").isdigit() else None
    return None


def looks_loadable(data: Data, begin: int, end: int) -> bool:
    """Says whether bytes begin like a pickle of protocol 2 or later, or like a ZIP archive."""
    head = bytes(data[begin : min(end, begin + 4)])
    return head == b"PK\x03\x04" or (len(head) > 2 and head[0] == PROTO and 2 <= head[1] <= _NEWEST)
