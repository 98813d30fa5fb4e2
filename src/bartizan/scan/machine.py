"""A tolerant machine that follows the opcodes of one pickle and keeps symbols where Python would keep objects.

It is never stricter than a real loader: where CPython would raise, it notes that and goes on, as another loader may.
Nothing is imported or called. Sources: `Lib/pickle.py` and `Modules/_pickle.c` of CPython 3.11 to 3.14.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bartizan.scan import opcodes
from bartizan.scan.note import Data
from bartizan.scan.symbols import SHOWN_ITEMS, Call, Items, Name, Opaque, Run, Symbol, Use, written_out


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one pickle may cost: steps of the machine, stack entries, memo entries, open marks."""

    steps: int = 150_000_000
    stack: int = 8_000_000
    memo: int = 16_000_000
    marks: int = 1_000_000


class Watcher(Protocol):
    """Who is told what the machine sees."""

    def used(self, name: Name, use: Use, arguments: Symbol | None) -> Symbol | None:
        """Takes the use of a callable; returns what its call is known to return, None where that is unknown."""
        ...

    def odd(self, kind: str, offset: int, reason: str) -> None:
        """Takes something malformed or evasive."""
        ...

    def literal(self, begin: int, end: int) -> None:
        """Takes where a byte string lies that begins like a pickle or an archive."""
        ...

    def built(self, target: Call, state: Symbol, machine: Machine) -> None:
        """Takes the end of a BUILD, where some loaders read raw bytes out of the stream."""
        ...


class Stopped(Exception):  # noqa: N818  (the end of a pickle, not an error of ours)
    """The machine cannot follow the stream any further."""


