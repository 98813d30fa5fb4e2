"""The base of all sources: it enforces the boundary, the source reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

from bartizan.core.asset import AssetKind, Link, Relation
from bartizan.core.finding import Skip
from bartizan.discover.catalogue import Catalogue
from bartizan.errors import InputError
from bartizan.registry import Meta


@dataclass(frozen=True, kw_only=True)
class Document:
    """A regular file that a source may read.

    Attributes:
        name: Its path below the root, with forward slashes.
        size: Its size in bytes.
        text: Returns it as text; raises `InputError` where it is too large, binary, or cannot be read.
        head: Returns its first 64 bytes.
    """

    name: str
    size: int
    text: Callable[[], str] = field(repr=False)
    head: Callable[[], bytes] = field(repr=False)

    @property
    def base(self) -> str:
        """The file's own name in lower case."""
        return self.name.rpartition("/")[2].lower()


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """An asset seen at a place.

    Attributes:
        place: `path:line`, or the path alone.
        relation: What the application does with it.
        links: Its own edges to other assets.
    """

    kind: AssetKind
    name: str
    locator: str
    place: str
    relation: Relation = Relation.DEPENDS_ON
    attributes: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source(ABC):
    """A kind of file in which AI shows itself."""

    meta: ClassVar[Meta]

    @abstractmethod
    def wants(self, document: Document) -> bool:
        """Says by name and size alone whether this source reads the file."""

    @abstractmethod
    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields what the file shows."""

    @final
    def examine(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields what the file shows; where it cannot be read, a skip that says why."""
        try:
            yield from self.read(document, catalogue)
        except InputError as error:
            yield Skip(subject=document.name, reason=error.message)
        except Exception as error:  # noqa: BLE001  (the engine boundary of ARCHITECTURE.md, principle 8)
            yield Skip(subject=document.name, reason=f"{self.meta.title}: the reader broke: {type(error).__name__}")
