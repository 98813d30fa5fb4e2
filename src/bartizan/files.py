"""Strangers' files on a disk: walking a folder and opening a file without being led astray.

No link is followed, nothing but regular files is opened, names are text that can be written as UTF-8, and whatever is
not handed over is a skip with its reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bartizan.core.finding import Skip
from bartizan.errors import InputError

_MAX_DEPTH = 128
_KINDS: Mapping[int, str] = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


Inode = tuple[int, int]
"""What makes a file itself, whatever it is called: its device and its number there."""
NO_INODES: Collection[Inode] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A regular file: where it is, and its name below the root with forward slashes."""

    path: Path
    name: str


def walk(
    root: Path, *, exclude: Collection[str] = (), sealed: Collection[Inode] = NO_INODES
) -> Iterator[Candidate | Skip]:
    """Yields every regular file below `root` in name order, and a skip for everything that cannot be one.

    A link to something below the root is passed over in silence, because its target is met by itself.

    Args:
        root: A folder, or a single file.
        exclude: Names of folders that are not entered; each one met is a skip.
        sealed: Files that must not be opened, by any name: `Ledger.inodes()`.

    Raises:
        InputError: There is nothing at `root`.
    """
    _require(root)
    if root.is_file():
        yield _regular(root, root.name, (root.stat(), sealed))
        return
    if not root.is_dir():
        yield Skip(subject=root.name, reason=f"it is {kind_of(root.lstat().st_mode)}, which is never opened")
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
                yield from _classify(entry, name, top=top, sealed=sealed)
            elif entry.name in exclude:
                yield Skip(subject=f"{name}/", reason="the configuration excludes folders of this name")
            elif depth >= _MAX_DEPTH:
                yield Skip(subject=f"{name}/", reason=f"folders nest deeper than {_MAX_DEPTH}")
            else:
                below.append((Path(entry.path), f"{name}/", depth + 1))
        pending.extend(reversed(below))


def open_regular(path: Path) -> int:
    """Opens a regular file for reading and returns its descriptor; never waits, never follows a link.

    Raises:
        InputError: It cannot be opened, or is no longer a regular file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise InputError(f"it cannot be opened: {error.strerror}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise InputError(f"it is {kind_of(mode)}, which is never opened")
    return descriptor


def kind_of(mode: int) -> str:
    """Returns in words what sort of file a mode stands for."""
    return _KINDS.get(stat.S_IFMT(mode), "no regular file")


def _require(root: Path) -> None:
    try:
        there = root.exists()
    except OSError as error:
        raise InputError(f"{root} cannot be examined: {error.strerror}", hint="check its rights") from error
    if not there:
        raise InputError(f"there is nothing at {root}", hint="check the path")


def _text(name: str) -> str:
    """Returns a file name that can be written as UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _regular(path: Path, name: str, known: tuple[os.stat_result, Collection[Inode]]) -> Candidate | Skip:
    found, sealed = known
    if (found.st_dev, found.st_ino) in sealed:
        return Skip(subject=name, reason="it belongs to the open ledger, which only the ledger may touch")
    return Candidate(path=path, name=name)


def _classify(
    entry: os.DirEntry[str], name: str, *, top: Path, sealed: Collection[Inode]
) -> Iterator[Candidate | Skip]:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError as error:
        yield Skip(subject=name, reason=f"it cannot be examined: {error.strerror}")
        return
    mode = found.st_mode
    if stat.S_ISREG(mode):
        yield _regular(Path(entry.path), name, (found, sealed))
    elif stat.S_ISLNK(mode):
        reason = _link_reason(Path(entry.path), top)
        if reason:
            yield Skip(subject=name, reason=reason)
    else:
        yield Skip(subject=name, reason=f"it is {kind_of(mode)}, which is never opened")


def _link_reason(path: Path, top: Path) -> str:
    try:
        target = Path(os.path.realpath(path, strict=True))
    except OSError as error:
        return f"the link leads nowhere: {error.strerror}"
    if target.is_relative_to(top):
        return ""
    return "the link leads out of the folder; name its target by itself"
