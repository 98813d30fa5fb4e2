"""MCP servers are recorded with how they start, and without a secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bartizan.core.asset import AssetKind
from tests.discover.seeing import look

SECRET = "abcdefghij0123456789klmnopqrst"
SERVERS = {
    "files": {
        "command": "npx",
        "args": ["-y", "@modelcontextprotocol/server-filesystem", "/home"],
        "env": {"GH_TOKEN": SECRET},
    },
    "keyed": {
        "command": "uvx",
        "args": ["tool", "--api-key", SECRET, f"--token={SECRET}", SECRET, f"https://u:{SECRET}@h/x"],
    },
    "remote": {
        "url": f"https://user:{SECRET}@mcp.example.com:8443/sse?key={SECRET}",
        "headers": {"Authorization": SECRET},
    },
    "off": {"command": "tool", "disabled": True},
}


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("mcp.json", "mcpServers"),
        (".cursor/mcp.json", "mcpServers"),
        (".vscode/mcp.json", "servers"),
        ("claude_desktop_config.json", "mcpServers"),
        (".vscode/settings.json", "mcp.servers"),
    ],
)
def test_servers_of_every_client(tmp_path: Path, name: str, table: str) -> None:
    found = look(tmp_path, {name: json.dumps({table: SERVERS}, indent=1)})
    assert found.locators(AssetKind.MCP_SERVER) == {
        "npx -y @modelcontextprotocol/server-filesystem /home",
        "uvx tool --api-key *** --token=*** *** ***",
        "https://mcp.example.com:8443/sse",
        "tool",
    }
    assert SECRET not in repr(found.assets)


def test_names_of_environment_and_headers_and_the_line(tmp_path: Path) -> None:
    found = look(tmp_path, {"mcp.json": json.dumps({"mcpServers": SERVERS}, indent=1)})
    files = found.one(AssetKind.MCP_SERVER, "npx -y @modelcontextprotocol/server-filesystem /home")
    assert files.attributes["env_names"] == "GH_TOKEN"
    assert files.places == ("mcp.json:3",)
    remote = found.one(AssetKind.MCP_SERVER, "https://mcp.example.com:8443/sse")
    assert remote.attributes["headers_names"] == "Authorization"
    assert found.one(AssetKind.MCP_SERVER, "tool").attributes["disabled"] == "true"


def test_comments_are_allowed_and_garbage_is_a_skip(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        {"a/mcp.json": '{\n// note\n"servers": {"x": {"url": "http://h/"}}}', "b/mcp.json": "[]", "c/mcp.json": "{"},
    )
    assert found.locators(AssetKind.MCP_SERVER) == {"http://h/"}
    assert {skip.subject for skip in found.skips} == {"b/mcp.json", "c/mcp.json"}


def test_servers_of_odd_types_do_not_break_it(tmp_path: Path) -> None:
    odd: dict[str, Any] = {"mcpServers": {"a": [], "b": {"command": ["x"], "args": "y"}, "c": {"url": 7}, "d": None}}
    found = look(tmp_path, {"mcp.json": json.dumps(odd)})
    assert found.skips == []
