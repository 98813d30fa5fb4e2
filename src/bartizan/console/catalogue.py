"""Everything pluggable in the house, read from what each plugin says of itself.

A shelf is a folder of a room whose name is the plural of what it holds: `detect/detectors` holds what
`detect/detector.py` calls `Detector`. That rule finds every shelf there is, so that a new one shows up by itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any

import msgspec

import bartizan
from bartizan.core.severity import Severity
from bartizan.registry import Meta, scan


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A plugin as the catalogue shows it: its `meta`, and the shelf it stands on."""

    id: str
    shelf: str
    title: str
    why: str
    severity: Severity
    tags: tuple[str, ...]
    references: tuple[str, ...]
    false_positives: str
    hits: tuple[str, ...]
    misses: tuple[str, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A shelf: what stands on it, and what cannot run here with the reason."""

    name: str
    title: str
    room: str
    entries: tuple[Entry, ...]
    unavailable: Mapping[str, str]


@cache
def catalogue() -> tuple[Group, ...]:
    """Returns every shelf of plugins with a `meta`, by room and name."""
    return tuple(_groups())


@cache
def index() -> Mapping[str, Entry]:
    """Returns every plugin by id."""
    return MappingProxyType({entry.id: entry for group in catalogue() for entry in group.entries})


def title_of(plugin_id: str) -> str:
    """Returns the plugin's title; its id where it has left the catalogue since it was recorded."""
    entry = index().get(plugin_id)
    return entry.title if entry else plugin_id


def _groups() -> Iterator[Group]:
    for room in pkgutil.iter_modules(bartizan.__path__):
        if room.ispkg and room.name not in {"cli", "console"}:
            folder = importlib.import_module(f"bartizan.{room.name}")
            for shelf in pkgutil.iter_modules(folder.__path__):
                base = _base(room.name, shelf.name) if shelf.ispkg else None
                if base is not None:
                    yield _group(importlib.import_module(f"bartizan.{room.name}.{shelf.name}"), base)


def _base(room: str, shelf: str) -> type[Any] | None:
    noun = shelf.removesuffix("s")
    if noun == shelf or find_spec(f"bartizan.{room}.{noun}") is None:
        return None
    module = importlib.import_module(f"bartizan.{room}.{noun}")
    return getattr(module, noun.title().replace("_", ""), None)


def _group(package: ModuleType, base: type[Any]) -> Group:
    _, room, name = package.__name__.split(".")
    found = scan(package, base)
    return Group(
        name=name,
        title=name.replace("_", " ").capitalize(),
        room=room,
        entries=tuple(_entry(plugin.meta, name) for plugin in sorted(found, key=lambda plugin: str(plugin.meta.id))),
        unavailable=dict(found.unavailable),
    )


def _entry(meta: Meta, shelf: str) -> Entry:
    return Entry(shelf=shelf, **{name: getattr(meta, name) for name in Meta.__struct_fields__})
