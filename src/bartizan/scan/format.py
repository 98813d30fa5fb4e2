"""The base of all formats: it enforces the boundary, the format reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from bartizan.core.asset import AssetKind
from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan.note import Data, Note, Part, Unread, Verdict, Weakness


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """A format of artefact files.

    Attributes:
        meta: What the format says of itself; its severity is that of a malformed file.
        kind: What sort of asset a file of this format is.
        container: Whether it only holds other parts, so that it is an asset only where one of those is.
    """

    meta: ClassVar[Meta]
    kind: ClassVar[AssetKind] = AssetKind.MODEL
    container: ClassVar[bool] = False

    @abstractmethod
    def recognises(self, data: Data) -> bool:
        """Says by content alone whether this is the format; reads a bounded number of bytes and never raises."""

    @abstractmethod
    def read(self, part: Part) -> Iterator[Note]:
        """Yields what is to be said about a part that was recognised."""

    @final
    def examine(self, part: Part) -> Iterator[Note]:
        """Yields the reader's notes; where the reader breaks, that is a finding and an unread part, never a crash."""
        try:
            yield from self.read(part)
        except Exception as error:  # noqa: BLE001  (the engine boundary of ARCHITECTURE.md, principle 8)
            reason = f"the {self.meta.title} reader broke: {type(error).__name__}"
            yield Weakness(
                place="reader",
                title=f"{reason}; a file that breaks a reader may be made to",
                severity=Severity.HIGH,
                verdict=Verdict.MALFORMED,
                evidence=(str(error)[:200],),
                remediation="Do not load it; report the file to the Bartizan project.",
            )
            yield Unread(reason=reason)
