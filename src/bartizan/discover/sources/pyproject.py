"""TOML manifests of Python: `pyproject.toml` and `Pipfile`, by the tables that declare dependencies and no others."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from bartizan.core.finding import Skip
from bartizan.core.severity import Severity
from bartizan.discover import requirement, sightings
from bartizan.discover.catalogue import Catalogue, normalise
from bartizan.discover.source import Document, Sighting, Source
from bartizan.registry import Meta

_FILES: Final = frozenset({"pyproject.toml", "pipfile"})
_LISTS: Final[tuple[tuple[str, ...], ...]] = (
    ("build-system", "requires"),
    ("project", "dependencies"),
    ("project", "optional-dependencies", "*"),
    ("dependency-groups", "*"),
    ("tool", "uv", "dev-dependencies"),
    ("tool", "pdm", "dev-dependencies", "*"),
    ("tool", "hatch", "envs", "*", "dependencies"),
)
_TABLES: Final[tuple[tuple[str, ...], ...]] = (
    ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "dev-dependencies"),
    ("tool", "poetry", "group", "*", "dependencies"),
    ("packages",),
    ("dev-packages",),
)


@dataclass(frozen=True, kw_only=True)
class Pyproject(Source):
    """Reads what a Python project declares."""

    meta: ClassVar[Meta] = Meta(
        id="discover.pyproject",
        title="Python projects (pyproject.toml, Pipfile)",
        why="Dependencies say which AI libraries a system is built from, with their versions.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM04",),
        references=("https://peps.python.org/pep-0621/", "https://peps.python.org/pep-0735/"),
        false_positives="An optional dependency that nobody installs.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether it is one of the two files."""
        return document.base in _FILES

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields every declared package of a known provider, at the line that names it."""
        text = document.text()
        try:
            tree = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            yield Skip(subject=document.name, reason=f"it is not TOML: {error}")
            return
        lines = text.splitlines()
        for package, version in _declared(tree):
            provider = catalogue.by_pypi(package)
            if provider is not None:
                number = next((at for at, line in enumerate(lines, 1) if package in line), 1)
                place = f"{document.name}:{number}"
                yield from sightings.library(provider, normalise(package), "pypi", place=place, version=version)


def _declared(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path in _LISTS:
        for listed in _at(tree, path):
            for text in listed if isinstance(listed, list) else ():
                found = requirement.parse(text) if isinstance(text, str) else None
                if found:
                    yield found
    for path in _TABLES:
        for table in _at(tree, path):
            for package, wanted in table.items() if isinstance(table, dict) else ():
                yield package, wanted if isinstance(wanted, str) else ""


def _at(tree: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Yields what stands at a path, where `*` is any key."""
    if not path:
        yield tree
    elif isinstance(tree, dict):
        for key in tree if path[0] == "*" else path[:1]:
            if key in tree:
                yield from _at(tree[key], path[1:])
