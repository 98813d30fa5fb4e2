"""Docs under test: what the pages name exists, and what exists is on the pages."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from bartizan.config import Config, flatten

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "bartizan"
COMMANDS = {path.stem for path in (SOURCE / "cli").glob("[!_]*.py")}
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    pytest.importorskip("mkdocs")
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_architecture_page_lists_the_rooms_there_are() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_./]+?)/?` \|", page, re.MULTILINE))
    there = {path.parent.name for path in SOURCE.glob("*/__init__.py")} | {
        "errors.py",
        "config.py",
        "files.py",
        "registry.py",
    }
    assert listed == there


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ |^|\| )bartizan ([a-z]+)\b", text, re.MULTILINE))
    assert named <= COMMANDS | {"command"}, named - COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    generated = {"configuration.md", "commands.md", "catalogue.md"}
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if link not in generated and not (page.parent / link).exists()]
    assert not missing


def test_the_configuration_page_has_every_key(generate: Any) -> None:
    page = "\n".join(generate.configuration_page())
    for key, _ in flatten(msgspec.to_builtins(Config())):
        assert f"`{key}`" in page, key


def test_the_commands_page_has_every_command(generate: Any) -> None:
    page = "\n".join(generate.commands_page())
    assert set(re.findall(r"^## `bartizan (\w+)`", page, re.MULTILINE)) == COMMANDS


def test_the_catalogue_page_has_every_shelf(generate: Any) -> None:
    page = "\n".join(generate.catalogue_page())
    for plugin in ("secrets.aws_access_key", "mutator.base64", "extraction.plain_request", "judge.canary"):
        assert f"`{plugin}`" in page


def test_what_a_section_says_of_its_keys_is_of_keys_it_has(generate: Any) -> None:
    for name, section in generate.sections():
        fields = {field.name for field in msgspec.structs.fields(section)}
        assert set(generate.described_attributes(section)) <= fields, name
