"""Makes the reference pages from the code, so that no fact stands twice: a hook of mkdocs.

`configuration.md` comes from the schema of `bartizan.config`, `commands.md` from each command's own help, and
`catalogue.md` from the `meta` of every plugin on every shelf.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from typing import Any

import msgspec
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import bartizan.cli
from bartizan.config import Config, Section, flatten
from bartizan.console.catalogue import Group, catalogue

PAGES = ("configuration.md", "commands.md", "catalogue.md")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages to the site (mkdocs calls this)."""
    for name, page in zip(PAGES, (configuration_page, commands_page, catalogue_page), strict=True):
        files.append(File.generated(config, name, content="\n".join(page())))
    return files


def configuration_page() -> Iterator[str]:
    """Yields the reference of every key: its default, and what the schema says of it."""
    yield f"# Configuration\n\n{inspect.getdoc(importlib.import_module('bartizan.config'))}\n"
    yield "`bartizan config check` says whether a file is right, `bartizan config show` where each value comes from.\n"
    for name, section in sections():
        yield f"\n## `{name}`\n\n{prose(section)}\n"
        yield "| key | default | meaning |\n|---|---|---|"
        described = described_attributes(section)
        for field in msgspec.structs.fields(section):
            if not (isinstance(field.type, type) and issubclass(field.type, Section)):
                default = {} if name.endswith(".NAME") else dict(flatten(msgspec.to_builtins(section()), name))
                prefix = "" if name == "top level" else f"{name}."
                value = json.dumps(default.get(f"{name}.{field.name}", "required" if field.required else field.default))
                yield f"| `{prefix}{field.name}` | `{value}` | {described.get(field.name, '')} |"


def sections() -> Iterator[tuple[str, type[Section]]]:
    """Yields each section of the configuration by the name of its table."""
    yield "top level", Config
    for field in msgspec.structs.fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield field.name, field.type
            for inner in msgspec.structs.fields(field.type):
                if (values := getattr(inner.type, "__args__", ())) and getattr(inner.type, "__origin__", None) is dict:
                    yield f"{field.name}.{inner.name}.NAME", values[1]


def prose(section: type[Section]) -> str:
    """Returns the docstring of a section up to its attributes."""
    return (inspect.getdoc(section) or "").partition("Attributes:")[0].strip()


def described_attributes(section: type[Section]) -> dict[str, str]:
    """Returns what a section's docstring says of each of its attributes."""
    listed = (inspect.getdoc(section) or "").partition("Attributes:")[2]
    entries = re.split(r"^ {4}(\w+): ", listed, flags=re.MULTILINE)[1:]
    return {name: " ".join(text.split()) for name, text in zip(entries[::2], entries[1::2], strict=True)}


def commands_page() -> Iterator[str]:
    """Yields the help of every command."""
    yield "# Commands\n\nExit codes: 0 clean, 1 found something, 2 broken.\n"
    for info in pkgutil.iter_modules(bartizan.cli.__path__):
        if not info.name.startswith("_"):
            command: Any = importlib.import_module(f"bartizan.cli.{info.name}")
            parser = ArgumentParser(
                prog=f"bartizan {info.name}", description=command.__doc__, formatter_class=RawDescriptionHelpFormatter
            )
            command.add_arguments(parser)
            yield f"\n## `bartizan {info.name}`\n\n```text\n{parser.format_help()}```\n"


def catalogue_page() -> Iterator[str]:
    """Yields everything pluggable, shelf by shelf."""
    yield "# Catalogue\n\nEverything pluggable, made from what each plugin says of itself.\n"
    for group in catalogue():
        yield from _group(group)


def _group(group: Group) -> Iterator[str]:
    yield f"\n## {group.title}\n\n| id | what it is | why it matters | severity | tags |\n|---|---|---|---|---|"
    for entry in group.entries:
        cells = (f"`{entry.id}`", entry.title, entry.why, entry.severity, ", ".join(entry.tags))
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
