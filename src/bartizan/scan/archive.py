"""The tables of contents of a ZIP archive, both of them, and what lies between (PKWARE APPNOTE 6.3.10)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from bartizan.scan.note import Data

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
_END: Final = struct.Struct("<4s4H2IH")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_COMMENT: Final = 65_535
_FULL: Final = 0xFFFFFFFF
_LOCAL_MAGIC: Final = re.compile(rb"PK\x03\x04")
_MAX_GAP: Final = 256_000_000
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True, kw_only=True)
class Member:
    """A member: where its packed bytes lie, and how they are packed."""

    name: str
    method: int
    begin: int
    end: int
    header: int
    encrypted: bool = False


@dataclass(kw_only=True)
class Contents:
    """All members that can be found, and what is wrong: place to reason and evidence."""

    members: list[Member] = field(default_factory=list)
    problems: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    cut: bool = False

    def wrong(self, place: str, reason: str, evidence: str) -> None:
        """Adds a piece of evidence to a problem."""
        lines = self.problems.setdefault(place, (reason, []))[1]
        if len(lines) < 16:  # evidence is a sample
            lines.append(evidence)


def end_record(data: Data) -> int:
    """Returns where the end-of-central-directory record begins, -1 where there is none in the last 64 kB."""
    start = max(0, len(data) - _COMMENT - _END.size)
    found = bytes(data[start:]).rfind(b"PK\x05\x06")
    return start + found if found >= 0 and start + found + _END.size <= len(data) else -1


def contents(data: Data, most: int) -> Contents:
    """Returns the members of the central directory and those that only their own headers show."""
    found = Contents()
    _central(data, found, most)
    _orphans(data, found, most)
    _overlaps(found)
    return found


def _central(data: Data, found: Contents, most: int) -> None:
    record = end_record(data)
    if record < 0:
        found.wrong("directory", "its table of contents is missing", "no end record in the last 64 kB")
        return
    fields = _END.unpack_from(data, record)
    count, size, offset = fields[4], fields[5], fields[6]
    if _FULL in {size, offset} or count == 0xFFFF:
        size, offset = _zip64(data, record, (size, offset))
    position = offset
    shift = 0
    if bytes(data[position : position + 4]) != b"PK\x01\x02" and record - size >= 0:
        # Something stands before the archive: offsets count from where it begins.
        shift = record - size - offset
        position = record - size
    while bytes(data[position : position + 4]) == b"PK\x01\x02" and position + _CENTRAL.size <= len(data):
        if len(found.members) >= most:
            found.cut = True
            return
        entry = _central_entry(data, position)
        _follow(data, entry, found, shift=shift)
        position = entry.following


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An entry of the central directory."""

    name: str
    flags: int
    method: int
    packed: int
    header: int
    following: int


def _central_entry(data: Data, position: int) -> _Entry:
    fields = _CENTRAL.unpack_from(data, position)
    flags, method, packed, unpacked = fields[3], fields[4], fields[8], fields[9]
    name_size, extra_size, comment_size, header = fields[10], fields[11], fields[12], fields[16]
    name_at = position + _CENTRAL.size
    extra = bytes(data[name_at + name_size : name_at + name_size + extra_size])
    packed, header = _extended(extra, unpacked=unpacked, packed=packed, header=header)
    return _Entry(
        name=_name(data, name_at, name_size),
        flags=flags,
        method=method,
        packed=packed,
        header=header,
        following=name_at + name_size + extra_size + comment_size,
    )


def _extended(extra: bytes, *, unpacked: int, packed: int, header: int) -> tuple[int, int]:
    """Returns packed size and header offset, from the ZIP64 extra field where the entry points there."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, position)
        if kind == 1:
            wide = [int.from_bytes(extra[at : at + 8], "little") for at in range(position + 4, position + 4 + size, 8)]
            if unpacked == _FULL and wide:
                wide.pop(0)
            if packed == _FULL and wide:
                packed = wide.pop(0)
            if header == _FULL and wide:
                header = wide.pop(0)
            break
        position += 4 + size
    return packed, header


def _name(data: Data, start: int, size: int) -> str:
    return bytes(data[start : start + min(size, 1_024)]).decode("utf-8", "backslashreplace")


def _follow(data: Data, entry: _Entry, found: Contents, *, shift: int) -> None:
    """Adds the member that an entry points at, and compares the two headers."""
    header = entry.header + shift
    if header < 0 or header + _LOCAL.size > len(data) or bytes(data[header : header + 4]) != b"PK\x03\x04":
        found.wrong("headers", "its table of contents points at no member", entry.name)
        return
    fields = _LOCAL.unpack_from(data, header)
    method, name_size, extra_size = fields[3], fields[9], fields[10]
    name = _name(data, header + _LOCAL.size, name_size)
    begin = header + _LOCAL.size + name_size + extra_size
    if name != entry.name:
        found.wrong(
            "names", "a member has one name in the table of contents and another at its place", f"{entry.name} / {name}"
        )
    if method != entry.method:
        found.wrong("methods", "a member is packed in one way by the table of contents and another at its place", name)
    end = min(len(data), begin + entry.packed)
    if begin + entry.packed > len(data):
        found.wrong("sizes", "a member reaches beyond the end of the file", name)
    encrypted = bool(entry.flags & _ENCRYPTED)
    found.members.append(
        Member(name=name, method=entry.method, begin=begin, end=end, header=header, encrypted=encrypted)
    )
    if method != entry.method:
        found.members.append(Member(name=name, method=method, begin=begin, end=end, header=header, encrypted=encrypted))


def _zip64(data: Data, record: int, fallback: tuple[int, int]) -> tuple[int, int]:
    start = bytes(data[max(0, record - 4_096) : record]).rfind(b"PK\x06\x06")
    start = max(0, record - 4_096) + start if start >= 0 else -1
    if start < 0 or start + _END64.size > len(data):
        return fallback
    fields = _END64.unpack_from(data, start)
    return fields[8], fields[9]


def _orphans(data: Data, found: Contents, most: int) -> None:
    """Adds members that stand in the file without being in the table of contents."""
    known = {member.header for member in found.members}
    covered = sorted((member.header, member.end) for member in found.members)
    position, searched = 0, 0
    for begin, end in [*covered, (len(data), len(data))]:
        if begin > position:
            stop = min(begin, position + max(0, _MAX_GAP - searched))
            searched += stop - position
            for match in _LOCAL_MAGIC.finditer(data, position, stop):
                if match.start() not in known and len(found.members) < most:
                    _orphan(data, match.start(), found)
        position = max(position, end)


def _orphan(data: Data, header: int, found: Contents) -> None:
    if header + _LOCAL.size > len(data):
        return
    fields = _LOCAL.unpack_from(data, header)
    method, packed, name_size, extra_size = fields[3], fields[7], fields[9], fields[10]
    begin = header + _LOCAL.size + name_size + extra_size
    if begin > len(data):
        return
    name = _name(data, header + _LOCAL.size, name_size)
    end = begin + packed if packed not in {0, _FULL} and begin + packed <= len(data) else len(data)
    found.members.append(Member(name=name, method=method, begin=begin, end=end, header=header))
    found.wrong("orphans", "it has members that its table of contents does not name", name)


def _overlaps(found: Contents) -> None:
    """Notes members that share bytes, which is how a small archive unpacks to a huge one (D. Fifield, WOOT 2019)."""
    reached = -1
    last = -1
    for member in sorted(found.members, key=lambda member: (member.header, member.end)):
        if member.header != last and member.header < reached:
            found.wrong("overlap", "its members overlap", member.name)
        reached, last = max(reached, member.end), member.header
