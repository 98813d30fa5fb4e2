"""Files of labelled texts, a JSON object a line, plain or packed with gzip."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import msgspec

from bartizan.detect.group import Kind
from bartizan.detect.scoring import Item
from bartizan.errors import InputError

MAX_LINE: Final = 100_000_000
"""How many bytes a line may have."""
_HARMLESS: Final = "benign"
_KINDS: Final[Mapping[str, Kind]] = {one.value: one for one in Kind}


class Row(NamedTuple):
    """A text with what is known of it.

    Attributes:
        item: The text.
        attack: Whether it is one; None where the line does not say.
        source: Where it comes from; the name of the file where the line does not say.
        place: File and line, for messages.
        stated: Whether the line says what kind of text it is.
    """

    item: Item
    attack: bool | None
    source: str
    place: str
    stated: bool

    @property
    def digest(self) -> bytes:
        """The SHA-256 of all that a score depends on, which exact duplicates share."""
        facts = (self.item.text, self.item.kind.value, self.item.task, self.item.system_prompt)
        return sha256(msgspec.json.encode([one.encode("utf-8", "surrogatepass") for one in facts])).digest()


class Lines(Protocol):
    """What lines are read from."""

    def readline(self, size: int, /) -> bytes:
        """Returns the next line, or as much of it."""
        ...


class _Line(msgspec.Struct, frozen=True):
    """The fields that matter; others are passed over."""

    text: str
    label: str | None = None
    attack: bool | None = None
    kind: str | None = None
    source: str | None = None
    task: str | None = None
    system_prompt: str | None = None


def read(path: Path, *, kind: Kind = Kind.USER) -> Iterator[Row]:
    """Yields the rows of a file.

    Args:
        path: The file; `.gz` is unpacked.
        kind: What a text is whose line says nothing, or something else than a kind.

    Raises:
        InputError: The file cannot be read, or a line is no object with a text.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            yield from rows(stream, path.name, kind=kind)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}", hint="check the path, and whether .gz is gzip") from error


def rows(stream: Lines, name: str, *, kind: Kind = Kind.USER) -> Iterator[Row]:
    """Yields the rows of a stream, which messages call `name`.

    Raises:
        InputError: A line is no object with a text.
    """
    for number, line in enumerate(lines(stream), 1):
        place = f"{name}, row {number:,}"
        try:
            yield _row(line, place, kind=kind, file=name)
        except ValueError as error:
            raise InputError(f"{place}: {error}", hint='a row is {"text": ..., "label": ...}') from error


def parse(line: bytes) -> object:
    """Reads a line of JSON; bytes that are no UTF-8 are replaced, because whoever attacks may send them.

    Raises:
        ValueError: It is too long, or no JSON.
    """
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE:,} bytes")
    try:
        return json.loads(line.decode("utf-8-sig", "replace"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error


def lines(stream: Lines) -> Iterator[bytes]:
    """Yields lines that hold something; of one that is too long, as much as shows that it is."""
    while line := stream.readline(MAX_LINE + 1):
        whole = line
        while not line.endswith(b"\n") and len(line) > MAX_LINE:
            line = stream.readline(MAX_LINE + 1)
        if whole.strip():
            yield whole


def _row(line: bytes, place: str, *, kind: Kind, file: str) -> Row:
    found = msgspec.convert(parse(line), type=_Line)
    item = Item(
        text=found.text,
        kind=_KINDS.get(found.kind or "", kind),
        task=found.task or "",
        system_prompt=found.system_prompt or "",
    )
    attack = found.attack
    if attack is None and found.label is not None:
        attack = found.label.strip().casefold() != _HARMLESS
    return Row(item, attack, found.source or file, place, found.kind in _KINDS)
