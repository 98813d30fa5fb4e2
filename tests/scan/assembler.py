"""An assembler of pickles and archives for tests. What it makes is read by our machine and never loaded.

Every payload is a harmless marker: a call whose arguments say that it is one.
"""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO

MARKER = "bartizan-test-marker"


def proto(version: int = 4) -> bytes:
    return b"\x80" + bytes([version])


def text(value: str) -> bytes:
    """SHORT_BINUNICODE or BINUNICODE."""
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) < 256:
        return b"\x8c" + bytes([len(raw)]) + raw
    return b"X" + struct.pack("<I", len(raw)) + raw


def data(raw: bytes) -> bytes:
    """BINBYTES."""
    return b"B" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def name(module: str, qualified: str) -> bytes:
    """STACK_GLOBAL."""
    return text(module) + text(qualified) + b"\x93"


def old_name(module: str, qualified: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{qualified}\n".encode()


def called(callee: bytes, *arguments: bytes) -> bytes:
    """REDUCE with a tuple of arguments."""
    return callee + b"(" + b"".join(arguments) + b"tR"


def pickle(*body: bytes, version: int = 4) -> bytes:
    return proto(version) + b"".join(body) + b"."


def call_pickle(module: str, qualified: str, *arguments: bytes) -> bytes:
    """A pickle that calls one thing."""
    return pickle(called(name(module, qualified), *(arguments or (text(MARKER),))))


def archive(members: dict[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as made:
        for member, content in members.items():
            made.writestr(member, content)
    return buffer.getvalue()
