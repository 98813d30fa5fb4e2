"""Unpacking bytes within a budget: a bomb costs no more than the budget, and says so."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import Final

from bartizan.errors import InputError, LimitError
from bartizan.scan.note import Budget, Data

STORED: Final = 0
DEFLATE: Final = 8
BZIP2: Final = 12
LZMA: Final = 14
GZIP: Final = 1_001
ZLIB: Final = 1_002
XZ: Final = 1_003
"""Methods below 1,000 are those of ZIP (APPNOTE 4.4.5)."""
_CHUNK: Final = 1_000_000
_FEED: Final = 262_144


def head(data: Data, method: int, limit: int) -> bytes | None:
    """Returns the first bytes of what `data` unpacks to, at most `limit`; None where none can be unpacked."""
    out = bytearray()
    try:
        for piece in _pieces(data, method, chunk=limit):
            out += piece
            if len(out) >= limit:
                break
    except InputError:
        if not out:
            return None
    return bytes(out[:limit])


def whole(data: Data, method: int, budget: Budget) -> bytes:
    """Returns all that `data` unpacks to; what came before a damaged place, where there is one.

    Raises:
        LimitError: The budget does not reach that far.
        InputError: Nothing of it can be unpacked.
    """
    out = bytearray()
    pieces = _pieces(data, method, chunk=_CHUNK)
    while True:
        try:
            piece = next(pieces, None)
        except InputError:
            if not out:
                raise
            piece = None
        if piece is None:
            return bytes(out)
        if not budget.take(len(piece)):
            raise LimitError("it unpacks to more than scan.max_unpacked_bytes allows in one file")
        out += piece


def _pieces(data: Data, method: int, chunk: int) -> Iterator[bytes]:
    """Yields what `data` unpacks to in pieces of at most about `chunk` bytes."""
    if method == STORED:
        for start in range(0, len(data), chunk):
            yield bytes(data[start : start + chunk])
        return
    if method in {DEFLATE, GZIP, ZLIB}:
        yield from _inflated(data, {DEFLATE: -15, GZIP: 31, ZLIB: 15}[method], chunk)
    elif method == BZIP2:
        yield from _expanded(data, bz2.BZ2Decompressor(), chunk)
    elif method == XZ:
        yield from _expanded(data, lzma.LZMADecompressor(), chunk)
    else:
        raise InputError(f"compression method {method} cannot be read")


def _inflated(data: Data, window: int, chunk: int) -> Iterator[bytes]:
    """Inflates one deflate stream, or every member of a gzip file."""
    position = 0
    while position < len(data):
        inflater = zlib.decompressobj(window)
        pending = b""
        while not inflater.eof:
            if not pending:
                pending = bytes(data[position : position + _FEED])
                position += len(pending)
                if not pending:
                    return
            try:
                yield inflater.decompress(pending, chunk)
            except zlib.error as error:
                raise InputError(f"it cannot be unpacked: {error}") from error
            pending = inflater.unconsumed_tail
        position -= len(inflater.unused_data)
        if window != 31 or bytes(data[position : position + 2]) != b"\x1f\x8b":
            return


def _expanded(data: Data, expander: bz2.BZ2Decompressor | lzma.LZMADecompressor, chunk: int) -> Iterator[bytes]:
    position = 0
    while not expander.eof:
        piece = b""
        if expander.needs_input:
            piece = bytes(data[position : position + _FEED])
            position += len(piece)
            if not piece:
                return
        try:
            yield expander.decompress(piece, chunk)
        except (OSError, lzma.LZMAError, EOFError) as error:
            raise InputError(f"it cannot be unpacked: {error}") from error
