"""The sightings that every source makes alike: a provider's library, its service, a model, an endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from bartizan.core.asset import AssetKind, Link, Relation, asset_id
from bartizan.discover.catalogue import Catalogue, Provider
from bartizan.discover.source import Sighting

_MODEL_NAME: Final = re.compile(r"[A-Za-z0-9][\w.:@+-]{1,80}(?:/[\w.:@+-]{1,80}){0,4}")
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_FAMILY: Final = re.compile(
    r"(?:[a-z0-9_-]+[/.:]){0,3}(?:gpt-|o[1-9](?:-|$)|chatgpt|claude|gemini|gemma|mi[sx]tral|codestral|pixtral|command-|llama|"
    r"deepseek|grok|qwen|phi-?\d|text-embedding|embed-|whisper|dall-e|sonar|nova-|titan|kimi|glm-|yi-|falcon|bge-|voyage-)",
    re.IGNORECASE,
)


def library(provider: Provider, package: str, ecosystem: str, *, place: str, version: str = "") -> Iterator[Sighting]:
    """Yields a provider's package, tied to its service, and that service.

    Args:
        provider: Whose it is.
        package: The package's name in its ecosystem.
        ecosystem: The purl type: `pypi`, `npm`, `docker`.
        place: Where it was seen.
        version: The version or range that was written, where one was.
    """
    attributes = {"provider": provider.title, "role": provider.role, "ecosystem": ecosystem}
    if version:
        attributes["version"] = version[:80]
    if provider.notes:
        attributes["notes"] = provider.notes
    links = (Link(relation=Relation.CALLS, target=service_id(provider)),) if provider.service else ()
    yield Sighting(
        kind=AssetKind.LIBRARY,
        name=package,
        locator=f"pkg:{ecosystem}/{package}",
        place=place,
        attributes=attributes,
        links=links,
    )
    if provider.service:
        yield service(provider, place=place)


def service_id(provider: Provider) -> str:
    """Returns the asset id of a provider's own part outside the application."""
    return asset_id(provider.kind, provider.id)


def service(provider: Provider, *, place: str, **attributes: str) -> Sighting:
    """Returns a provider's own part outside the application, which receives data."""
    known = {"role": provider.role, "third_party": "yes" if provider.service else "no", **attributes}
    if provider.notes:
        known["notes"] = provider.notes
    return Sighting(
        kind=provider.kind,
        name=provider.title,
        locator=provider.id,
        place=place,
        relation=Relation.CALLS,
        attributes=known,
    )


def model(
    name: str, *, place: str, hub: bool = False, attributes: Mapping[str, str] | None = None
) -> Iterator[Sighting]:
    """Yields a model that is called by name; nothing where the text is no model's name.

    Args:
        name: The text.
        place: Where it was seen.
        hub: Whether it is loaded from Hugging Face's hub, rather than called over an API.
        attributes: Facts about it.
    """
    if not _MODEL_NAME.fullmatch(name):
        return
    on_hub = hub and _HUB_NAME.fullmatch(name) is not None
    yield Sighting(
        kind=AssetKind.MODEL,
        name=name,
        locator=f"pkg:huggingface/{name}" if on_hub else f"model:{name}",
        place=place,
        relation=Relation.DEPENDS_ON if hub else Relation.CALLS,
        attributes={"loaded_from": "hub" if on_hub else "name", **(attributes or {})},
    )


def is_family(name: str) -> bool:
    """Says whether a text begins like the name of a well-known model."""
    return _FAMILY.match(name) is not None


def address(url: str, catalogue: Catalogue, *, place: str) -> Iterator[Sighting]:
    """Yields the service or the endpoint that a URL points at, without credentials or query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return
    if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
        return
    provider = catalogue.by_host(url)
    if provider is not None:
        yield service(provider, place=place, host=parts.hostname)
        return
    clean = urlunsplit((parts.scheme, f"{parts.hostname}{port}", parts.path.rstrip("/"), "", ""))
    yield Sighting(
        kind=AssetKind.ENDPOINT,
        name=clean,
        locator=clean,
        place=place,
        relation=Relation.CALLS,
        attributes={"scheme": parts.scheme},
    )
