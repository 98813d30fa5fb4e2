"""Current state: a table for each kind of record, made from the entries and remade at will.

A row of a kind's table names the entry that is the latest version of an id, with the fields that other rooms look by.
"""

from __future__ import annotations

import enum
import sqlite3
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any

import msgspec

from bartizan.core.record import LedgerRecord, kinds
from bartizan.errors import InputError
from bartizan.registry import nearest

INDEXES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "alert": (("severity",), ("watcher",)),
        "asset": (("kind",), ("source",)),
        "attempt": (("run", "outcome"), ("probe", "outcome"), ("outcome",), ("request",)),
        "event": (("activity",), ("activity", "outcome"), ("outcome",), ("principal",), ("request",)),
        "finding": (("asset", "state"), ("rule", "state"), ("severity", "state"), ("state", "severity"), ("run",)),
        "incident": (("state",), ("severity",)),
        "run": (("target",), ("state",)),
        "verdict": (("request",), ("action",)),
    }
)
"""The fields that records of a kind are found by quickly, alone or together; for all others the records are read."""

Row = tuple[Any, ...]
_BATCH = 10_000


def columns(kind: str) -> tuple[str, ...]:
    """Returns the fields that the kind's table holds beside the sequence number, `id` first."""
    return tuple(dict.fromkeys(["id", *(field for index in INDEXES.get(kind, ()) for field in index)]))


def projection(kind: type[LedgerRecord]) -> Callable[[Any], Row]:
    """Returns a function that takes the columns' values out of a record, as plain text and numbers."""
    fields = columns(_tag(kind))
    hints = _hints(kind)
    # A StrEnum would take SQLite's slow path for foreign types, so its plain value is fetched.
    paths = [f"{field}.value" if _is_enum(hints[field]) else field for field in fields]
    getter = attrgetter(*paths)
    return getter if len(paths) > 1 else lambda record: (getter(record),)


def statements() -> list[str]:
    """Returns the SQL that declares the view."""
    found = []
    for kind in sorted(kinds()):
        held = ", ".join(f'"{field}" TEXT' for field in columns(kind)[1:])
        found.append(
            f'CREATE TABLE "{kind}" (sequence INTEGER PRIMARY KEY, id TEXT NOT NULL{", " if held else ""}{held}) STRICT'
        )
        found.append(f'CREATE UNIQUE INDEX "{kind}_by_id" ON "{kind}" (id)')
        for index in INDEXES.get(kind, ()):
            listed = ", ".join(f'"{field}"' for field in index)
            found.append(f'CREATE INDEX "{kind}_by_{"_and_".join(index)}" ON "{kind}" ({listed})')
    return found


