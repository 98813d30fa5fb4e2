"""What each pickle opcode does to the machine, and the loop that follows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from bartizan.scan import opcodes
from bartizan.scan.machine import Machine, Stopped
from bartizan.scan.symbols import Call, Items, Name, Opaque, Run, Use

_SECOND_READINGS = 64
_EVERY = 4_096
_UNUSUAL_LINE = 65_536
_NEWEST_PROTOCOL = 5
_LONGEST_INDEX = 18


def follow(machine: Machine) -> None:
    """Follows the stream to its STOP, its end, the first opcode that does not exist, or a limit. Never raises."""
    try:
        _loop(machine)
    except Stopped as stopped:
        machine.broken = str(stopped)
    except IndexError:
        machine.broken = "the stream ends in the middle of an opcode"


def _loop(machine: Machine) -> None:  # noqa: C901, PLR0912  (the inner loop: a call for each opcode would halve its speed)
    """What is inlined here is what dense pickles are made of; all else is in the table."""
    data, end, widths, handlers, memo = machine.data, machine.end, _WIDTHS, _HANDLERS, machine.memo
    position, stack, barrier, holes = machine.position, machine.stack, machine.end, False
    below, empty, steps, pause = machine.below, dict(_EMPTY), 0, _EVERY
    while True:
        begin = position
        code = data[position]
        width = widths[code]
        if width:
            position += width
            if position < end and widths[data[position]]:
                position = opcodes.numbers_end(data, begin, end)
                stack.append(Run(begin, position))
            else:
                stack.append(begin)
        elif code == 0x8C:  # SHORT_BINUNICODE
            stack.append(begin)
            position += 2 + data[position + 1]
        elif code == 0x94 and not holes and stack and type(stack[-1]) is not Run:  # MEMOIZE
            memo.append(stack[-1])
            position += 1
        elif code == 0x68 and data[position + 1] < len(memo) and type(memo[data[position + 1]]) is int:  # BINGET
            stack.append(memo[data[position + 1]])  # type: ignore[arg-type]
            position += 2
        elif code == 0x28:  # MARK
            below.append(stack)
            stack = machine.stack = []
            position += 1
        elif code in empty:  # EMPTY_LIST, EMPTY_DICT, EMPTY_TUPLE
            stack.append(Items(empty[code]))
            position += 1
        elif code in _FILL and below and below[-1] and type(below[-1][-1]) is Items:  # APPENDS, SETITEMS
            items, stack = stack, below.pop()
            machine.stack = stack
            machine.fill(stack[-1], items)
            position += 1
        else:
            machine.position = position
            handlers[code](machine)
            position, stack, holes = machine.position, machine.stack, machine.holes
            barrier = end if machine.frame_end < 0 else machine.frame_end
            if machine.complete:
                machine.steps = steps
                return
        if position > barrier:
            barrier = _cross(machine, begin, position)
        steps += 1
        if steps >= pause:
            machine.steps, pause = steps, steps + _EVERY
            machine.check_limits()


def _cross(machine: Machine, begin: int, finish: int) -> int:
    """Notes an opcode that straddles the end of its frame: loaders disagree about which bytes it holds.

    Source: github.com/python/cpython/issues/154848.

    Returns:
        The next barrier, which is the end of the data.

    Raises:
        Stopped: It straddles the end of the data.
    """
    edge, machine.frame_end = machine.frame_end, -1
    if finish > machine.end:
        machine.position = machine.end
        raise Stopped("the stream ends in the middle of an opcode")
    top = machine.stack[-1] if machine.stack else None
    within_run = type(top) is Run and edge in opcodes.numbers(machine.data, top.start, top.end)
    if begin < edge and not within_run:
        reason = "an opcode straddles the end of its frame, so that loaders read different bytes"
        machine.watcher.odd("frame", begin, reason)
        if len(machine.frame_breaks) < _SECOND_READINGS:
            machine.frame_breaks.append(edge)
    return machine.end


def _stop(machine: Machine) -> None:
    machine.pop()
    machine.position += 1
    machine.complete = True


def _proto(machine: Machine) -> None:
    machine.protocol = machine.data[machine.position + 1]
    if machine.protocol > _NEWEST_PROTOCOL:
        machine.watcher.odd(
            "protocol", machine.position, f"it declares protocol {machine.protocol}, which does not exist"
        )
    machine.position += 2


def _frame(machine: Machine) -> None:
    start = machine.position + 9
    if start > machine.end:
        raise IndexError
    edge = start + int.from_bytes(machine.data[machine.position + 1 : start], "little")
    if edge > machine.end:
        machine.watcher.odd("frame-length", machine.position, "a frame declares more bytes than there are")
        edge = -1
    elif machine.frame_end > start:
        machine.watcher.odd("frame", machine.position, "a frame opens inside another, which some loaders refuse")
    machine.position = start
    machine.frame_end = edge


def _counted(machine: Machine) -> None:
    offset = machine.position
    begin, finish = opcodes.payload(machine.data, offset, machine.end)
    if finish > machine.end:
        machine.watcher.odd("length", offset, "a value declares more bytes than there are")
        raise Stopped("the stream ends in the middle of a value")
    if machine.data[offset] in opcodes.BYTES and opcodes.looks_loadable(machine.data, begin, finish):
        machine.watcher.literal(begin, finish)
    machine.stack.append(offset)
    machine.position = finish


def _line(machine: Machine) -> None:
    offset = machine.position
    machine.position = _line_end(machine, offset + 1)
    machine.stack.append(offset)


def _line_end(machine: Machine, start: int) -> int:
    finish = opcodes.line_end(machine.data, start, machine.end)
    if finish < 0:
        raise Stopped("the stream ends in the middle of a line")
    return finish


def _read_line(machine: Machine, start: int) -> tuple[str, int]:
    finish = _line_end(machine, start)
    if finish - start > _UNUSUAL_LINE:
        machine.watcher.odd("line", start, "a name is longer than any module's")
    raw = bytes(machine.data[start : min(finish - 1, start + 1_000)])
    return raw.decode("utf-8", "backslashreplace"), finish


def _set_mark(machine: Machine) -> None:
    machine.below.append(machine.stack)
    machine.stack = []
    machine.position += 1


def _pop(machine: Machine) -> None:
    if machine.stack or not machine.below:
        machine.pop()
    else:
        machine.mark()
    machine.position += 1


def _pop_mark(machine: Machine) -> None:
    machine.mark()
    machine.position += 1


def _duplicate(machine: Machine) -> None:
    top = machine.top()
    machine.share(top)
    machine.stack.append(top)
    machine.position += 1


def _empty(kind: str) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        machine.stack.append(Items(kind))
        machine.position += 1

    return push


def _from_mark(kind: str) -> Callable[[Machine], None]:
    def gather(machine: Machine) -> None:
        items = machine.mark()
        target = Items(kind)
        machine.fill(target, items)
        machine.stack.append(target)
        machine.position += 1

    return gather


def _tuple_of(count: int) -> Callable[[Machine], None]:
    def gather(machine: Machine) -> None:
        items = [machine.pop() for _ in range(count)][::-1]
        target = Items("tuple")
        machine.fill(target, items)
        machine.stack.append(target)
        machine.position += 1

    return gather


def _fill_one(count: int) -> Callable[[Machine], None]:
    def fill(machine: Machine) -> None:
        items = [machine.pop() for _ in range(count)][::-1]
        machine.fill(machine.top(), items)
        machine.position += 1

    return fill


def _fill_many(machine: Machine) -> None:
    items = machine.mark()
    below = machine.stack
    machine.fill(below[-1] if below and type(below[-1]) is Items else machine.top(), items)
    machine.position += 1


def _get_line(machine: Machine) -> None:
    number, finish = _read_line(machine, machine.position + 1)
    machine.get(_number(number))
    machine.position = finish


def _put_line(machine: Machine) -> None:
    number, finish = _read_line(machine, machine.position + 1)
    machine.put(_number(number))
    machine.position = finish


def _number(text: str) -> int:
    """Returns a memo index that is written in decimal; -1, which no entry has, where it is none."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_INDEX else -1


