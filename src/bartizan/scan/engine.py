"""The scanner: a path in; assets, findings and skips out. Every file gets a verdict or a reason why it has none."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from bartizan import registry
from bartizan.config import ScanConfig
from bartizan.core.asset import Asset, asset_id
from bartizan.core.finding import Finding, Location, Skip, finding_id
from bartizan.core.severity import Severity
from bartizan.errors import InputError
from bartizan.files import NO_INODES, Candidate, Inode, walk
from bartizan.scan import formats
from bartizan.scan.format import Format
from bartizan.scan.note import Budget, Data, Fact, Inner, Note, Part, Unread, Verdict, Weakness
from bartizan.scan.opened import opened

_MODEL_SUFFIXES: Final = frozenset(
    """
    .bin .ckpt .dill .h5 .hdf5 .joblib .keras .llamafile .mar .mlmodel .model .msgpack .nemo .npy .npz .onnx .p .pb
    .pckl .pdparams .pickle .pkl .pmml .pt .pt2 .pte .pth .ptl .rds .safetensors .sav .skops .tflite .gguf .ggml
    """.split()  # noqa: SIM905  (a list of bare names reads best without quotes)
)
"""A file that is named like a model and is none that we can read is a skip, never clean."""
_UNREAD_MAGIC: Final = (
    (b"GGUF", "GGUF"),
    (b"\x89HDF\r\n\x1a\n", "HDF5 (Keras and others)"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x04\x22\x4d\x18", "LZ4"),
)
_MOST_WEAKNESSES: Final = 500
_HASH_CHUNK: Final = 4_000_000


def scan(root: Path, config: ScanConfig, *, sealed: Collection[Inode] = NO_INODES) -> Iterator[Asset | Finding | Skip]:
    """Reads every artefact below `root` without running any; an asset comes before its findings.

    An asset's `verdict` attribute is one of `note.Verdict`; only `clean` says that all was read and nothing found.

    Args:
        root: A folder, or a single file.
        config: Limits.
        sealed: Files that must not be opened: `Ledger.inodes()` where one is open in this process.

    Raises:
        InputError: There is nothing at `root`.
    """
    shelf = tuple(registry.scan(formats, Format))  # type: ignore[type-abstract]
    for candidate in walk(root, exclude=config.exclude, sealed=sealed):
        if isinstance(candidate, Skip):
            yield candidate
            continue
        try:
            with opened(candidate, config) as data:
                yield from _scan_file(_File(candidate=candidate, data=data, config=config, shelf=shelf))
        except InputError as error:
            yield Skip(subject=candidate.name, reason=error.message)


@dataclass(kw_only=True)
class _File:
    """One file under examination, with everything that its parts said."""

    candidate: Candidate
    data: Data
    config: ScanConfig
    shelf: tuple[Format, ...]
    recognised: list[Format] = field(default_factory=list)
    weaknesses: list[tuple[Format, str, Weakness]] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of what its parts said."""
        worst = Verdict.UNSCANNED if self.unread else Verdict.CLEAN
        return max([worst, *(weakness.verdict for _, _, weakness in self.weaknesses)], key=lambda verdict: verdict.rank)


def _scan_file(file: _File) -> Iterator[Asset | Finding | Skip]:
    budget = Budget(left=file.config.max_unpacked_bytes)
    _examine(file, Part(path=file.candidate.name, data=file.data, budget=budget))
    name = file.candidate.name
    if not file.recognised:
        reason = _unrecognised(name, file.data)
        if reason:
            yield Skip(subject=name, reason=reason)
        return
    worth = [each for each in file.recognised if not each.container]
    if worth or file.weaknesses:
        asset = _asset(file, (worth or file.recognised)[0])
        yield asset
        yield from _findings(file, asset)
    for unread in file.unread:
        yield Skip(subject=f"{name}!{unread.member}" if unread.member else name, reason=unread.reason)


def _examine(file: _File, part: Part) -> None:
    """Lets every format that recognises a part read it, and goes into what they find inside."""
    readers = [each for each in file.shelf if each.recognises(part.data)]
    file.recognised.extend(readers)
    if len(readers) > 1:
        _add(file, _polyglot(readers), reader=readers[0], member=part.member)
    for reader in readers:
        for note in reader.examine(part):
            _take(file, reader, (part, note))


