"""How anything pluggable is found: scan a shelf, read its classes and TOML records, check ids.

A shelf is a package whose name is the plural of what it holds. A plugin is a frozen dataclass on a shelf with a `meta`
(in Python), or a TOML record that the shelf's base class turns into one. There is no list, no cache and no decorator:
adding a plugin touches one file. Nothing may depend on the order in which plugins are found.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType, ModuleType
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from bartizan.core.severity import Severity
from bartizan.errors import MissingExtra, PluginError


class Meta(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every plugin says of itself. Docs, help and the console's catalogue are made from it.

    Attributes:
        id: `room.name` or `family.name`, lower case; the file's name is its tail.
        title: What it is, as a heading.
        why: Why it matters, in one or two sentences.
        severity: How bad a hit usually is.
        tags: Taxonomy tags, `framework:edition:id`.
        references: Where to read more: URLs or advisory ids.
        false_positives: What looks like it and is harmless.
        hits: Examples that must be found, at least two for plugins that read text.
        misses: Examples that must not be found, at least two for plugins that read text.
    """

    id: str
    title: str
    why: str
    severity: Severity
    tags: tuple[str, ...]
    references: tuple[str, ...] = ()
    false_positives: str = ""
    hits: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()


@runtime_checkable
class Plugin(Protocol):
    """Anything on a shelf."""

    @property
    def meta(self) -> Meta:
        """What the plugin says of itself."""
        ...


P = TypeVar("P", bound=Plugin)


@dataclass(frozen=True, kw_only=True)
class Shelf(Generic[P]):
    """What a scan found: plugins by id, and those that cannot run here with the reason; none ever vanishes."""

    plugins: Mapping[str, P]
    unavailable: Mapping[str, str]

    def __iter__(self) -> Iterator[P]:
        return iter(self.plugins.values())

    def __len__(self) -> int:
        return len(self.plugins)

    def __getitem__(self, plugin_id: str) -> P:
        try:
            return self.plugins[plugin_id]
        except KeyError:
            reason = self.unavailable.get(plugin_id)
            hint = reason or nearest(plugin_id, self.plugins)
            raise PluginError(f"there is no plugin {plugin_id!r}", hint=hint) from None


def scan(package: ModuleType, base: type[P]) -> Shelf[P]:
    """Finds every plugin of `base` on the shelf `package`.

    A module counts by the concrete subclasses of `base` that it defines itself, each made with its default settings.
    A `.toml` file counts as `base.from_record(<its content>)`, where `base` has that class method.

    Raises:
        PluginError: An id is taken twice, a record is malformed, or an id does not end in its file's name.
    """
    plugins: dict[str, P] = {}
    unavailable: dict[str, str] = {}
    for stem, load in _candidates(package, base):
        try:
            found = load()
        except MissingExtra as missing:
            unavailable[stem] = missing.explain()
            continue
        for plugin in found:
            _shelve(plugins, plugin, stem)
    return Shelf(plugins=MappingProxyType(plugins), unavailable=MappingProxyType(unavailable))


def _candidates(package: ModuleType, base: type[P]) -> Iterator[tuple[str, Any]]:
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if not info.name.startswith("_"):
            yield info.name, lambda name=info.name: _from_module(f"{package.__name__}.{name}", base)
    if hasattr(base, "from_record"):
        for entry in sorted(files(package).iterdir(), key=lambda file: file.name):
            if entry.name.endswith(".toml"):
                yield entry.name.removesuffix(".toml"), lambda file=entry: [_from_toml(file, base)]


def _from_module(name: str, base: type[P]) -> list[P]:
    module = importlib.import_module(name)
    return [
        value()
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == name
        and not inspect.isabstract(value)
        and hasattr(value, "meta")
    ]


def _from_toml(file: Traversable, base: Any) -> Any:
    try:
        return base.from_record(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError, KeyError) as error:
        raise PluginError(f"{file.name}: {error}", hint="compare it with another file on the same shelf") from error


def _shelve(plugins: dict[str, P], plugin: P, stem: str) -> None:
    plugin_id = plugin.meta.id
    if plugin_id in plugins:
        raise PluginError(f"two plugins have the id {plugin_id!r}", hint=f"rename the one in {stem}")
    if plugin_id.rpartition(".")[2].replace("-", "_") != stem:
        raise PluginError(f"the plugin in {stem} calls itself {plugin_id!r}", hint="an id ends in its file's name")
    plugins[plugin_id] = plugin


def nearest(name: str, known: Mapping[str, object] | list[str]) -> str:
    """Returns `did you mean X?` for the closest known name, otherwise the list of known names."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are: {', '.join(sorted(known))}"


def need(module: str, *, extra: str) -> ModuleType:
    """Imports an optional dependency.

    Args:
        module: What to import, such as `torch`.
        extra: The extra of this package that installs it, such as `ml`.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(f"{module} is not installed", hint=f"pip install 'bartizan[{extra}]'") from error
