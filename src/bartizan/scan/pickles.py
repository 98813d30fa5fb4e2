"""Reading the pickles in a stretch of bytes: one after another, past STOP, past errors, and what is hidden between."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bartizan.core.severity import Severity
from bartizan.scan import joblib, opcodes
from bartizan.scan.arguments import CHECKS, UNTRUSTED_ALONE
from bartizan.scan.describe import call, printable
from bartizan.scan.interpreter import HANDLERS, follow
from bartizan.scan.judge import HARMLESS, Judge, Judgement, judge
from bartizan.scan.machine import Limits, Machine, Stopped, expanded
from bartizan.scan.note import HEAD_BYTES, Data, Verdict, stretch
from bartizan.scan.symbols import Call, Name, Symbol, Use

_MAX_PICKLES: Final = 10_000
_MAX_SEEN: Final = 20_000
_MAX_JUDGED: Final = 200_000
_MAX_LITERALS: Final = 256
_MAX_TRIALS: Final = 50_000
_MAX_TRIAL_STEPS: Final = 5_000_000
_MAX_SWEEP: Final = 256_000_000
_MAX_NESTED: Final = 256
_LAUGHS: Final = 10_000_000
_NEWEST: Final = 5
_TORCH_LEGACY: Final = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of files by `torch.save` before 1.6, after its PROTO: the magic number 0x1950a86a20f9469cfc6c."""
_NAME = rb"[A-Za-z_][\w.]{0,99}"
_HINT: Final = re.compile(
    rb"\x80[\x02-\x05](?=[\x95\]\}\)\(cXK\x8cMJ\x8a\x8eBCGN\x88\x89\x8f\x96])"
    rb"|c" + _NAME + rb"\n" + _NAME + rb"\n"
    rb"|\x8c(?s:.)" + _NAME + rb"\x94?\x8c(?s:.)" + _NAME + rb"\x94?\x93"
)
"""Where a pickle that names a callable may begin."""
_PROBE = Limits(steps=20_000, stack=20_000, memo=20_000, marks=2_000)
_RAISING: Final = frozenset({"underflow", "mark", "memo", "name", "callee", "line", "extension"})
"""Oddities at which every loader raises, or that plain text is full of."""


@dataclass(kw_only=True)
class Seen:
    """A use of a callable, the first one with what it was judged; `count` is how often it occurs."""

    module: str
    name: str
    use: Use
    judgement: Judgement
    offset: int
    shown: str = ""
    count: int = 1


@dataclass(kw_only=True)
class Odd:
    """Something malformed or evasive, and where it was first met."""

    reason: str
    offset: int
    count: int = 1