def _take(file: _File, reader: Format, said: tuple[Part, Note]) -> None:
    part, note = said
    if isinstance(note, Weakness):
        _add(file, note, reader=reader, member=part.member)
    elif isinstance(note, Unread):
        member = "!".join(filter(None, (part.member, note.member)))
        file.unread.append(Unread(reason=note.reason, member=member))
    elif isinstance(note, Fact):
        file.facts.setdefault(note.key, note.value)
    else:
        _enter(file, part, note)


def _add(file: _File, weakness: Weakness, *, reader: Format, member: str) -> None:
    if len(file.weaknesses) < _MOST_WEAKNESSES:
        file.weaknesses.append((reader, member, weakness))
    elif not any(unread.member == "" for unread in file.unread):
        file.unread.append(Unread(reason=f"more than {_MOST_WEAKNESSES} findings in one file; the rest is not listed"))


def _enter(file: _File, part: Part, inner: Inner) -> None:
    member = f"{part.member}!{inner.name}" if part.member else inner.name
    if not any(each.recognises(inner.head) for each in file.shelf):
        if inner.expected:
            file.unread.append(Unread(reason="it is loaded in turn, but is of no format that is known", member=member))
        return
    if part.depth >= file.config.max_depth:
        reason = f"it nests deeper than scan.max_depth = {file.config.max_depth}"
        file.unread.append(Unread(reason=reason, member=member))
        return
    try:
        data = inner.load()
    except InputError as error:
        file.unread.append(Unread(reason=error.message, member=member))
        return
    _examine(file, Part(path=part.path, data=data, budget=part.budget, member=member, depth=part.depth + 1))


def _polyglot(readers: list[Format]) -> Weakness:
    names = " and ".join(sorted(reader.meta.title for reader in readers))
    return Weakness(
        place="polyglot",
        title=f"malformed or evasive: it is {names} at once, so that loaders and scanners read different things",
        severity=Severity.HIGH,
        verdict=Verdict.MALFORMED,
        remediation="Do not load it; a file of two formats is made on purpose.",
    )


def _unrecognised(name: str, data: Data) -> str:
    head = bytes(data[:16])
    for magic, title in _UNREAD_MAGIC:
        if head.startswith(magic):
            return f"{title} is not read yet"
    if PurePosixPath(name).suffix.lower() not in _MODEL_SUFFIXES:
        return ""
    if not head:
        return "it is named like a model and is empty"
    return "it is named like a model, but its content is of no format that is known"


def _asset(file: _File, reader: Format) -> Asset:
    locator = file.candidate.name
    return Asset(
        id=asset_id(reader.kind, locator),
        kind=reader.kind,
        name=PurePosixPath(locator).name,
        locator=locator,
        source=reader.meta.id,
        sha256=_sha256(file.data),
        attributes={
            "format": ", ".join(dict.fromkeys(each.meta.title for each in file.recognised)),
            "verdict": file.verdict.value,
            "bytes": str(len(file.data)),
            **file.facts,
        },
        places=(locator,),
    )


def _sha256(data: Data) -> str:
    hasher = hashlib.sha256()
    with memoryview(data) as view:
        for start in range(0, len(view), _HASH_CHUNK):
            hasher.update(view[start : start + _HASH_CHUNK])
    return hasher.hexdigest()


def _findings(file: _File, asset: Asset) -> Iterator[Finding]:
    for reader, member, weakness in file.weaknesses:
        yield Finding(
            id=finding_id(reader.meta.id, asset.id, f"{member}:{weakness.place}"),
            rule=reader.meta.id,
            asset=asset.id,
            title=weakness.title,
            severity=weakness.severity,
            location=Location(path=asset.locator, offset=weakness.offset, member=member or None),
            evidence=weakness.evidence,
            remediation=weakness.remediation,
            tags=weakness.tags or reader.meta.tags,
            references=weakness.references or reader.meta.references,
        )