class Machine:
    """Follows one pickle in `data` from `start`.

    Attributes:
        position: Where the opcode under way is; after `interpreter.follow`, where the pickle ended.
        wary: Whether a callable was named that must not be handed to another; the watcher says so.
        complete: Whether a STOP was reached.
        broken: Why it cannot be followed any further, where that is so.
        shared: The containers that were fetched from the memo or duplicated.
        frame_breaks: Ends of frames inside an opcode, where another loader would go on reading.
        calls: How many opcodes that could call something were met.
        steps: How many opcodes or runs were followed.
    """

    def __init__(self, data: Data, start: int, *, watcher: Watcher, limits: Limits) -> None:
        self.data = data
        self.end = len(data)
        self.start = start
        self.position = start
        self.limits = limits
        self.watcher = watcher
        self.stack: list[Symbol] = []
        self.below: list[list[Symbol]] = []
        self.memo: list[Symbol | None] = []
        self.far_memo: dict[int, Symbol] = {}
        self.wary = False
        self.holes = False
        self.missing = 0
        self.frame_end = -1
        self.protocol = 0
        self.steps = 0
        self.calls = 0
        self.complete = False
        self.broken = ""
        self.shared: list[Items] = []
        self.frame_breaks: list[int] = []

    def check_limits(self) -> None:
        """Stops a pickle that piles up more than its limits allow.

        Raises:
            Stopped: It does.
        """
        if self.steps > self.limits.steps:
            raise Stopped(f"it has more than {self.limits.steps:,} opcodes")
        if len(self.stack) > self.limits.stack:
            raise Stopped(f"it puts more than {self.limits.stack:,} values on the stack")
        if len(self.memo) + len(self.far_memo) > self.limits.memo:
            raise Stopped(f"it puts more than {self.limits.memo:,} values in the memo")
        if len(self.below) > self.limits.marks:
            raise Stopped(f"it sets more than {self.limits.marks:,} marks")

    # -- the stack ------------------------------------------------------------------------------------------------

    def pop(self) -> Symbol:
        """Returns the top of the stack; where there is none, a real loader would have raised."""
        if not self.stack:
            self.watcher.odd("underflow", self.position, "an opcode takes a value that is not there")
            return Opaque("nothing on the stack")
        top = self.stack.pop()
        return self._unroll(top) if type(top) is Run else top

    def top(self) -> Symbol:
        """Returns the top of the stack and leaves it there."""
        top = self.pop()
        self.stack.append(top)
        return top

    def _unroll(self, run: Run) -> int:
        offsets = opcodes.numbers(self.data, run.start, run.end)
        self.stack.extend(offsets[:-1])
        return offsets[-1]

    def mark(self) -> list[Symbol]:
        """Returns what was pushed since the last mark, and takes both off."""
        items = self.stack
        if self.below:
            self.stack = self.below.pop()
        else:
            self.watcher.odd("mark", self.position, "an opcode takes values up to a mark that was never set")
            self.stack = []
        return items

    # -- the memo -------------------------------------------------------------------------------------------------

    def put(self, index: int) -> None:
        """Files the top of the stack in the memo."""
        value = self.top()
        size = len(self.memo)
        if index < 0:
            self.watcher.odd("memo", self.position, "a memo index is not a number")
        elif index < size:
            self.missing -= self.memo[index] is None
            self.memo[index] = value
        elif index <= size + 4_096:
            self.missing += index - size
            self.memo.extend([None] * (index - size))
            self.memo.append(value)
            self.far_memo.pop(index, None)
        else:
            self.far_memo[index] = value
            if index > self.end:
                reason = f"memo index {index:,} makes a loader reserve memory for that many values"
                self.watcher.odd("memo-size", self.position, reason)
        self.holes = self.missing > 0 or bool(self.far_memo)

    def get(self, index: int) -> None:
        """Pushes what the memo holds under `index`."""
        value = self.memo[index] if 0 <= index < len(self.memo) else self.far_memo.get(index)
        if value is None:
            self.watcher.odd("memo", self.position, f"memo entry {index} is read before it is written")
            value = Opaque("an empty memo entry")
        self.share(value)
        self.stack.append(value)

    def share(self, value: Symbol) -> None:
        """Notes that a container stands in more than one place."""
        if type(value) is Items and not value.fetched:
            value.fetched = True
            self.shared.append(value)

    def memo_size(self) -> int:
        """Returns how many values the memo holds, which is the index that MEMOIZE uses next."""
        return len(self.memo) - self.missing + len(self.far_memo)

    # -- containers and calls -------------------------------------------------------------------------------------

    def fill(self, target: Symbol, items: list[Symbol]) -> None:
        """Puts items into the container on the stack; filling anything that is not one is a way to change code."""
        if type(target) is Items:
            held = target.items
            if not held:
                target.items = items if len(items) <= SHOWN_ITEMS else items[:SHOWN_ITEMS]
            elif len(held) < SHOWN_ITEMS:
                target.items = [*held, *items[: SHOWN_ITEMS - len(held)]]
            if self.shared:
                absorb(target, items)
            if self.wary:
                self.hand_on(items)
        elif type(target) is Name:
            self.watcher.used(target, Use.MODIFIED, None)

    def hand_on(self, items: list[Symbol]) -> None:
        """Tells the watcher of callables that are put into a container or handed to another callable."""
        for item in items:
            if type(item) is Name:
                self.watcher.used(item, Use.PASSED, None)

    def call(self, callee: Symbol, arguments: Symbol, use: Use) -> Symbol:
        """Returns what a call returns, after telling the watcher."""
        self.calls += 1
        offset = self.position
        if type(callee) is Name:
            known = self.watcher.used(callee, use, arguments)
            return known if known is not None else Call(callee, arguments, offset)
        if type(callee) is Call:
            known = self._call_of_call(callee, arguments)
            return known if known is not None else Call(callee, arguments, offset)
        self.watcher.odd("callee", offset, "something is called that the file does not name")
        return Call(callee, arguments, offset)

    def _call_of_call(self, callee: Call, arguments: Symbol) -> Symbol | None:
        """Follows `attrgetter("system")(os)`, `methodcaller("system", "id")(os)` and `partial(f, a)(b)` to the end."""
        maker = callee.callee
        made, given = written_out(self.data, callee.arguments), written_out(self.data, arguments)
        if type(maker) is Name and made:
            tail = maker.dotted.rpartition(".")[2]
            first = made[0]
            if tail in {"attrgetter", "methodcaller"} and given and type(given[0]) is Name and type(first) is int:
                name = opcodes.text(self.data, first) or "?"
                reached = Name(given[0].module, f"{given[0].name}.{name}" if given[0].name else name, self.position)
                if tail == "attrgetter":
                    self.watcher.used(reached, Use.REFERENCED, None)
                    return reached
                return self.call(reached, Items("tuple", made[1:]), Use.CALLED)
            if tail in {"partial", "partialmethod"} and type(first) in {Name, Call}:
                return self.call(first, Items("tuple", [*made[1:], *given]), Use.CALLED)
        if type(maker) is Name:
            self.watcher.used(Name(maker.module, f"{maker.name}(...)", self.position), Use.CALLED, arguments)
        return None


def absorb(target: Items, items: list[Symbol]) -> None:
    """Counts the shared containers that were placed in `target`, from which `expanded` is worked out."""
    for item in items:
        if type(item) is Items:
            if item.fetched:
                target.edges = target.edges if target.edges is not None else {}
                target.edges[item] = target.edges.get(item, 0) + 1
            elif item.edges and item is not target:
                target.edges = target.edges if target.edges is not None else {}
                for child, count in item.edges.items():
                    target.edges[child] = target.edges.get(child, 0) + count


def expanded(shared: list[Items], ceiling: int = 1_000_000_000) -> int:
    """Returns how many values the largest of these containers holds when every reference is followed.

    The billion laughs of pickles: a few hundred bytes that fill the memory of whatever copies, prints or hashes them.
    Cycles count once. The answer stops at `ceiling`.
    """
    sizes: dict[int, int] = {}
    for root in shared:
        pending: list[tuple[Items, bool]] = [(root, False)]
        while pending:
            node, ready = pending.pop()
            if ready:
                size = 1 + sum(count * sizes.get(id(child), 1) for child, count in (node.edges or {}).items())
                sizes[id(node)] = min(size, ceiling)
            elif id(node) not in sizes:
                sizes[id(node)] = 1
                pending.append((node, True))
                pending.extend((child, False) for child in (node.edges or {}) if id(child) not in sizes)
    return max(sizes.values(), default=0)
