"""ZIP archives: PyTorch's `.pt` since 1.6, `.npz`, `.keras` and plain ones, read as the most tolerant loader would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan import archive, unpack
from bartizan.scan.archive import Member
from bartizan.scan.describe import printable
from bartizan.scan.format import Format
from bartizan.scan.note import HEAD_BYTES, Data, Fact, Inner, Note, Part, Unread, Verdict, Weakness, stretch

_MAX_MEMBERS: Final = 200_000
_TORCHSCRIPT: Final = re.compile(r"(?:^|/)code/.+\.py$")
_FIX: Final = "Get the file again and compare its hash; an archive that reads in two ways is made on purpose."


@dataclass(frozen=True, kw_only=True)
class Zip(Format):
    """An archive. Flags and checksums are ignored, as PyTorch does; both tables of contents are compared."""

    meta: ClassVar[Meta] = Meta(
        id="scan.zip",
        title="ZIP archive",
        why="PyTorch models are archives with a pickle inside; one that reads in two ways hides it from scanners.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM04", "atlas:2026.09:AML.T0010", "cwe:4:CWE-436"),
        references=("CVE-2025-1889", "CVE-2025-1944", "CVE-2025-1945", "CVE-2025-10156"),
    )
    container: ClassVar[bool] = True

    def recognises(self, data: Data) -> bool:
        """Says whether it begins with a member, or ends with a table of contents."""
        return bytes(data[:4]) == b"PK\x03\x04" or archive.end_record(data) >= 0

    def read(self, part: Part) -> Iterator[Note]:
        """Yields every member that either table of contents or the bytes themselves show."""
        contents = archive.contents(part.data, _MAX_MEMBERS)
        for place, (reason, evidence) in contents.problems.items():
            yield Weakness(
                place=place,
                title=f"malformed or evasive: {reason}",
                severity=Severity.HIGH,
                verdict=Verdict.MALFORMED,
                evidence=tuple(printable(line) for line in evidence[:5]),
                remediation=_FIX,
            )
        if contents.cut:
            yield Unread(reason=f"it has more than {_MAX_MEMBERS:,} members")
        scripted = False
        for member in contents.members:
            scripted = scripted or bool(_TORCHSCRIPT.search(member.name))
            yield from _member(part, member)
        if scripted:
            yield Unread(reason="TorchScript code in it is not read yet")
        yield Fact(key="members", value=str(len(contents.members)))


def _member(part: Part, member: Member) -> Iterator[Note]:
    shown = printable(member.name) or "(no name)"
    if member.name.startswith("/") or ".." in member.name.replace("\\", "/").split("/"):
        yield Weakness(
            place=f"path:{member.name[:120]}",
            title=f"a member named {shown} would be written outside the folder it is unpacked to",
            severity=Severity.HIGH,
            verdict=Verdict.MALFORMED,
            evidence=(shown,),
            remediation="Do not unpack it.",
        )
    raw = memoryview(part.data)[member.begin : member.end]
    if member.method == unpack.STORED:
        head = bytes(raw[:HEAD_BYTES])
    else:
        unpacked = unpack.head(raw, member.method, HEAD_BYTES)
        if unpacked is None:
            why = "it is encrypted" if member.encrypted else f"compression method {member.method} cannot be read"
            yield Unread(reason=why, member=shown)
            return
        head = unpacked

    def load() -> Data:
        if member.method == unpack.STORED:
            return stretch(part.data, member.begin, member.end)
        return unpack.whole(raw, member.method, part.budget)

    yield Inner(name=shown, head=head, load=load)
