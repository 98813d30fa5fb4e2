"""Install commands and imports that name packages which are not, or that a squatter named."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import ClassVar, NamedTuple

import bartizan.detect
from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.nearness import Names
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.registry import Meta

_SQUAT, _SQUAT_IMPORT, _UNKNOWN = 0.85, 0.6, 0.3
_INSTALL = re.compile(
    r"""(?mx)(?:^|[\s;&|`$!(])
    (?: (?P<python>(?:(?:python[\d.]*|py)\s+-m\s+)?pip[\d.]*\s+install|uv\s+(?:pip\s+install|add)|poetry\s+add
          |pipx\s+install|pipenv\s+install|conda\s+install|mamba\s+install)
    | (?P<javascript>npm\s+(?:install|i|add)|yarn\s+add|pnpm\s+(?:add|i|install)|bun\s+(?:add|i|install)|npx)
    | (?P<other>cargo\s+(?:add|install)|gem\s+install|composer\s+require) )
    (?P<names>(?:[ \t]+[^\s;&|`#)<>]+)+)"""
)
_NAME = re.compile(
    r"""["']?(@[\w.-]+/[\w.-]+|[A-Za-z][\w.-]*(?:/[\w.-]+)?)(?:\[[\w,-]*\])?(?:[=<>~!^@][^\s]*)?["']?,?"""
)
_PYTHON_IMPORT = re.compile(r"(?m)^[ \t>]*(?:import|from)[ \t]+([A-Za-z_]\w*)(?=[\s.,]|$)[^\n]*")
_SCRIPT_IMPORT = re.compile(
    r"""(?:\brequire\(\s*|\bfrom\s+|\bimport\s+)["']((?:@[\w.-]+/)?[a-z][\w.-]*)(?:/[\w./-]*)?["']"""
)
_WITH_VALUE = frozenset(
    "-r --requirement -c --constraint -e --editable -i --index-url -n -p -f -t".split()  # noqa: SIM905
)
_FILE = re.compile(r"\.(?:txt|toml|whl|gz|zip|json|git|tgz)$|^[./~]|://|^git\+")
_PROSE = frozenset(
    "the a an and or it them this that with for from in to of your any all using via into then both".split()  # noqa: SIM905
)


class _Named(NamedTuple):
    """A package that a text names: where, in which ecosystem, and whether it is installed or only imported."""

    name: str
    start: int
    end: int
    ecosystem: str
    is_install: bool


@dataclass(frozen=True, kw_only=True)
class Package(Reader):
    """Packages whose names are a slip away from well-known ones, and, less surely, packages that nobody knows."""

    meta: ClassVar[Meta] = Meta(
        id="output.package",
        title="Package that may not be the one that is meant",
        why=(
            "Models invent names of packages, and attackers register what they invent: whoever follows the answer "
            "installs the attacker's code."
        ),
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM04", "owasp-agentic:2026:ASI04", "cwe:4:CWE-1357"),
        references=("https://arxiv.org/abs/2406.10279", "https://arxiv.org/abs/2005.09535"),
        false_positives=(
            "Small and private packages are unknown to the list that ships, and get a low score. Some real packages "
            "are one letter away from larger ones."
        ),
        hits=(
            "pip install reqeusts",
            "Run `pip install numpyy` first.",
            "npm install --save expresss",
            "npm i lodahs",
            "pip install fastjsonparse-pro",
            "import panadas as pd",
            "cargo add serde_jsom",
        ),
        misses=(
            "pip install requests numpy==1.26 'pandas>=2'",
            "pip install -r requirements.txt",
            "python -m pip install --upgrade pip",
            "npm install express @types/node",
            "import os\nimport numpy as np\nfrom collections import deque",
            "import my_module",
            "const fs = require('fs')",
            "To import goods from Norway you need a form.",
        ),
    )
    category: str = "package"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)

    def read(self, text: str, context: Context) -> Iterator[Sight]:
        """Yields slips of well-known names, and unknown names to be installed; what the sources name is known."""
        for found in _named(text):
            name = re.sub(r"[-_.]+", "-", found.name.lower())
            known = _known()[found.ecosystem]
            if name in known.known or any(found.name in source for source in context.sources):
                continue
            if known.meant(name):
                score = _SQUAT if found.is_install else _SQUAT_IMPORT
                yield Sight(found.start, found.end, score, "its name is a slip away from a well-known package")
            elif found.is_install:
                yield Sight(found.start, found.end, _UNKNOWN, "a package that is not well-known")


def _named(text: str) -> Iterator[_Named]:
    for match in _INSTALL.finditer(text):
        ecosystem = str(match.lastgroup if match.lastgroup != "names" else _ecosystem(match))
        skip = False
        for token in re.finditer(r"\S+", match["names"]):
            if skip or token[0].startswith("-"):
                skip = not skip and token[0] in _WITH_VALUE
                continue
            found = _NAME.fullmatch(token[0].rstrip(".,:"))
            if found is None or found[1].lower() in _PROSE or _FILE.search(token[0]):
                break
            start = match.start("names") + token.start() + found.start(1)
            yield _Named(found[1], start, start + len(found[1]), ecosystem, is_install=True)
            if re.match(r"npx\b", match["javascript"] or ""):
                break
    for ecosystem, pattern in (("python", _PYTHON_IMPORT), ("javascript", _SCRIPT_IMPORT)):
        for match in pattern.finditer(text):
            yield _Named(match[1], *match.span(1), ecosystem, is_install=False)


def _ecosystem(match: re.Match[str]) -> str:
    return next(name for name in ("python", "javascript", "other") if match[name])


@cache
def _known() -> Mapping[str, Names]:
    """Returns the well-known names of each ecosystem, `-` standing for any separator."""
    lists = tomllib.loads(files(bartizan.detect).joinpath("known_packages.toml").read_text(encoding="utf-8"))
    named = {key: frozenset(re.sub(r"[-_.]+", "-", name.lower()) for name in lists[key].split()) for key in lists}
    built_in = frozenset(name.lower().replace("_", "-") for name in sys.stdlib_module_names)
    found = {
        "python": Names(named["python"] | named["also"] | built_in),
        "javascript": Names(named["javascript"] | named["node"]),
        "other": Names(named["other"]),
    }
    return MappingProxyType(found)
