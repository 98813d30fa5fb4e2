"""Walking a folder of strangers' files: no link is followed, nothing but regular files is opened."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bartizan.config import ScanConfig
from bartizan.core.finding import Skip
from bartizan.errors import InputError, LimitError
from bartizan.scan.note import Data

_MAX_DEPTH = 128
_MAPPED_FROM = 64_000_000
_SPARSE_FROM = 64_000_000
_SPARSE_SHARE = 16
_BLOCK = 512
_KINDS: Mapping[int, str] = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A regular file: where it is, and its name below the root with forward slashes."""

    path: Path
    name: str


def walk(root: Path) -> Iterator[Candidate | Skip]:
    """Yields every regular file below `root` in name order, and a skip for everything that cannot be one.

    A link to something below the root is passed over in silence, because its target is met by itself.

    Raises:
        InputError: There is nothing at `root`.
    """
    try:
        there = root.exists()
    except OSError as error:
        raise InputError(f"{root} cannot be examined: {error.strerror}", hint="check its rights") from error
    if not there:
        raise InputError(f"there is nothing at {root}", hint="check the path")
    if root.is_file():
        yield Candidate(path=root, name=root.name)
        return
    if not root.is_dir():
        yield Skip(subject=root.name, reason=f"it is {_kind_of(root.lstat().st_mode)}, which is never opened")
        return
    top = Path(os.path.realpath(root))
    pending = [(top, "", 0)]
    while pending:
        folder, prefix, depth = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Skip(subject=prefix or ".", reason=f"the folder cannot be read: {error.strerror}")
            continue
        below = []
        for entry in entries:
            name = f"{prefix}{_text(entry.name)}"
            if not entry.is_dir(follow_symlinks=False):
                yield from _classify(entry, name, top)
            elif depth >= _MAX_DEPTH:
                yield Skip(subject=name, reason=f"folders nest deeper than {_MAX_DEPTH}")
            else:
                below.append((Path(entry.path), f"{name}/", depth + 1))
        pending.extend(reversed(below))


def _text(name: str) -> str:
    """Returns a file name that can be written as UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _classify(entry: os.DirEntry[str], name: str, top: Path) -> Iterator[Candidate | Skip]:
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError as error:
        yield Skip(subject=name, reason=f"it cannot be examined: {error.strerror}")
        return
    if stat.S_ISREG(mode):
        yield Candidate(path=Path(entry.path), name=name)
    elif stat.S_ISLNK(mode):
        reason = _link_reason(Path(entry.path), top)
        if reason:
            yield Skip(subject=name, reason=reason)
    else:
        yield Skip(subject=name, reason=f"it is {_kind_of(mode)}, which is never opened")


def _link_reason(path: Path, top: Path) -> str:
    try:
        target = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        return f"the link leads nowhere: {error.strerror}"
    if target.is_relative_to(top):
        return ""
    return "the link leads out of the scanned folder; scan its target by itself"


def _kind_of(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "no regular file")


@contextmanager
def opened(candidate: Candidate, config: ScanConfig) -> Iterator[Data]:
    """Opens a file for reading: small ones as a snapshot in memory, large ones mapped.

    Raises:
        InputError: It cannot be read, or is no longer a regular file.
        LimitError: It is larger than the limit, or almost all of it is holes.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(candidate.path, flags)
    except OSError as error:
        raise InputError(f"it cannot be opened: {error.strerror}") from error
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
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"it is {_kind_of(found.st_mode)}, which is never opened")
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