def is_current(connection: sqlite3.Connection) -> bool:
    """Whether the tables of the view are declared as this version of Bartizan declares them."""
    declared = {row[0] for row in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    return declared.issuperset(statements())


def rebuild(connection: sqlite3.Connection) -> None:
    """Makes the view anew from the entries; runs inside a transaction of the caller.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: An entry is not JSON, so it was altered.
    """
    for kind in kinds():
        connection.execute(f'DROP TABLE IF EXISTS "{kind}"')
    for statement in statements():
        connection.execute(statement)
    rows = connection.execute("SELECT sequence, body FROM entries ORDER BY sequence")
    while batch := rows.fetchmany(_BATCH):
        filed: dict[str, list[Row]] = {}
        for sequence, body in batch:
            record = msgspec.json.decode(body)
            filed.setdefault(record["record"], []).append((sequence, *expected(record["record"], record)))
        for kind in filed.keys() & kinds().keys():  # a newer version may have written kinds that we do not know
            head, width = insertion(kind)
            connection.executemany(f"{head}({', '.join('?' * width)})", filed[kind])


def insertion(kind: str) -> tuple[str, int]:
    """Returns the head of the statement that files new versions in the kind's table, and its values a row."""
    return f'INSERT OR REPLACE INTO "{kind}" VALUES ', len(columns(kind)) + 1  # noqa: S608  (our own names)


def latest(kind: type[LedgerRecord]) -> str:
    """Returns the query for the current version of an id: sequence, body, hash."""
    return (
        f'SELECT sequence, body, hash FROM "{_tag(kind)}" JOIN entries USING (sequence)'  # noqa: S608  (our own names)
        f' WHERE "{_tag(kind)}".id = ?'
    )


def selection(
    kind: type[LedgerRecord], where: Mapping[str, str | int], *, before: int | None, limit: int
) -> tuple[str, list[Any]]:
    """Returns the query, with its values, for current versions, newest first: sequence, body, hash."""
    clause, values = _clause(kind, where)
    if before is not None:
        clause, values = f"{clause} AND v.sequence < ?", [*values, before]
    inner = f'SELECT v.sequence FROM "{_tag(kind)}" AS v{_join(kind, where)} WHERE {clause}'  # noqa: S608  (our own names)
    sql = (
        f"SELECT sequence, body, hash FROM ({inner} ORDER BY v.sequence DESC LIMIT ?)"  # noqa: S608  (values are bound)
        " JOIN entries USING (sequence) ORDER BY sequence DESC"
    )
    return sql, [*values, max(0, limit)]


def counting(kind: type[LedgerRecord], where: Mapping[str, str | int]) -> tuple[str, list[Any]]:
    """Returns the query, with its values, for the number of current versions."""
    clause, values = _clause(kind, where)
    return f'SELECT count(*) FROM "{_tag(kind)}" AS v{_join(kind, where)} WHERE {clause}', values  # noqa: S608  (our own names)


def tallying(kind: type[LedgerRecord], field: str, where: Mapping[str, str | int]) -> tuple[str, list[Any]]:
    """Returns the query, with its values, for the number of current versions by the value of one field."""
    clause, values = _clause(kind, where)
    by = _expression(kind, field)
    join = _join(kind, [*where, field])
    return f'SELECT {by}, count(*) FROM "{_tag(kind)}" AS v{join} WHERE {clause} GROUP BY 1', values  # noqa: S608  (our own names)


def _clause(kind: type[LedgerRecord], where: Mapping[str, str | int]) -> tuple[str, list[Any]]:
    parts = [f"{_expression(kind, field)} = ?" for field in where]
    return " AND ".join(parts) or "TRUE", list(where.values())


def _expression(kind: type[LedgerRecord], field: str) -> str:
    if field not in kind.__struct_fields__:
        raise InputError(
            f"a record of kind {_tag(kind)} has no field {field!r}", hint=nearest(field, list(kind.__struct_fields__))
        )
    held = field in columns(_tag(kind))
    return f'v."{field}"' if held else f"json_extract(CAST(e.body AS TEXT), '$.{field}')"


def _join(kind: type[LedgerRecord], fields: Iterable[str]) -> str:
    held = columns(_tag(kind))
    return "" if all(field in held for field in fields) else " JOIN entries AS e USING (sequence)"


def expected(kind: str, record: Mapping[str, Any]) -> Row:
    """Returns what the kind's table must hold for a record that was read as plain JSON."""
    return tuple(record.get(field) for field in columns(kind))


def entry_query(kind: str) -> str:
    """Returns the query for the whole table of a kind in order: sequence and the columns."""
    listed: Sequence[str] = [f'"{field}"' for field in columns(kind)]
    return f'SELECT sequence, {", ".join(listed)} FROM "{kind}" ORDER BY sequence'  # noqa: S608  (our own names)


def _tag(kind: type[LedgerRecord]) -> str:
    tag = kind.__struct_config__.tag
    if not isinstance(tag, str) or tag not in kinds():
        raise InputError(f"{kind.__name__} is no kind of record that the ledger keeps")
    return tag


@cache
def _hints(kind: type[LedgerRecord]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(kind)}


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum) and typing.get_origin(hint) is None
