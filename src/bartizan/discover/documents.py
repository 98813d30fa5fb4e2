"""Source trees as documents: text and head of a file, read when a source asks for them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from bartizan.config import DiscoverConfig
from bartizan.core.finding import Skip
from bartizan.discover.source import Document
from bartizan.errors import InputError, LimitError
from bartizan.files import Inode, open_regular, walk

_HEAD: Final = 64
_BINARY: Final = 8_192


def documents(root: Path, config: DiscoverConfig, *, sealed: Collection[Inode]) -> Iterator[Document | Skip]:
    """Yields every regular file below `root` in name order, and a skip for whatever is not looked at.

    Folders of `config.exclude` are left out in silence, because no asset of ours is expected there.

    Raises:
        InputError: There is nothing at `root`.
    """
    for found in walk(root, exclude=config.exclude, sealed=sealed):
        if not isinstance(found, Skip):
            yield _document(found.path, found.name, config)
        elif not found.subject.endswith("/") or Path(found.subject).name not in config.exclude:
            yield found


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
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return file.read(limit)
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from error
