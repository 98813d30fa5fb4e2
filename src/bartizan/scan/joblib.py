"""The raw arrays that joblib writes into the middle of a pickle (`joblib/numpy_pickle.py`, NumpyArrayWrapper)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bartizan.scan import opcodes
from bartizan.scan.note import Data
from bartizan.scan.symbols import Call, Items, Symbol, written_out

WRAPPER: Final = "joblib.numpy_pickle.NumpyArrayWrapper"
OBJECTS: Final = -1
"""The array holds objects: a pickle follows instead of raw bytes."""
_DTYPE: Final = re.compile(r"[<>|=]?([a-zA-Z])(\d+)")
_WIDE: Final[Mapping[str, int]] = {"U": 4}


def array_span(data: Data, state: Symbol, position: int) -> int | None:
    """Returns where the array behind the wrapper ends, `OBJECTS`, or None where its size cannot be told.

    Args:
        data: The file.
        state: The wrapper's state, a dictionary with `shape`, `dtype` and perhaps `numpy_array_alignment_bytes`.
        position: Where the BUILD ended.
    """
    fields = _fields(data, state)
    count = _product(data, fields.get("shape"))
    width = _width(data, fields.get("dtype"))
    if count is None or width is None:
        return None
    if width == OBJECTS:
        return OBJECTS
    if "numpy_array_alignment_bytes" in fields and not _is_none(data, fields["numpy_array_alignment_bytes"]):
        if position >= len(data):
            return None
        position += 1 + data[position]
    finish = position + count * width
    return finish if finish <= len(data) else None


def _fields(data: Data, state: Symbol) -> dict[str, Symbol]:
    items = written_out(data, state)
    pairs = zip(items[::2], items[1::2], strict=False)
    return {opcodes.text(data, key) or "": value for key, value in pairs if isinstance(key, int)}


def _is_none(data: Data, symbol: Symbol) -> bool:
    return isinstance(symbol, int) and data[symbol] == ord("N")


def _product(data: Data, shape: Symbol | None) -> int | None:
    if not isinstance(shape, Items):
        return None
    total = 1
    for item in written_out(data, shape):
        size = opcodes.integer(data, item) if isinstance(item, int) else None
        if size is None or size < 0:
            return None
        total *= size
    return total


def _width(data: Data, dtype: Symbol | None) -> int | None:
    given = written_out(data, dtype.arguments) if isinstance(dtype, Call) else []
    text = opcodes.text(data, given[0]) if given and isinstance(given[0], int) else None
    match = _DTYPE.fullmatch(text or "")
    if match is None:
        return None
    letter, width = match.group(1), int(match.group(2))
    return OBJECTS if letter == "O" else width * _WIDE.get(letter, 1)
