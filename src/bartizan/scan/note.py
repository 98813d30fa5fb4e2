"""What a reader says about an artefact, before the engine makes assets, findings and skips of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from mmap import mmap

from bartizan.core.severity import Severity

Data = bytes | mmap | memoryview
"""The bytes of an artefact; they are indexed and sliced, never copied as a whole."""


class Verdict(StrEnum):
    """What the scanner says of an artefact, from the best to the worst. The worst note decides."""

    CLEAN = "clean"
    UNSCANNED = "unscanned"
    UNKNOWN_CODE = "unknown-code"
    UNSAFE_BY_DESIGN = "unsafe-by-design"
    MALFORMED = "malformed"
    MALICIOUS = "malicious"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for clean."""
        return list(Verdict).index(self)


@dataclass(kw_only=True)
class Budget:
    """How many bytes may still be unpacked out of one file, over all its archives."""

    left: int

    def take(self, amount: int) -> bool:
        """Takes `amount` bytes; False, and nothing taken, where that is more than is left."""
        if amount > self.left:
            return False
        self.left -= amount
        return True


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file, or a member of an archive inside it (`member` is its way in, joined by `!`)."""

    path: str
    data: Data
    budget: Budget
    member: str = ""
    depth: int = 0


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """Something wrong with an artefact.

    Attributes:
        place: What makes it one finding within its part: found again, it is the same.
        offset: Where in the part it begins, in bytes.
        tags: Taxonomy tags; those of the format where there are none.
    """

    place: str
    title: str
    severity: Severity
    verdict: Verdict
    offset: int | None = None
    evidence: tuple[str, ...] = ()
    remediation: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unread:
    """Something that could not be read, and why."""

    reason: str
    member: str = ""


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A part inside the part, which the engine scans in turn where a format recognises it.

    Attributes:
        name: Its way in, such as the name of an archive's member.
        head: Its first bytes, enough to recognise a format.
        load: Returns all of its bytes; raises `InputError` where it cannot, `LimitError` where the budget ends.
        expected: Whether it is an error that no format recognises it.
    """

    name: str
    head: Data = field(repr=False)
    load: Callable[[], Data] = field(repr=False)
    expected: bool = False


@dataclass(frozen=True, kw_only=True)
class Fact:
    """An attribute of the artefact, such as its number of tensors."""

    key: str
    value: str


_COPIED_UP_TO = 64_000_000


def stretch(data: Data, begin: int, end: int) -> Data:
    """Returns a stretch of data: a copy where it is small, which is faster to read, and a view where it is large."""
    return bytes(data[begin:end]) if end - begin <= _COPIED_UP_TO else memoryview(data)[begin:end]


HEAD_BYTES = 65_536
"""How much of an inner part a format may look at to recognise it."""

Note = Weakness | Unread | Inner | Fact
