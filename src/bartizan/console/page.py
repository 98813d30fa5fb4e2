"""What a page is: a function from a visit to a record, which is shown as HTML and as JSON."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from bartizan.config import Config
from bartizan.console import pages as shelf
from bartizan.console.forms import MAX_FORM_BYTES
from bartizan.console.query import Query
from bartizan.errors import PluginError
from bartizan.guard.guard import Guard
from bartizan.store.ledger import Ledger


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows. Each field is documented, used by the template, and part of the JSON twin."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a page is made from: the ledger, the configuration, and the filters and the form of this visit.

    Attributes:
        form: What was sent with an action; empty for the page itself.
        guard: Returns the guard under the current policy; the first call may take a second.
    """

    ledger: Ledger
    config: Config
    query: Query
    form: Mapping[str, str]
    guard: Callable[[], Guard]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the console, served as HTML at `/NAME` and as JSON at `/NAME.json`, NAME being its file's name.

    Attributes:
        title: Its heading.
        context: Makes what it shows; runs in a thread, so it may read the ledger.
        filters: The query parameters it understands; any other is refused, so that a typing error never widens a list.
        order: Its place in the navigation; 0 for a page that is reached from another.
        icon: The path of its icon on a grid of 24.
        part_of: The page that is marked in the navigation while this one is open.
        actions: What can be done on it, each a POST to `/NAME/ACTION` that answers with the page, and to
            `/NAME/ACTION.json` that answers with its twin.
        form_bytes: How large the form of an action may be.
    """

    title: str
    context: Callable[[Visit], Context]
    filters: tuple[str, ...] = ()
    order: int = 0
    icon: str = ""
    part_of: str = ""
    actions: Mapping[str, Callable[[Visit], Context]] = field(default_factory=lambda: MappingProxyType({}))
    form_bytes: int = MAX_FORM_BYTES


def pages() -> Mapping[str, Page]:
    """Returns every page on the shelf by name.

    Raises:
        PluginError: A module on the shelf has no `PAGE`.
    """
    found: dict[str, Page] = {}
    for info in pkgutil.iter_modules(shelf.__path__):
        page = getattr(importlib.import_module(f"{shelf.__name__}.{info.name}"), "PAGE", None)
        if not isinstance(page, Page):
            raise PluginError(f"console/pages/{info.name}.py has no PAGE", hint="copy the shape of a page beside it")
        found[info.name] = page
    return MappingProxyType(found)
