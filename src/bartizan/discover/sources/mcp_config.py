"""MCP configurations of editors, desktop clients and agents: which servers a model may call, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit, urlunsplit

from bartizan.core.asset import AssetKind, Relation
from bartizan.core.finding import Skip
from bartizan.core.severity import Severity
from bartizan.discover.catalogue import Catalogue
from bartizan.discover.source import Document, Sighting, Source
from bartizan.registry import Meta

_NAMES: Final = frozenset(
    {
        "mcp.json",
        ".mcp.json",
        "claude_desktop_config.json",
        "cline_mcp_settings.json",
        "mcp_config.json",
        "mcp_settings.json",
    }
)
_SETTINGS: Final = (
    ".vscode/settings.json",
    ".gemini/settings.json",
    ".claude/settings.json",
    ".claude.json",
    ".zed/settings.json",
)
_TABLES: Final = ("mcpServers", "servers", "mcp.servers", "context_servers", "mcp")
_MAX_SERVERS: Final = 1_000
_MAX_ARGUMENTS: Final = 50
_SECRET_FLAG: Final = re.compile(
    r"-{0,2}[\w-]*(?:key|token|secret|password|passwd|auth|credential|bearer)[\w-]*", re.IGNORECASE
)
_SECRET_SHAPE: Final = re.compile(r"[A-Za-z0-9_+/=.-]{24,}")
_LINE_COMMENT: Final = re.compile(r"^\s*//.*$", re.MULTILINE)
_HIDDEN: Final = "***"


@dataclass(frozen=True, kw_only=True)
class McpConfig(Source):
    """Reads the servers; of their environment and headers only the names, and no argument that may be a secret."""

    meta: ClassVar[Meta] = Meta(
        id="discover.mcp_config",
        title="MCP configurations",
        why="An MCP server runs with its user's rights and feeds a model; one line brings in a stranger's program.",
        severity=Severity.INFO,
        tags=("owasp-agentic:2026:ASI04", "owasp-agentic:2026:ASI02"),
        references=("https://modelcontextprotocol.io",),
        false_positives="Servers that are configured and disabled are marked so.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether it is a configuration in which clients keep servers."""
        return document.base in _NAMES or document.name.lower().endswith(_SETTINGS)

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields every server."""
        del catalogue
        settings = _load(document.text())
        if settings is None:
            yield Skip(subject=document.name, reason="the configuration is no JSON object")
            return
        text = document.text()
        for number, (name, server) in enumerate(_servers(settings)):
            if number >= _MAX_SERVERS:
                yield Skip(subject=document.name, reason=f"more than {_MAX_SERVERS:,} servers")
                return
            yield _sighting(name, server, place=f"{document.name}:{_line(text, name)}")


def _load(text: str) -> dict[str, Any] | None:
    for candidate in (text, _LINE_COMMENT.sub("", text)):
        try:
            settings = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return settings if isinstance(settings, dict) else None
    return None


def _servers(settings: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for table in _TABLES:
        servers = settings.get(table)
        if not isinstance(servers, dict):
            continue
        if table == "mcp" and isinstance(servers.get("servers"), dict):
            servers = servers["servers"]
        for name, server in servers.items():
            if isinstance(server, dict) and ("command" in server or "url" in server or "serverUrl" in server):
                yield name, server


def _line(text: str, name: str) -> int:
    found = text.find(json.dumps(name))
    return text.count("\n", 0, max(0, found)) + 1


def _sighting(name: str, server: Mapping[str, Any], *, place: str) -> Sighting:
    url = server.get("url") or server.get("serverUrl")
    attributes = {"transport": "http" if url else "stdio"}
    if url:
        locator = _clean_url(str(url))
    else:
        locator = _command(server)
        attributes["command"] = locator
    for key in ("env", "headers"):
        names = server.get(key)
        if isinstance(names, dict) and names:
            attributes[f"{key}_names"] = ", ".join(sorted(map(str, names)))[:400]
    if server.get("disabled") is True:
        attributes["disabled"] = "true"
    return Sighting(
        kind=AssetKind.MCP_SERVER,
        name=name[:200],
        locator=locator,
        place=place,
        relation=Relation.CALLS,
        attributes=attributes,
    )


def _clean_url(url: str) -> str:
    """Returns a URL without credentials, query or fragment, where tokens travel."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is no URL"
    return urlunsplit((parts.scheme, f"{parts.hostname or ''}{port}", parts.path, "", ""))[:400]


def _command(server: Mapping[str, Any]) -> str:
    """Returns the command line with every argument that may be a secret replaced by stars."""
    arguments = server.get("args")
    words = [str(server.get("command", ""))]
    secret_follows = False
    for argument in arguments[:_MAX_ARGUMENTS] if isinstance(arguments, list) else ():
        word = str(argument)
        flag, equals, _ = word.partition("=")
        if secret_follows:
            words.append(_HIDDEN)
        elif equals and _SECRET_FLAG.fullmatch(flag):
            words.append(f"{flag}={_HIDDEN}")
        else:
            words.append(_HIDDEN if _looks_secret(word) else word)
        secret_follows = not equals and word.startswith("-") and _SECRET_FLAG.fullmatch(word) is not None
    return " ".join(words)[:400]


def _looks_secret(word: str) -> bool:
    """Says whether a word is one long run of letters and digits, and neither a path, a package nor an address."""
    if "://" in word:
        return "@" in word or "?" in word
    mixed = any(char.isdigit() for char in word) and any(char.isalpha() for char in word)
    return mixed and "/" not in word[:2] and "@" not in word and _SECRET_SHAPE.fullmatch(word) is not None
