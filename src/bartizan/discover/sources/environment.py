"""Environment files, compose files, CI and deployment descriptions: the names of AI settings, never their values."""

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

_NAME: Final = re.compile(r"(?<![A-Za-z0-9_])[A-Z][A-Z0-9_]{2,60}(?![A-Za-z0-9_])")
_WANTED: Final = re.compile(
    r"\.env(?:\..*)?|.*\.env|.*\.envrc|.*\.ya?ml|.*\.(?:sh|bash|tf|tfvars)|(?:fly|netlify|wrangler|modal)\.toml|(?:docker|container)file.*|procfile"
)
_LONGEST_LINE: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Environment(Source):
    """Looks for names such as `OPENAI_API_KEY`; what stands behind the equals sign is not read."""

    meta: ClassVar[Meta] = Meta(
        id="discover.environment",
        title="Environment names",
        why="A key's name in a deployment says that the service is in use, even where no code in the folder shows it.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM04",),
        false_positives="Example files that list every provider.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether it is a file in which environments are set."""
        return _WANTED.fullmatch(document.base) is not None

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields the service behind each known name, at its line."""
        for number, line in enumerate(document.text().splitlines(), 1):
            for match in _NAME.finditer(line[:_LONGEST_LINE]):
                provider = catalogue.env.get(match.group())
                if provider is not None:
                    yield sightings.service(provider, place=f"{document.name}:{number}", environment=match.group())
