"""Safetensors: a length, a JSON header, raw tensors. Nothing in it runs if it is what it says: that is checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Final

from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan.format import Format
from bartizan.scan.metadata import suspicious
from bartizan.scan.note import Data, Fact, Note, Part, Verdict, Weakness

_LENGTH: Final = 8
_MAX_HEADER: Final = 100_000_000
"""The limit of the reference implementation (`MAX_HEADER_SIZE` of huggingface/safetensors)."""
_MAX_REPORTED: Final = 5
_MAX_DIMENSIONS: Final = 64
_BITS: Final[Mapping[str, int]] = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
"""Bits for each element of a data type, as the reference implementation has them."""
_HIDDEN: Final = (
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x7fELF", "an ELF program"),
    (b"MZ", "a Windows program"),
    (b"#!", "a script"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"\x1f\x8b", "compressed data"),
)
_FIX: Final = (
    "Get the file again and compare its hash; do not load it with a loader that is more tolerant than the reference."
)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor as the header declares it; offsets are from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Safetensors(Format):
    """What `safetensors.save_file` writes."""

    meta: ClassVar[Meta] = Meta(
        id="scan.safetensors",
        title="safetensors",
        why="The format runs nothing, but loaders that are more tolerant than its specification can be led astray.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM04", "atlas:2026.09:AML.T0010", "cwe:4:CWE-20"),
        references=("https://github.com/huggingface/safetensors#format",),
        false_positives="Padding behind the last tensor by tools that round sizes up.",
    )

    def recognises(self, data: Data) -> bool:
        """Says whether a header length is followed by a JSON object that looks like a header."""
        head = bytes(data[:4_096])
        if len(head) < _LENGTH + 2 or head[_LENGTH : _LENGTH + 1] != b"{":
            return False
        declared = int.from_bytes(head[:_LENGTH], "little")
        return declared <= len(data) or b'"dtype"' in head or b"__metadata__" in head or b"data_offsets" in head

    def read(self, part: Part) -> Iterator[Note]:
        """Checks the header against the specification, the tensors against each other, and what is left over."""
        declared = int.from_bytes(bytes(part.data[:_LENGTH]), "little")
        if declared > _MAX_HEADER or declared > len(part.data) - _LENGTH:
            yield _wrong(
                "header-length", f"its header claims {declared:,} bytes", (f"the file has {len(part.data):,}",)
            )
            return
        header, problems = _parse(bytes(part.data[_LENGTH : _LENGTH + declared]))
        for place, reason in problems:
            yield _wrong(place, reason)
        if header is None:
            return
        yield from _metadata(header.pop("__metadata__", {}))
        tensors: list[Tensor] = []
        wrong: list[str] = []
        for name, entry in header.items():
            tensor = _tensor(name, entry)
            if isinstance(tensor, Tensor):
                tensors.append(tensor)
            else:
                wrong.append(tensor)
        if wrong:
            yield _wrong(
                "tensor",
                f"{len(wrong)} of its tensors are not described as the format asks",
                tuple(wrong[:_MAX_REPORTED]),
            )
        start = _LENGTH + declared
        yield from _layout(tensors, len(part.data) - start)
        used = max((tensor.end for tensor in tensors), default=0)
        if start + used < len(part.data):
            yield _left_over(part.data, start + used)
        yield Fact(key="tensors", value=str(len(tensors)))
        yield Fact(key="parameters", value=str(sum(prod(tensor.shape) for tensor in tensors)))


def _wrong(place: str, reason: str, evidence: tuple[str, ...] = ()) -> Weakness:
    return Weakness(
        place=place,
        title=f"malformed: {reason}",
        severity=Severity.HIGH,
        verdict=Verdict.MALFORMED,
        evidence=evidence,
        remediation=_FIX,
    )


class _RefusedError(ValueError):
    """A header that JSON would read and the format does not allow."""


def _parse(raw: bytes) -> tuple[dict[str, Any] | None, list[tuple[str, str]]]:
    """Returns the header and what is wrong with it; None where it cannot be read at all."""
    problems: list[tuple[str, str]] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = dict(pairs)
        if len(keys) != len(pairs) and not problems:
            problems.append(("duplicate", "its header has a key twice, and loaders differ in which one counts"))
        return keys

    def constant(text: str) -> None:
        raise _RefusedError(f"{text} is no JSON")

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        return None, [("header", f"its header is no JSON: {str(error)[:120]}")]
    if not isinstance(header, dict):
        return None, [("header", "its header is no JSON object")]
    if raw.rstrip(b" ")[-1:] != b"}":
        problems.append(("padding", "its header is padded with something other than spaces"))
    return header, problems


def _tensor(name: str, entry: Any) -> Tensor | str:
    """Returns the tensor, or why it is none."""
    shown = name[:80]
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        return f"{shown!r} does not have exactly dtype, shape and data_offsets"
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BITS:
        return f"{shown!r} has the unknown type {str(dtype)[:40]!r}"
    if not _naturals(shape) or len(shape) > _MAX_DIMENSIONS or not _naturals(offsets) or len(offsets) != 2:
        return f"{shown!r} has a shape or offsets that are no natural numbers"
    begin, end = offsets
    bits = prod(shape) * _BITS[dtype]
    if bits % 8 or end - begin != bits // 8:
        return f"{shown!r} needs {bits // 8:,} bytes by its shape, and has {end - begin:,}"
    return Tensor(name=name, dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 63 for item in value)


def _layout(tensors: list[Tensor], size: int) -> Iterator[Weakness]:
    """Checks that the tensors lie one behind the other from 0, without gap or overlap, inside the file."""
    reached = 0
    found: dict[str, list[str]] = {}
    for tensor in sorted(tensors, key=lambda tensor: (tensor.begin, tensor.end)):
        shown = tensor.name[:80]
        if tensor.end > size:
            found.setdefault("range", []).append(f"{shown!r} ends at {tensor.end:,} of {size:,}")
        if tensor.begin < reached and tensor.end > tensor.begin:
            found.setdefault("overlap", []).append(f"{shown!r} begins at {tensor.begin:,}, before {reached:,}")
        if tensor.begin > reached:
            found.setdefault("gap", []).append(f"{tensor.begin - reached:,} bytes before {shown!r} belong to no tensor")
        reached = max(reached, tensor.end)
    reasons = {
        "range": "tensors reach beyond the end of the file",
        "overlap": "tensors overlap, so that one can be changed through another",
        "gap": "bytes between the tensors belong to none",
    }
    for place, evidence in found.items():
        yield _wrong(place, reasons[place], tuple(evidence[:_MAX_REPORTED]))


def _left_over(data: Data, start: int) -> Weakness:
    rest = bytes(data[start : start + 16])
    what = next((title for magic, title in _HIDDEN if rest.startswith(magic)), "")
    return Weakness(
        place="trailing",
        title=f"malformed: {len(data) - start:,} bytes follow the last tensor"
        + (f", and they begin like {what}" if what else ""),
        severity=Severity.HIGH if what else Severity.MEDIUM,
        verdict=Verdict.MALFORMED,
        offset=start,
        evidence=(f"they begin {rest.hex(' ')}",),
        remediation=_FIX,
    )


def _metadata(metadata: Any) -> Iterator[Note]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        yield _wrong("metadata", "its metadata are not text by text")
        return
    yield from suspicious(metadata)
