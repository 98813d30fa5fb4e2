"""Assets: what an AI system is made of and what an attacker would go for. With their links they are a graph."""

from __future__ import annotations

from enum import StrEnum

from bartizan.core.identity import stable_id
from bartizan.core.record import LedgerRecord, Record


class AssetKind(StrEnum):
    """The kinds of thing in an AI system that can be attacked."""

    MODEL = "model"
    DATASET = "dataset"
    ENDPOINT = "endpoint"
    APPLICATION = "application"
    AGENT = "agent"
    TOOL = "tool"
    MCP_SERVER = "mcp-server"
    PROMPT = "prompt"
    VECTOR_STORE = "vector-store"
    LIBRARY = "library"
    SERVICE = "service"
    IDENTITY = "identity"


class Relation(StrEnum):
    """How one asset is tied to another, read from left to right."""

    TRAINED_ON = "trained_on"
    SERVES = "serves"
    CALLS = "calls"
    DEPENDS_ON = "depends_on"
    READS = "reads"
    OWNS = "owns"


class Link(Record, frozen=True, kw_only=True):
    """A typed edge from the asset that carries it to `target`, an asset id."""

    relation: Relation
    target: str


class Asset(LedgerRecord, frozen=True, kw_only=True, tag="asset"):
    """Something of an AI system that can be attacked.

    Attributes:
        kind: What sort of thing it is.
        name: What people call it.
        locator: Where it is, as a path relative to the scanned root, a URL, or a package URL (purl).
        source: The id of the discovery source or scanner that saw it.
        owner: Who is accountable for it, where that is known.
        sha256: The hash of its bytes, for assets that are files.
        attributes: Facts about it, such as `version` or `format`.
        links: Its edges to other assets.
        places: Where it was seen, as `path:line`, at most a few.
    """

    kind: AssetKind
    name: str
    locator: str
    source: str
    owner: str | None = None
    sha256: str | None = None
    attributes: dict[str, str] = {}
    links: tuple[Link, ...] = ()
    places: tuple[str, ...] = ()


def asset_id(kind: AssetKind, locator: str) -> str:
    """Returns the id of the asset of this kind at this locator."""
    return stable_id(kind.value, locator)
