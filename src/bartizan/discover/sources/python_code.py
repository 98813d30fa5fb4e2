"""Python files and notebooks: imports of AI packages, and calls that name models, datasets and addresses."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from bartizan.core.asset import AssetKind
from bartizan.core.finding import Skip
from bartizan.core.severity import Severity
from bartizan.discover import sightings
from bartizan.discover.catalogue import Catalogue
from bartizan.discover.source import Document, Sighting, Source
from bartizan.registry import Meta

_MODEL_WORDS: Final = frozenset(
    {"model", "model_name", "model_id", "model_name_or_path", "deployment_name", "azure_deployment"}
)
_ADDRESS_WORDS: Final = frozenset(
    {"base_url", "api_base", "openai_api_base", "azure_endpoint", "endpoint", "endpoint_url", "host"}
)
_HUB_CALLS: Final = frozenset(
    {"from_pretrained", "SentenceTransformer", "CrossEncoder", "hf_hub_download", "snapshot_download", "pipeline"}
)
_DATASET_CALLS: Final = frozenset({"load_dataset"})
_MAX_SIGHTINGS: Final = 5_000
_SHELL: Final = re.compile(r"^\s*[%!?].*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class PythonCode(Source):
    """Reads Python as a syntax tree; nothing is imported."""

    meta: ClassVar[Meta] = Meta(
        id="discover.python_code",
        title="Python code",
        why="What a program imports and which models it names is what it really uses, whatever its documents say.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM04",),
        false_positives="A module of one's own that has the name of an AI package.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether it is a Python file or a notebook."""
        return document.base.endswith((".py", ".pyw", ".ipynb"))

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields what the code, or each cell of code, shows."""
        cells = _cells(document.text()) if document.base.endswith(".ipynb") else [("", document.text())]
        if cells is None:
            yield Skip(subject=document.name, reason="the notebook is no JSON that has cells")
            return
        left = _MAX_SIGHTINGS
        for fragment, code in cells:
            place = f"{document.name}{fragment}"
            tree = _parse(code)
            if isinstance(tree, str):
                yield Skip(subject=place, reason=tree)
                continue
            for sighting in _Reader(place=place, catalogue=catalogue).read(tree):
                left -= 1
                if left < 0:
                    yield Skip(subject=document.name, reason=f"more than {_MAX_SIGHTINGS:,} sightings in one file")
                    return
                yield sighting


def _cells(text: str) -> list[tuple[str, str]] | None:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        return None
    return [
        (f"#cell-{number}", _SHELL.sub("", _source(cell)))
        for number, cell in enumerate(cells, 1)
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    ]


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(line for line in source if isinstance(line, str)) if isinstance(source, list) else str(source)


def _parse(code: str) -> ast.Module | str:
    """Returns the tree, or why there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except SyntaxError as error:
            return f"it is no Python that can be parsed: line {error.lineno}: {error.msg}"
        except (ValueError, RecursionError, MemoryError) as error:
            return f"it is no Python that can be parsed: {type(error).__name__}"


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Reads one syntax tree."""

    place: str
    catalogue: Catalogue

    def read(self, tree: ast.Module) -> Iterator[Sighting]:
        nodes = list(ast.walk(tree))
        found = [sighting for node in nodes for sighting in self._imports(node)]
        yield from found
        for node in nodes:
            if isinstance(node, ast.Call):
                yield from self._call(node, speaks_ai=bool(found))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from self._text(node.value, node.lineno)

    def _at(self, line: int) -> str:
        return f"{self.place}:{line}"

    def _imports(self, node: ast.AST) -> Iterator[Sighting]:
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            return
        for module in modules:
            provider = self.catalogue.by_import(module)
            if provider is not None:
                package = _package(module, provider.imports, provider.pypi)
                yield from sightings.library(provider, package, "pypi", place=self._at(node.lineno))

    def _call(self, node: ast.Call, *, speaks_ai: bool) -> Iterator[Sighting]:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = self._at(node.lineno)
        facts = {"trust_remote_code": "true"} if _is_true(node, "trust_remote_code") else {}
        first = _text_of(node.args[0]) if node.args else None
        words = {keyword.arg: _text_of(keyword.value) for keyword in node.keywords if keyword.arg}
        if called in _DATASET_CALLS and first:
            yield Sighting(kind=AssetKind.DATASET, name=first[:200], locator=f"dataset:{first[:200]}", place=place)
        elif called in _HUB_CALLS:
            name = words.get("repo_id") or words.get("model") or (None if called == "pipeline" else first)
            if name:
                yield from sightings.model(name, place=place, hub=True, attributes=facts)
                return
        for word, value in words.items():
            if value is None:
                continue
            if word in _MODEL_WORDS and (speaks_ai or sightings.is_family(value)):
                yield from sightings.model(value, place=place, attributes=facts)
            elif word in _ADDRESS_WORDS and speaks_ai:
                yield from sightings.address(value, self.catalogue, place=place)

    def _text(self, text: str, line: int) -> Iterator[Sighting]:
        provider = self.catalogue.env.get(text)
        if provider is not None:
            yield sightings.service(provider, place=self._at(line), environment=text)
        elif text.startswith(("http://", "https://")):
            provider = self.catalogue.by_host(text)
            if provider is not None:
                yield sightings.service(provider, place=self._at(line))


def _package(module: str, imports: tuple[str, ...], packages: tuple[str, ...]) -> str:
    """Returns the package that a module most likely comes from: the one of the same name, else the provider's first."""
    roots = sorted((name for name in imports if module == name or module.startswith(f"{name}.")), key=len)
    wanted = (roots[-1] if roots else module).replace("_", "-").replace(".", "-")
    if wanted in packages:
        return wanted
    position = imports.index(roots[-1]) if roots else 0
    return packages[position] if len(imports) == len(packages) else (packages or (wanted,))[0]


def _text_of(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_true(node: ast.Call, word: str) -> bool:
    return any(
        keyword.arg == word and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in node.keywords
    )
