"""What stands on the stack of the pickle machine in the place of real objects."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice

from bartizan.scan import opcodes
from bartizan.scan.note import Data

SHOWN_ITEMS = 16
"""How many items of a container are kept, which is enough for evidence and for argument checks."""


class Use(StrEnum):
    """What a pickle does with a callable: name it, make an object of it, call it, hand it to something, change it."""

    REFERENCED = "referenced"
    CONSTRUCTED = "constructed"
    CALLED = "called"
    PASSED = "passed"
    MODIFIED = "modified"


class Name:
    """A global: `module` and dotted `name`; an empty name is the module itself."""

    __slots__ = ("module", "name", "offset")

    def __init__(self, module: str, name: str, offset: int) -> None:
        self.module = module
        self.name = name
        self.offset = offset

    @property
    def dotted(self) -> str:
        """The name as Python would write it."""
        return f"{self.module}.{self.name}" if self.name else self.module


class Items:
    """A container; only its first items are kept. `edges` counts the shared containers placed in it."""

    __slots__ = ("edges", "fetched", "items", "kind")

    def __init__(self, kind: str, items: Sequence[Symbol] = ()) -> None:
        self.kind = kind
        self.items = items
        self.fetched = False
        self.edges: dict[Items, int] | None = None


class Call:
    """What a call returned."""

    __slots__ = ("arguments", "callee", "offset", "state")

    def __init__(self, callee: Symbol, arguments: Symbol, offset: int) -> None:
        self.callee = callee
        self.arguments = arguments
        self.offset = offset
        self.state: Symbol | None = None


class Opaque:
    """Something that cannot be known from the file, and why."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Run:
    """Up to 4,096 number literals in a row, `start` to `end` in the file, not looked at until one is needed."""

    __slots__ = ("end", "start")

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        self.end = end


Symbol = int | Name | Items | Call | Opaque | Run
"""An integer is the offset of the opcode that pushed a literal."""


def written_out(data: Data, container: Symbol | None) -> list[Symbol]:
    """Returns the first items of a container with runs of numbers written out; nothing for what is no container."""
    if not isinstance(container, Items):
        return []
    shown: list[Symbol] = []
    for item in container.items:
        if type(item) is Run:
            shown.extend(islice(opcodes.each_number(data, item.start, item.end), SHOWN_ITEMS))
        else:
            shown.append(item)
    return shown[:SHOWN_ITEMS]