def _get(size: int) -> Callable[[Machine], None]:
    def get(machine: Machine) -> None:
        start = machine.position + 1
        machine.get(int.from_bytes(machine.data[start : start + size], "little"))
        machine.position = start + size

    return get


def _put(size: int) -> Callable[[Machine], None]:
    def put(machine: Machine) -> None:
        start = machine.position + 1
        machine.put(int.from_bytes(machine.data[start : start + size], "little"))
        machine.position = start + size

    return put


def _memoize(machine: Machine) -> None:
    machine.put(machine.memo_size())
    machine.position += 1


def _global(machine: Machine) -> None:
    offset = machine.position
    module, following = _read_line(machine, offset + 1)
    name, finish = _read_line(machine, following)
    machine.stack.append(_named(machine, Name(module, name, offset)))
    machine.position = finish


def _stack_global(machine: Machine) -> None:
    name, module = machine.pop(), machine.pop()
    texts = [opcodes.text(machine.data, part) if type(part) is int else None for part in (module, name)]
    if texts[0] is None or texts[1] is None:
        machine.watcher.odd("name", machine.position, "it names a callable by something that is not plain text")
        machine.stack.append(Opaque("a callable whose name is not plain text"))
    else:
        machine.stack.append(_named(machine, Name(texts[0], texts[1], machine.position)))
    machine.position += 1


def _named(machine: Machine, name: Name) -> Name:
    if machine.watcher.used(name, Use.REFERENCED, None) is not None:
        machine.wary = True
    return name


