"""Opening a file that may be huge, sparse or changing: small ones as a snapshot in memory, large ones mapped."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bartizan.config import ScanConfig
from bartizan.errors import InputError, LimitError
from bartizan.files import Candidate, open_regular
from bartizan.scan.note import Data

_MAPPED_FROM = 64_000_000
_SPARSE_FROM = 64_000_000
_SPARSE_SHARE = 16
_BLOCK = 512


@contextmanager
def opened(candidate: Candidate, config: ScanConfig) -> Iterator[Data]:
    """Opens a file for reading, as a snapshot or mapped.

    Raises:
        InputError: It cannot be read, or is no longer a regular file.
        LimitError: It is larger than the limit, or almost all of it is holes.
    """
    descriptor = open_regular(candidate.path)
    try:
        size = _measure(descriptor, config)
        if size < _MAPPED_FROM:
            yield _snapshot(descriptor, size)
        else:
            yield from _mapped(descriptor, size)
    finally:
        os.close(descriptor)


def _mapped(descriptor: int, size: int) -> Iterator[Data]:
    mapped = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    try:
        yield mapped
    finally:
        # A view of it may live on in a traceback; then the mapping goes when that goes.
        with suppress(BufferError):
            mapped.close()


def _measure(descriptor: int, config: ScanConfig) -> int:
    found = os.fstat(descriptor)
    if found.st_size > config.max_file_bytes:
        raise LimitError(f"it has {found.st_size:,} bytes, more than scan.max_file_bytes = {config.max_file_bytes:,}")
    on_disk = found.st_blocks * _BLOCK
    if found.st_size > _SPARSE_FROM and on_disk * _SPARSE_SHARE < found.st_size:
        raise LimitError(f"it claims {found.st_size:,} bytes, of which {on_disk:,} are on disk: the rest is holes")
    return found.st_size


def _snapshot(descriptor: int, size: int) -> bytes:
    pieces = []
    left = size
    while left > 0:
        try:
            piece = os.read(descriptor, left)
        except OSError as error:
            raise InputError(f"it cannot be read: {error.strerror}") from error
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
