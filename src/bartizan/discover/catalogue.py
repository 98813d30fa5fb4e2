"""The catalogue of AI providers and frameworks: what their packages, environment names and hosts are called."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec

import bartizan.discover
from bartizan.core.asset import AssetKind


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider or framework.

    Attributes:
        id: Its name in lower case, which is the locator of its service.
        title: What people call it.
        role: What sort of thing it is: `model-api`, `inference`, `training`, `framework`, `agent`, `vector-store`,
            `observability`, `speech`, `hub` or `guardrail`.
        service: Whether using it sends data to a third party.
        imports: Python modules, with the parent where that is shared (`google.genai`).
        pypi: Packages on PyPI.
        npm: Packages on npm; a trailing `*` stands for any ending.
        env: Environment names that configure it.
        hosts: Hosts of its API; a leading dot stands for all below.
        images: Container images without their tag.
        notes: What a reviewer should know.
    """

    id: str
    title: str
    role: str
    service: bool = False
    imports: tuple[str, ...] = ()
    pypi: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    notes: str = ""

    @property
    def kind(self) -> AssetKind:
        """What sort of asset its own part outside the application is."""
        return AssetKind.VECTOR_STORE if self.role == "vector-store" else AssetKind.SERVICE


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Providers by everything that gives them away."""

    providers: Mapping[str, Provider]
    imports: Mapping[str, Provider]
    pypi: Mapping[str, Provider]
    npm: Mapping[str, Provider]
    env: Mapping[str, Provider]
    hosts: Mapping[str, Provider]
    images: Mapping[str, Provider]

    def by_import(self, module: str) -> Provider | None:
        """Returns the provider of a dotted Python module, by the longest known parent."""
        while module:
            found = self.imports.get(module)
            if found is not None:
                return found
            module = module.rpartition(".")[0]
        return None

    def by_pypi(self, package: str) -> Provider | None:
        """Returns the provider of a Python package, its name in any spelling (PEP 503)."""
        return self.pypi.get(normalise(package))

    def by_npm(self, package: str) -> Provider | None:
        """Returns the provider of an npm package."""
        return self.npm.get(package) or self.npm.get(f"{package.partition('/')[0]}/*")

    def by_host(self, url: str) -> Provider | None:
        """Returns the provider of a URL's or a bare host's service."""
        try:
            host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
        except ValueError:
            return None
        labels = host.lower().split(".")
        for start in range(len(labels)):
            tail = ".".join(labels[start:])
            found = self.hosts.get(tail if start == 0 else f".{tail}") or self.hosts.get(f".{tail}")
            if found is not None:
                return found
        return None


def normalise(package: str) -> str:
    """Returns a Python package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", package).lower()


@cache
def catalogue() -> Catalogue:
    """Returns the catalogue, read once from `catalogue.toml`."""
    text = files(bartizan.discover).joinpath("catalogue.toml").read_text(encoding="utf-8")
    records = msgspec.convert(tomllib.loads(text)["provider"], type=list[Provider])
    return Catalogue(
        providers=MappingProxyType({provider.id: provider for provider in records}),
        imports=MappingProxyType({name: provider for provider in records for name in provider.imports}),
        pypi=MappingProxyType({normalise(name): provider for provider in records for name in provider.pypi}),
        npm=MappingProxyType({name: provider for provider in records for name in provider.npm}),
        env=MappingProxyType({name: provider for provider in records for name in provider.env}),
        hosts=MappingProxyType({name: provider for provider in records for name in provider.hosts}),
        images=MappingProxyType({name: provider for provider in records for name in provider.images}),
    )