@dataclass(kw_only=True)
class Pickles:
    """What was read; it is the machine's watcher.

    Attributes:
        seen: Uses of callables by module, name, use and judgement.
        odds: Malformed and evasive things by kind.
        nested: Where bytes lie that the pickle would load in turn.
        complete: How many pickles reached their STOP.
        steps: How many steps the machine took.
        unread: Why something was not read, where that is so.
        facts: What else is worth knowing.
    """

    data: Data
    limits: Limits = field(default_factory=Limits)
    judge: Judge = field(default_factory=judge)
    seen: dict[tuple[str, str, Use, str], Seen] = field(default_factory=dict)
    odds: dict[str, Odd] = field(default_factory=dict)
    nested: list[tuple[int, int]] = field(default_factory=list)
    trials: list[tuple[int, int]] = field(default_factory=list)
    complete: int = 0
    steps: int = 0
    calls: int = 0
    judged: int = 0
    unread: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    trailing: tuple[int, int] | None = None

    # -- the machine's watcher ------------------------------------------------------------------------------------

    def used(self, name: Name, use: Use, arguments: Symbol | None) -> Symbol | None:
        """Judges one use of a callable."""
        key = (name.module, name.name, use, "")
        seen = self.seen.get(key)
        if seen is not None:
            seen.count += 1
            return None
        self.judged += 1
        if self.judged > _MAX_JUDGED:
            raise Stopped(f"it names more than {_MAX_JUDGED:,} callables")
        if name.dotted in CHECKS and use is not Use.MODIFIED:
            return self._used_by_arguments(name, use, arguments)
        if use is Use.PASSED:
            return None
        judgement = self.judge.judge(name.module, name.name, use)
        self._note(key, _seen(name, use, judgement), arguments)
        return None

    def _used_by_arguments(self, name: Name, use: Use, arguments: Symbol | None) -> Symbol | None:
        if use is Use.REFERENCED:
            return name if name.dotted in UNTRUSTED_ALONE else None
        if use is Use.PASSED:
            if name.dotted not in UNTRUSTED_ALONE:
                return None
            reason = f"hands {name.dotted} to something that may call it"
            judgement = Judgement(verdict=Verdict.UNKNOWN_CODE, severity=Severity.HIGH, reason=reason)
            self._note((name.module, name.name, use, reason), _seen(name, use, judgement), None)
            return None
        answer = CHECKS[name.dotted](self.data, arguments)
        if answer.nested is not None and len(self.nested) < _MAX_NESTED:
            self.nested.append(answer.nested)
        seen = _seen(name, use, answer.judgement)
        self._note((name.module, name.name, use, answer.judgement.reason or "-"), seen, arguments)
        if isinstance(answer.result, Name) and answer.result.name:
            self.used(answer.result, Use.REFERENCED, None)
        return answer.result

    def _note(self, key: tuple[str, str, Use, str], seen: Seen, arguments: Symbol | None) -> None:
        known = self.seen.get(key)
        if known is not None:
            known.count += 1
            return
        if len(self.seen) >= _MAX_SEEN and seen.judgement.verdict is not Verdict.MALICIOUS:
            self.odd("crowd", seen.offset, f"it names more than {_MAX_SEEN:,} callables")
            return
        if seen.judgement is not HARMLESS:
            dotted = f"{seen.module}.{seen.name}"
            seen.shown = call(self.data, dotted, arguments) if arguments is not None else printable(dotted)
        self.seen[key] = seen

    def odd(self, kind: str, offset: int, reason: str) -> None:
        """Keeps the first of each kind."""
        if kind in self.odds:
            self.odds[kind].count += 1
        else:
            self.odds[kind] = Odd(reason=reason, offset=offset)

    def literal(self, begin: int, end: int) -> None:
        """Keeps where a byte string lies that may be a pickle."""
        if len(self.trials) < _MAX_LITERALS:
            self.trials.append((begin, end))

    def built(self, target: Call, state: Symbol, machine: Machine) -> None:
        """Steps over the raw array that joblib writes behind its wrapper, in the middle of the pickle."""
        if isinstance(target.callee, Name) and target.callee.dotted == joblib.WRAPPER:
            target.state = state
            span = joblib.array_span(self.data, state, machine.position)
            if span is None:
                self.odd("joblib", machine.position, "the size of an array inside the pickle cannot be told")
            elif span == joblib.OBJECTS:
                inner = Machine(self.data, machine.position, watcher=self, limits=self.limits)
                follow(inner)
                machine.position = inner.position
            else:
                machine.position = span

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self, start: int = 0) -> None:
        """Reads every pickle from `start` to the end of the data."""
        position, end = start, len(self.data)
        for _ in range(_MAX_PICKLES):
            machine = self._follow(position)
            if not machine.complete:
                self._broke_off(machine)
                self._sweep(max(machine.position, position + 1))
                break
            position = machine.position
            if position >= end or not self._goes_on(position):
                break
        else:
            self.unread = f"more than {_MAX_PICKLES:,} pickles one after another"
        if position < end and not self.unread and "broken" not in self.odds:
            self.trailing = (position, end)
            self._sweep(position)
        self._try_literals()

    def _follow(self, position: int) -> Machine:
        machine = Machine(self.data, position, watcher=self, limits=self.limits)
        follow(machine)
        self._account(machine)
        for edge in machine.frame_breaks:
            self._try(edge, len(self.data), "second reading of a broken frame")
        return machine

    def _account(self, machine: Machine) -> None:
        self.steps += machine.steps
        self.calls += machine.calls
        self.complete += machine.complete
        size = expanded(machine.shared)
        if size > _LAUGHS:
            self.odd("laughs", machine.start, f"its containers hold each other and stand for more than {size:,} values")

    def _goes_on(self, position: int) -> bool:
        """Says whether another pickle follows: one with a header, or a bare one that does something."""
        return recognises(self.data, position)

    def _broke_off(self, machine: Machine) -> None:
        self.odd(
            "broken", machine.position, f"it breaks off: {machine.broken}; what stands before that runs all the same"
        )
        if machine.broken.startswith("it "):
            self.unread = f"the pickle was followed no further: {machine.broken}"

    # -- what is hidden -------------------------------------------------------------------------------------------

    def _sweep(self, start: int) -> None:
        """Looks for pickles that name callables in bytes that no pickle was expected in."""
        end = min(len(self.data), start + _MAX_SWEEP)
        if end < len(self.data):
            self.facts["unsearched_bytes"] = str(len(self.data) - end)
        spent = 0
        for tried, match in enumerate(_HINT.finditer(self.data, start, end)):
            if tried >= _MAX_TRIALS or spent > _MAX_TRIAL_STEPS:
                self.unread = self.unread or "too many places look like the beginning of a hidden pickle"
                return
            spent += self._try(match.start(), len(self.data), "hidden behind the pickle")

    def _try_literals(self) -> None:
        for begin, end in self.trials:
            self._try(begin, end, "hidden in a byte string")

    def _try(self, begin: int, end: int, where: str) -> int:
        """Follows bytes that may be a pickle, and keeps what is found only where it is one that does something.

        Returns:
            How many steps that took.
        """
        data = self.data if end == len(self.data) else stretch(self.data, begin, end)
        start = begin if end == len(self.data) else 0
        inner = Pickles(data=data, limits=_PROBE, judge=self.judge)
        machine = Machine(data, start, watcher=inner, limits=_PROBE)
        follow(machine)
        bad = [seen for seen in inner.seen.values() if seen.judgement.verdict.rank > 0 and plausible(seen)]
        if (
            machine.calls
            and bad
            and (machine.complete or any(seen.judgement.verdict is Verdict.MALICIOUS for seen in bad))
        ):
            self.odd("hidden", begin, f"a pickle that calls something is {where}")
            for seen in bad:
                seen.offset += begin - start
                self.seen.setdefault((seen.module, seen.name, seen.use, seen.judgement.reason), seen)
        return machine.steps