def _extension(size: int) -> Callable[[Machine], None]:
    def push(machine: Machine) -> None:
        start = machine.position + 1
        code = int.from_bytes(machine.data[start : start + size], "little")
        machine.watcher.odd(
            "extension", machine.position, f"extension code {code} stands for a callable that the file does not name"
        )
        machine.stack.append(Opaque(f"extension {code}"))
        machine.position = start + size

    return push


def _reduce(machine: Machine) -> None:
    arguments, callee = machine.pop(), machine.pop()
    machine.stack.append(machine.call(callee, arguments, Use.CALLED))
    machine.position += 1


def _new_object(machine: Machine) -> None:
    arguments, callee = machine.pop(), machine.pop()
    machine.stack.append(machine.call(callee, arguments, Use.CONSTRUCTED))
    machine.position += 1


def _new_object_keywords(machine: Machine) -> None:
    keywords, arguments, callee = machine.pop(), machine.pop(), machine.pop()
    made = machine.call(callee, arguments, Use.CONSTRUCTED)
    if type(made) is Call:
        made.state = keywords
    machine.stack.append(made)
    machine.position += 1


def _object(machine: Machine) -> None:
    items = machine.mark()
    if not items:
        machine.watcher.odd("underflow", machine.position, "an object is made of nothing")
        items = [Opaque("nothing on the stack")]
    callee = items[0]
    machine.stack.append(machine.call(callee, Items("tuple", items[1:17]), Use.CALLED))
    machine.position += 1


def _instance(machine: Machine) -> None:
    offset = machine.position
    module, following = _read_line(machine, offset + 1)
    name, finish = _read_line(machine, following)
    items = machine.mark()
    made = machine.call(_named(machine, Name(module, name, offset)), Items("tuple", items[:16]), Use.CALLED)
    machine.stack.append(made)
    machine.position = finish


def _build(machine: Machine) -> None:
    state = machine.pop()
    target = machine.top()
    machine.position += 1
    if type(target) is Name:
        machine.watcher.used(target, Use.MODIFIED, state)
    elif type(target) is Call:
        machine.watcher.built(target, state, machine)


def _persistent_line(machine: Machine) -> None:
    _, finish = _read_line(machine, machine.position + 1)
    machine.stack.append(Opaque("a persistent id"))
    machine.position = finish


def _persistent(machine: Machine) -> None:
    machine.pop()
    machine.stack.append(Opaque("a persistent id"))
    machine.position += 1


def _next_buffer(machine: Machine) -> None:
    machine.stack.append(Opaque("a buffer outside the file"))
    machine.position += 1


def _read_only(machine: Machine) -> None:
    machine.top()
    machine.position += 1


def _unknown(machine: Machine) -> None:
    raise Stopped(f"opcode 0x{machine.data[machine.position]:02x} does not exist")


_EMPTY: Final = MappingProxyType({ord("]"): "list", ord("}"): "dict", ord(")"): "tuple"})
_FILL: Final = frozenset(b"eu")
Handler = Callable[[Machine], None]

HANDLERS: Final[Mapping[int, Handler]] = MappingProxyType(
    {
        **dict.fromkeys(opcodes.COUNTED, _counted),
        **dict.fromkeys(opcodes.LINES, _line),
        opcodes.STOP: _stop,
        opcodes.PROTO: _proto,
        opcodes.FRAME: _frame,
        opcodes.MARK: _set_mark,
        opcodes.MEMOIZE: _memoize,
        ord("0"): _pop,
        ord("1"): _pop_mark,
        ord("2"): _duplicate,
        **{code: _empty(kind) for code, kind in _EMPTY.items()},
        0x8F: _empty("set"),
        ord("l"): _from_mark("list"),
        ord("d"): _from_mark("dict"),
        ord("t"): _from_mark("tuple"),
        0x91: _from_mark("frozenset"),
        0x85: _tuple_of(1),
        0x86: _tuple_of(2),
        0x87: _tuple_of(3),
        ord("a"): _fill_one(1),
        ord("s"): _fill_one(2),
        ord("e"): _fill_many,
        ord("u"): _fill_many,
        0x90: _fill_many,  # ADDITEMS
        ord("g"): _get_line,
        ord("h"): _get(1),
        ord("j"): _get(4),
        ord("p"): _put_line,
        ord("q"): _put(1),
        ord("r"): _put(4),
        ord("c"): _global,
        0x93: _stack_global,
        0x82: _extension(1),
        0x83: _extension(2),
        0x84: _extension(4),
        ord("R"): _reduce,
        0x81: _new_object,
        0x92: _new_object_keywords,
        ord("o"): _object,
        ord("i"): _instance,
        ord("b"): _build,
        ord("P"): _persistent_line,
        ord("Q"): _persistent,
        0x97: _next_buffer,
        0x98: _read_only,
    }
)
"""What each opcode does that is not a literal of fixed width."""

_HANDLERS: Final = tuple(HANDLERS.get(code, _unknown) for code in range(256))
_WIDTHS: Final = tuple(opcodes.WIDTHS.get(code, 0) for code in range(256))
