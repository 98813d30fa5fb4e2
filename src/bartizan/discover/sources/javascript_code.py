"""JavaScript and TypeScript files: imports of AI packages, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from bartizan.core.finding import Skip
from bartizan.core.severity import Severity
from bartizan.discover import sightings
from bartizan.discover.catalogue import Catalogue
from bartizan.discover.source import Document, Sighting, Source
from bartizan.registry import Meta

_IMPORT: Final = re.compile(r"""(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*['"](@?[\w.-]+(?:/[\w.-]+)?)""")
_MODEL: Final = re.compile(r"""\bmodel(?:Name|Id)?\s*:\s*['"]([\w./:@-]{2,120})['"]""")
_LONGEST_LINE: Final = 4_000


@dataclass(frozen=True, kw_only=True)
class JavascriptCode(Source):
    """Reads lines; minified ones are passed over."""

    meta: ClassVar[Meta] = Meta(
        id="discover.javascript_code",
        title="JavaScript and TypeScript code",
        why="Much of what calls models runs in Node or in a browser, where a key in the code is a key in public.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM04",),
        false_positives="An import in a comment.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether it is a script that people write."""
        return document.base.endswith((".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")) and not (
            document.base.endswith((".min.js", ".d.ts"))
        )

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields packages and, in files that use one, models."""
        lines = [line[:_LONGEST_LINE] for line in document.text().splitlines()]
        speaks_ai = False
        for number, line in enumerate(lines, 1):
            for match in _IMPORT.finditer(line):
                name = match.group(1)
                package = name if name.startswith("@") else name.partition("/")[0]
                provider = catalogue.by_npm(package)
                if provider is not None:
                    speaks_ai = True
                    yield from sightings.library(provider, package, "npm", place=f"{document.name}:{number}")
        for number, line in enumerate(lines if speaks_ai else [], 1):
            for match in _MODEL.finditer(line):
                yield from sightings.model(match.group(1), place=f"{document.name}:{number}")
