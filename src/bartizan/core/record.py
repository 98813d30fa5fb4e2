"""What every noun is made of: frozen, keyword-only structs, and the union of those that the ledger keeps."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType

import msgspec

import bartizan.core


def now() -> datetime:
    """Returns the current time in UTC, which is the only time zone that records hold."""
    return datetime.now(UTC)


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value without identity in the ledger: a part of a larger record."""


class LedgerRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record"):
    """A record that is appended to the ledger. Its class tag is the record kind.

    Two records of one kind with the same id are two versions of one thing; the later one is the current state.
    """

    id: str
    at: datetime = msgspec.field(default_factory=now)


def kind_of(record: type[LedgerRecord] | LedgerRecord) -> str:
    """Returns the tag under which the ledger files this record or class, such as `finding`."""
    return str(record.__struct_config__.tag)


@cache
def kinds() -> Mapping[str, type[LedgerRecord]]:
    """Returns every ledger record class by its kind, found by walking this room."""
    found: dict[str, type[LedgerRecord]] = {}
    for info in pkgutil.iter_modules(bartizan.core.__path__):
        module = importlib.import_module(f"bartizan.core.{info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, LedgerRecord) and value is not LedgerRecord:
                found[kind_of(value)] = value
    return MappingProxyType(found)
