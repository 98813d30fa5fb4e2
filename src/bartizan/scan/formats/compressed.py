"""One compressed file: gzip, zlib, bzip2 or xz around a pickle, as `joblib.dump(compress=...)` and people write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan import unpack
from bartizan.scan.format import Format
from bartizan.scan.note import HEAD_BYTES, Data, Inner, Note, Part

_MAGIC: Final = ((b"\x1f\x8b\x08", unpack.GZIP), (b"BZh", unpack.BZIP2), (b"\xfd7zXZ\x00", unpack.XZ))
_ZLIB_METHOD: Final = 0x78
_ZLIB_CHECK: Final = 31
_TRIED: Final = 4_096


@dataclass(frozen=True, kw_only=True)
class Compressed(Format):
    """A compressed file; what is inside is scanned in turn."""

    meta: ClassVar[Meta] = Meta(
        id="scan.compressed",
        title="compressed file",
        why="A compressed pickle runs like any other, and is overlooked by scanners that do not unpack.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM04", "cwe:4:CWE-409"),
        references=("https://joblib.readthedocs.io/en/stable/persistence.html",),
    )
    container: ClassVar[bool] = True

    def recognises(self, data: Data) -> bool:
        """Says whether it begins like one of the four."""
        return _method(data) is not None

    def read(self, part: Part) -> Iterator[Note]:
        """Yields what it unpacks to."""
        method = _method(part.data)
        if method is None:
            return

        def load() -> Data:
            return unpack.whole(part.data, method, part.budget)

        yield Inner(name="unpacked", head=unpack.head(part.data, method, HEAD_BYTES) or b"", load=load)


def _method(data: Data) -> int | None:
    head = bytes(data[:_TRIED])
    for magic, method in _MAGIC:
        if head.startswith(magic):
            return method
    if len(head) > 2 and head[0] == _ZLIB_METHOD and int.from_bytes(head[:2], "big") % _ZLIB_CHECK == 0:
        return unpack.ZLIB if unpack.head(head, unpack.ZLIB, 1) else None
    return None
