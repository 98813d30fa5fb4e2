"""Manifests and lock files of Python, Node, conda and containers, read line by line; nothing is resolved or run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Final

from bartizan.core.finding import Skip
from bartizan.core.severity import Severity
from bartizan.discover import requirement, sightings
from bartizan.discover.catalogue import Catalogue, Provider, normalise
from bartizan.discover.requirement import PACKAGE
from bartizan.discover.source import Document, Sighting, Source
from bartizan.registry import Meta

_QUOTED: Final = re.compile(rf"""['"]({PACKAGE})(?:\[[^\]'"]*\])?\s*([=<>!~^][^'";]*)?(?:;[^'"]*)?['"]""")
_LOCKED: Final = re.compile(rf"""^name\s*=\s*['"]({PACKAGE})['"]""")
_LOCKED_VERSION: Final = re.compile(r"""^version\s*=\s*['"]([^'"]+)['"]""")
_NODE: Final = re.compile(r"""^\s*"(?:node_modules/)?(@?[\w.-]+(?:/[\w.-]+)?)"\s*:\s*(?:"([^"]*)"|\{)""")
_CONDA: Final = re.compile(rf"^\s*-\s*['\"]?(?:[\w-]+::)?({PACKAGE})\s*([=<>!~]=?[^'\"#\s]*)?")
_IMAGE: Final = re.compile(
    r"^\s*(?:FROM(?:\s+--platform=\S+)?|image:)\s+['\"]?([\w./-]+)(?::([\w.-]+))?", re.IGNORECASE
)
_PIP: Final = re.compile(r"\b(?:pip3?|uv)\s+(?:pip\s+)?(?:install|add)\s+(.*)")
_LONGEST_LINE: Final = 2_000

Found = tuple[str, str, str]
"""Ecosystem, package, version."""


@dataclass(frozen=True, kw_only=True)
class Manifest(Source):
    """Reads what a project says it depends on."""

    meta: ClassVar[Meta] = Meta(
        id="discover.manifest",
        title="Manifests, lock files and container files",
        why="Dependencies say which AI libraries a system is built from, with their versions.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM04",),
        false_positives="A package of the same name in another ecosystem.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether it is a manifest that we know."""
        return _reader(document) is not None

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields every package of a known provider, at its line."""
        reader = _reader(document)
        if reader is None:
            return
        lines = [line[:_LONGEST_LINE] for line in document.text().splitlines()]
        for number, line in enumerate(lines, 1):
            following = lines[number] if number < len(lines) else ""
            for ecosystem, package, version in reader(line, following):
                provider = _provider(catalogue, ecosystem, package)
                if provider is None:
                    continue
                name = normalise(package) if ecosystem == "pypi" else package
                place = f"{document.name}:{number}"
                yield from sightings.library(provider, name, ecosystem, place=place, version=version)


def _provider(catalogue: Catalogue, ecosystem: str, package: str) -> Provider | None:
    if ecosystem == "docker":
        return catalogue.images.get(package)
    return catalogue.by_npm(package) if ecosystem == "npm" else catalogue.by_pypi(package)


Reader = Callable[[str, str], Iterator[Found]]


def _requirements(line: str, following: str) -> Iterator[Found]:
    del following
    found = requirement.parse(line)
    if found:
        yield "pypi", *found


def _quoted(line: str, following: str) -> Iterator[Found]:
    """Reads the strings of a `setup.py`, such as `"openai>=1"`."""
    del following
    for match in _QUOTED.finditer(line.partition(" #")[0]):
        yield "pypi", match.group(1), (match.group(2) or "").strip()


def _locked(line: str, following: str) -> Iterator[Found]:
    match = _LOCKED.match(line)
    if match:
        version = _LOCKED_VERSION.match(following)
        yield "pypi", match.group(1), version.group(1) if version else ""


def _node(line: str, following: str) -> Iterator[Found]:
    match = _NODE.match(line)
    if match:
        locked = re.match(r'\s*"version"\s*:\s*"([^"]+)"', following)
        yield "npm", match.group(1), match.group(2) or (locked.group(1) if locked else "")


def _conda(line: str, following: str) -> Iterator[Found]:
    del following
    match = _CONDA.match(line)
    if match:
        yield "pypi", match.group(1), (match.group(2) or "").strip()


def _container(line: str, following: str) -> Iterator[Found]:
    del following
    image = _IMAGE.match(line)
    if image:
        yield "docker", image.group(1).removeprefix("docker.io/"), image.group(2) or ""
    installed = _PIP.search(line)
    for word in installed.group(1).split() if installed else ():
        found = requirement.parse(word.strip("'\""))
        if found and not word.startswith("-"):
            yield "pypi", *found


_BY_NAME: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "setup.py": _quoted,
        "setup.cfg": _requirements,
        "poetry.lock": _locked,
        "uv.lock": _locked,
        "pdm.lock": _locked,
        "package.json": _node,
        "package-lock.json": _node,
        "environment.yml": _conda,
        "environment.yaml": _conda,
        "conda.yml": _conda,
        "conda.yaml": _conda,
    }
)
_BY_PATTERN: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = (
    (re.compile(r"(?:.*requirements.*|.*constraints.*)\.(?:txt|in)"), _requirements),
    (re.compile(r"(?:dockerfile|containerfile)(?:\..*)?|.*\.(?:dockerfile|containerfile)"), _container),
    (re.compile(r"(?:docker-)?compose.*\.ya?ml"), _container),
)


def _reader(document: Document) -> Reader | None:
    known = _BY_NAME.get(document.base)
    if known is not None:
        return known
    if "requirements/" in document.name.lower() and document.base.endswith(".txt"):
        return _requirements
    return next((reader for pattern, reader in _BY_PATTERN if pattern.fullmatch(document.base)), None)