def _seen(name: Name, use: Use, judgement: Judgement) -> Seen:
    return Seen(module=name.module, name=name.name, use=use, judgement=judgement, offset=name.offset)


def plausible(seen: Seen) -> bool:
    """Says whether a name could be one that Python imports, rather than noise that happens to parse."""
    return all(part.isidentifier() for part in f"{seen.module}.{seen.name}".split("."))


def torch_legacy(data: Data, start: int = 0) -> bool:
    """Says whether this is a file that `torch.save` wrote before version 1.6."""
    return bytes(data[start + 2 : start + 2 + len(_TORCH_LEGACY)]) == _TORCH_LEGACY


def recognises(data: Data, start: int = 0) -> bool:
    """Says whether bytes are a pickle: by its header, or by following one without a header for a while."""
    head = bytes(data[start : start + 3])
    if len(head) < 2:
        return False
    if head[0] == opcodes.PROTO:
        known = head[2:] and (head[2] in HANDLERS or head[2] in opcodes.WIDTHS)
        return bool(known) and head[1] <= _NEWEST
    return probe(data, start)


def probe(data: Data, start: int) -> bool:
    """Says whether bytes without a header are a pickle, by following their first twenty thousand opcodes.

    They are one where they reach a STOP or go on and on without anything at which a loader would have raised, or where
    they call something that could be a name.
    """
    if data[start] not in HANDLERS and data[start] not in opcodes.WIDTHS:
        return False
    watcher = Pickles(data=data, limits=_PROBE)
    machine = Machine(data, start, watcher=watcher, limits=_PROBE)
    follow(machine)
    if machine.calls and any(seen.use is not Use.REFERENCED and plausible(seen) for seen in watcher.seen.values()):
        return True
    if not _RAISING.isdisjoint(watcher.odds):
        return False
    cut = len(data) == HEAD_BYTES and machine.broken.startswith("the stream ends")
    return machine.complete or cut or machine.broken.startswith("it ")


def results(pickles: Pickles) -> Iterator[Seen]:
    """Yields the uses that are not harmless, without those that a stronger use of the same callable already says."""
    stronger = {
        (seen.module, seen.name)
        for seen in pickles.seen.values()
        if seen.use in {Use.CALLED, Use.CONSTRUCTED, Use.MODIFIED}
    }
    for seen in pickles.seen.values():
        if seen.judgement.verdict is Verdict.CLEAN:
            continue
        if seen.use in {Use.REFERENCED, Use.PASSED} and (seen.module, seen.name) in stronger:
            continue
        yield seen
