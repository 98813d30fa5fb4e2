"""NumPy's `.npy`: a header and raw numbers, or a pickle where the array holds objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from bartizan.core.asset import AssetKind
from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan.findings import notes
from bartizan.scan.format import Format
from bartizan.scan.note import Data, Fact, Note, Part, Verdict, Weakness
from bartizan.scan.pickles import Pickles

_MAGIC: Final = b"\x93NUMPY"
_WIDE_HEADER: Final = 2
_TYPE: Final = re.compile(r"""['"]descr['"]\s*:\s*(.+?),\s*['"](?:fortran_order|shape)['"]""", re.DOTALL)
_OBJECT: Final = re.compile(r"""['"][<>|=]?O\d*['"]""")
_MAX_HEADER: Final = 10_000
"""NumPy itself refuses longer headers (`max_header_size` of `numpy.lib.format`)."""


@dataclass(frozen=True, kw_only=True)
class NumpyArray(Format):
    """What `numpy.save` writes, and the members of `.npz`."""

    meta: ClassVar[Meta] = Meta(
        id="scan.numpy_array",
        title="NumPy array",
        why="An array of objects is a pickle inside, which runs when it is loaded with allow_pickle=True.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM04", "atlas:2026.09:AML.T0011.000", "cwe:4:CWE-502"),
        references=("https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html",),
    )
    kind: ClassVar[AssetKind] = AssetKind.DATASET

    def recognises(self, data: Data) -> bool:
        """Says whether it begins with NumPy's magic."""
        return bytes(data[: len(_MAGIC)]) == _MAGIC

    def read(self, part: Part) -> Iterator[Note]:
        """Reads the header, and the pickle behind it where the array holds objects."""
        size = 4 if bytes(part.data[6:7]) >= bytes([_WIDE_HEADER]) else 2
        start = 8 + size
        length = int.from_bytes(bytes(part.data[8:start]), "little")
        header = bytes(part.data[start : start + min(length, _MAX_HEADER)]).decode("latin-1")
        found = _TYPE.search(header)
        if length > _MAX_HEADER or start + length > len(part.data) or found is None:
            yield Weakness(
                place="header",
                title="malformed: its header is not one that NumPy reads",
                severity=Severity.HIGH,
                verdict=Verdict.MALFORMED,
                evidence=(f"it claims {length:,} bytes",),
                remediation="Get the file again and compare its hash.",
            )
        objects = found is None or bool(_OBJECT.search(found.group(1)))
        yield Fact(key="objects", value="yes" if objects else "no")
        if objects and start + length < len(part.data):
            reader = Pickles(data=part.data)
            reader.read(start + length)
            yield from notes(reader)
