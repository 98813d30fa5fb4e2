"""The registry: what is found on a shelf, and what is refused."""

import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from bartizan.errors import MissingExtra, PluginError
from bartizan.registry import Meta, need, scan

META = 'Meta(id="fruit.{0}", title="{0}", why="w", severity=Severity.LOW, tags=())'
MODULE = f"""
from dataclasses import dataclass
from typing import ClassVar
from bartizan.core.severity import Severity
from bartizan.registry import Meta
from {__name__} import Fruit

@dataclass(frozen=True)
class Plugin(Fruit):
    meta: ClassVar[Meta] = {META}
"""


@dataclass(frozen=True)
class Fruit:
    """The base class of a shelf of fruits."""

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Dried":
        return Dried(meta=msgspec.convert(record, type=Meta))


@dataclass(frozen=True)
class Dried(Fruit):
    meta: Meta


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    sys.modules[__name__] = sys.modules.get(__name__) or ModuleType(__name__)
    vars(sys.modules[__name__]).setdefault("Fruit", Fruit)
    folder = tmp_path / "fruits_on_a_shelf"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.startswith("fruits_on_a_shelf")]:
        del sys.modules[name]


def found(shelf: Path) -> Any:
    return scan(importlib.import_module(shelf.name), Fruit)


def put(shelf: Path, stem: str, identity: str) -> None:
    (shelf / f"{stem}.py").write_text(MODULE.replace("{0}", identity), encoding="utf-8")


def put_toml(shelf: Path, stem: str, identity: str) -> None:
    text = f'id = "fruit.{identity}"\ntitle = "t"\nwhy = "w"\nseverity = "low"\ntags = []\n'
    (shelf / f"{stem}.toml").write_text(text, encoding="utf-8")


def test_finds_classes_and_records_and_ignores_private_modules(shelf: Path) -> None:
    put(shelf, "apple", "apple")
    put(shelf, "_draft", "draft")
    put_toml(shelf, "raisin", "raisin")
    assert set(found(shelf).plugins) == {"fruit.apple", "fruit.raisin"}


def test_two_plugins_cannot_share_an_id(shelf: Path) -> None:
    put(shelf, "apple", "apple")
    put_toml(shelf, "apple", "apple")
    with pytest.raises(PluginError, match=r"two plugins have the id 'fruit\.apple'"):
        found(shelf)


def test_an_id_ends_in_its_files_name(shelf: Path) -> None:
    put(shelf, "apple", "pear")
    with pytest.raises(PluginError, match=r"calls itself 'fruit\.pear'"):
        found(shelf)


@pytest.mark.parametrize("text", ["not toml", "id = 3", 'id = "fruit.x"\nunknown = 1'])
def test_a_malformed_record_names_its_file(shelf: Path, text: str) -> None:
    (shelf / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PluginError, match=r"x\.toml"):
        found(shelf)


def test_a_plugin_without_its_extra_is_listed_with_the_reason(shelf: Path) -> None:
    put(shelf, "apple", "apple")
    text = "from bartizan.registry import need\nneed('no_such_module_here', extra='ml')\n"
    (shelf / "pear.py").write_text(text, encoding="utf-8")
    shelf_found = found(shelf)
    assert set(shelf_found.plugins) == {"fruit.apple"}
    assert "pip install 'bartizan[ml]'" in shelf_found.unavailable["pear"]


def test_an_unknown_id_is_answered_with_the_nearest(shelf: Path) -> None:
    put(shelf, "apple", "apple")
    with pytest.raises(PluginError) as raised:
        found(shelf)["fruit.aple"]
    assert "fruit.apple" in raised.value.hint


def test_a_missing_extra_is_also_an_import_error() -> None:
    with pytest.raises(ImportError) as raised:
        need("no_such_module_here", extra="documents")
    assert isinstance(raised.value, MissingExtra)
    assert need("json", extra="ml").dumps([]) == "[]"
