"""Discovery: a folder in; the AI assets of it out, each once, with the places where it was seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bartizan import registry
from bartizan.config import DiscoverConfig
from bartizan.core.asset import Asset, AssetKind, Link, Relation, asset_id
from bartizan.core.finding import Finding, Skip
from bartizan.discover import sources
from bartizan.discover.catalogue import Catalogue, catalogue
from bartizan.discover.documents import documents
from bartizan.discover.source import Sighting, Source
from bartizan.files import NO_INODES, Inode

_MAX_PLACES: Final = 20
_MAX_ASSETS: Final = 100_000
_LISTED: Final = frozenset({"environment", "host", "version"})
"""Attributes of which an asset may have several."""
_LONGEST_LIST: Final = 400
_APPLICATION: Final = "discover.folder"


def discover(
    root: Path, config: DiscoverConfig, *, sealed: Collection[Inode] = NO_INODES
) -> Iterator[Asset | Finding | Skip]:
    """Finds the AI assets below `root`: libraries, services, models, MCP servers, and the application that uses them.

    Skips come as they are met; assets come at the end, the application last, because the same one may be seen in many
    files. Nothing is run and no link is followed.

    Args:
        root: A folder, or a single file.
        config: What is left out, and limits.
        sealed: Files that must not be opened: `Ledger.inodes()` where one is open in this process.

    Raises:
        InputError: There is nothing at `root`.
    """
    shelf = tuple(registry.scan(sources, Source))  # type: ignore[type-abstract]
    seen = _Seen(catalogue=catalogue())
    for document in documents(root, config, sealed=sealed):
        if isinstance(document, Skip):
            yield document
            continue
        for source in shelf:
            if source.wants(document):
                for noticed in source.examine(document, seen.catalogue):
                    if isinstance(noticed, Skip):
                        yield noticed
                    elif not seen.add(source.meta.id, noticed):
                        yield Skip(
                            subject=document.name, reason=f"more than {_MAX_ASSETS:,} assets; the rest is not listed"
                        )
                        return
    yield from seen.assets(root)


@dataclass(kw_only=True)
class _Merged:
    """What is known so far of one asset."""

    first: Sighting
    source: str
    attributes: dict[str, str] = field(default_factory=dict)
    places: dict[str, None] = field(default_factory=dict)
    links: dict[tuple[Relation, str], None] = field(default_factory=dict)
    count: int = 0


@dataclass(kw_only=True)
class _Seen:
    """All sightings, merged by asset."""

    catalogue: Catalogue
    merged: dict[str, _Merged] = field(default_factory=dict)

    def add(self, source: str, sighting: Sighting) -> bool:
        """Merges a sighting; False where there are too many assets."""
        identity = asset_id(sighting.kind, sighting.locator)
        known = self.merged.get(identity)
        if known is None:
            if len(self.merged) >= _MAX_ASSETS:
                return False
            known = self.merged[identity] = _Merged(first=sighting, source=source)
        known.count += 1
        for key, value in sighting.attributes.items():
            if key in _LISTED and value not in known.attributes.get(key, value).split(", "):
                known.attributes[key] = f"{known.attributes[key]}, {value}"[:_LONGEST_LIST]
            known.attributes.setdefault(key, value)
        if len(known.places) < _MAX_PLACES:
            known.places.setdefault(sighting.place)
        for link in sighting.links:
            known.links.setdefault((link.relation, link.target))
        return True

    def assets(self, root: Path) -> Iterator[Asset]:
        """Yields every asset, then the application that they belong to where there is any."""
        links: list[Link] = []
        for identity, merged in self.merged.items():
            first = merged.first
            yield Asset(
                id=identity,
                kind=first.kind,
                name=first.name,
                locator=first.locator,
                source=merged.source,
                attributes={**merged.attributes, "sightings": str(merged.count)},
                links=tuple(Link(relation=relation, target=target) for relation, target in merged.links),
                places=tuple(merged.places),
            )
            links.append(Link(relation=first.relation, target=identity))
        if links:
            name = root.resolve().name or "root"
            yield Asset(
                id=asset_id(AssetKind.APPLICATION, name),
                kind=AssetKind.APPLICATION,
                name=name,
                locator=name,
                source=_APPLICATION,
                attributes={"assets": str(len(links))},
                links=tuple(links),
                places=(".",),
            )
