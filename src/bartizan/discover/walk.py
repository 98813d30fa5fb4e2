"""Walking a source tree: no link is followed, nothing but regular files is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bartizan.config import DiscoverConfig
from bartizan.core.finding import Skip
from bartizan.discover.source import Document
from bartizan.errors import InputError, LimitError

_MAX_DEPTH: Final = 128
_HEAD: Final = 64
_BINARY: Final = 8_192


def walk(root: Path, config: DiscoverConfig) -> Iterator[Document | Skip]:
    """Yields every regular file below `root` in name order, and a skip for each folder that cannot be entered.

    Folders of `config.exclude` are left out in silence, because the configuration says so.

    Raises:
        InputError: There is nothing at `root`.
    """
    _require(root)
    if root.is_file():
        yield _document(root, root.name, config)
        return
    pending = [(Path(os.path.realpath(root)), "", 0)]
    while pending:
        folder, prefix, depth = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield Skip(subject=prefix or ".", reason=f"the folder cannot be read: {error.strerror}")
            continue
        below = []
        for entry in entries:
            name = prefix + entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            if entry.is_file(follow_symlinks=False):
                yield _document(Path(entry.path), name, config)
            elif entry.is_dir(follow_symlinks=False) and entry.name not in config.exclude:
                below.append((Path(entry.path), f"{name}/", depth + 1))
        if depth >= _MAX_DEPTH:
            yield from (Skip(subject=name, reason=f"folders nest deeper than {_MAX_DEPTH}") for _, name, _ in below)
        else:
            pending.extend(reversed(below))


def _require(root: Path) -> None:
    try:
        there = root.exists()
    except OSError as error:
        raise InputError(f"{root} cannot be examined: {error.strerror}", hint="check its rights") from error
    if not there:
        raise InputError(f"there is nothing at {root}", hint="check the path")


def _document(path: Path, name: str, config: DiscoverConfig) -> Document:
    try:
        size = path.lstat().st_size
    except OSError:
        size = 0  # gone since it was listed; reading it will say so

    def text() -> str:
        if size > config.max_text_bytes:
            limit = f"discover.max_text_bytes = {config.max_text_bytes:,}"
            raise LimitError(f"it has {size:,} bytes, more than {limit}")
        raw = _read(path, config.max_text_bytes + 1)
        if len(raw) > config.max_text_bytes:
            raise LimitError("it grew beyond discover.max_text_bytes while it was read")
        if b"\0" in raw[:_BINARY]:
            raise InputError("it is binary where text was expected")
        return raw.decode("utf-8-sig", "replace")

    return Document(name=name, size=size, text=text, head=lambda: _read(path, _HEAD))


def _read(path: Path, limit: int) -> bytes:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InputError("it is no longer a regular file")
            return file.read(limit)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from error
