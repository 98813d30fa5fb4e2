"""Callables that are harmless or not by their arguments, such as `getattr` and `functools.partial`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bartizan.core.severity import Severity
from bartizan.scan import opcodes
from bartizan.scan.judge import HARMLESS, Judgement
from bartizan.scan.note import Data, Verdict
from bartizan.scan.symbols import Call, Name, Symbol, written_out

_ENCODINGS: Final = frozenset({"latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii"})
_BOMB: Final = 100_000_000
_DUNDER: Final = "__"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call with these arguments amounts to, and what it returns where that is known.

    Attributes:
        nested: Where bytes lie that the call would load in turn.
    """

    judgement: Judgement = HARMLESS
    result: Symbol | None = None
    nested: tuple[int, int] | None = None


def _unknown(reason: str) -> Judgement:
    return Judgement(verdict=Verdict.UNKNOWN_CODE, severity=Severity.HIGH, reason=reason)


def _text(data: Data, symbol: Symbol) -> str | None:
    return opcodes.text(data, symbol) if isinstance(symbol, int) else None


def _getattr(data: Data, arguments: Symbol | None) -> Answer:
    given = written_out(data, arguments)
    name = _text(data, given[1]) if len(given) in {2, 3} else None
    if name is None:
        return Answer(judgement=_unknown("would call getattr with a name that the file does not show"))
    if isinstance(given[0], Name):
        # The attribute is judged as a dotted name of its own, which the caller does with the result.
        base = given[0]
        return Answer(result=Name(base.module, f"{base.name}.{name}" if base.name else name, base.offset))
    if name.startswith(_DUNDER) or not isinstance(given[0], Call):
        return Answer(judgement=_unknown(f"would fetch {name} of an object with getattr"))
    return Answer()


def _module(data: Data, arguments: Symbol | None) -> Answer:
    """Checks `__import__`, `import_module`, `pydoc.locate`, `pkgutil.resolve_name`: text in, module or callable out."""
    given = written_out(data, arguments)
    name = _text(data, given[0]) if given else None
    result = None
    if name:
        module, _, rest = name.partition(":")
        result = Name(module, rest, given[0] if isinstance(given[0], int) else 0)
    judgement = Judgement(
        verdict=Verdict.MALICIOUS,
        severity=Severity.CRITICAL,
        reason=f"would import {name or 'a module that the file does not name'}",
    )
    return Answer(judgement=judgement, result=result)


def _partial(data: Data, arguments: Symbol | None) -> Answer:
    given = written_out(data, arguments)
    if given and isinstance(given[0], Name | Call):
        return Answer()
    return Answer(judgement=_unknown("would bind arguments to something that the file does not name"))


def _getter(data: Data, arguments: Symbol | None) -> Answer:
    for item in written_out(data, arguments):
        name = _text(data, item) if isinstance(item, int) else None
        if name is not None and _DUNDER in name:
            return Answer(judgement=_unknown(f"would make a getter of {name}"))
    return Answer()


def _encode(data: Data, arguments: Symbol | None) -> Answer:
    given = written_out(data, arguments)
    encoding = _text(data, given[1]) if len(given) > 1 else "utf-8"
    if encoding is not None and encoding.lower() in _ENCODINGS:
        return Answer()
    return Answer(judgement=_unknown("would call codecs.encode with an unusual encoding"))


def _load_from_bytes(data: Data, arguments: Symbol | None) -> Answer:
    given = written_out(data, arguments)
    if len(given) == 1 and isinstance(given[0], int) and data[given[0]] in opcodes.BYTES:
        return Answer(nested=opcodes.payload(data, given[0], len(data)))
    return Answer(judgement=_unknown("would load a tensor from bytes that cannot be found in the file"))


def _compile_pattern(data: Data, arguments: Symbol | None) -> Answer:
    given = written_out(data, arguments)
    if given and isinstance(given[0], int) and (data[given[0]] in opcodes.TEXTS or data[given[0]] in opcodes.BYTES):
        return Answer()
    return Answer(judgement=_unknown("would compile a pattern that the file does not show"))


def _type(data: Data, arguments: Symbol | None) -> Answer:
    if len(written_out(data, arguments)) == 1:
        return Answer()
    return Answer(judgement=_unknown("would make a new class"))


def _buffer(data: Data, arguments: Symbol | None) -> Answer:
    given = written_out(data, arguments)
    size = opcodes.integer(data, given[0]) if given and isinstance(given[0], int) else None
    if size is not None and size > _BOMB:
        reason = f"would reserve {size:,} bytes of memory"
        return Answer(judgement=Judgement(verdict=Verdict.MALFORMED, severity=Severity.HIGH, reason=reason))
    return Answer()


Check = Callable[[Data, Symbol | None], Answer]

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        **dict.fromkeys(("builtins.getattr", "__builtin__.getattr"), _getattr),
        **dict.fromkeys(("builtins.type", "__builtin__.type"), _type),
        **dict.fromkeys(
            ("builtins.bytes", "builtins.bytearray", "__builtin__.bytes", "__builtin__.bytearray"), _buffer
        ),
        **dict.fromkeys(("builtins.__import__", "__builtin__.__import__", "importlib.__import__"), _module),
        **dict.fromkeys(("importlib.import_module", "importlib._bootstrap._gcd_import"), _module),
        **dict.fromkeys(("pydoc.locate", "pkgutil.resolve_name", "cloudpickle.cloudpickle.subimport"), _module),
        **dict.fromkeys(("dill._dill._import_module", "dill.dill._import_module"), _module),
        **dict.fromkeys(("functools.partial", "functools.partialmethod", "_functools.partial"), _partial),
        **dict.fromkeys((f"{m}.{n}" for m in ("operator", "_operator") for n in ("attrgetter", "itemgetter")), _getter),
        **dict.fromkeys(("_codecs.encode", "codecs.encode"), _encode),
        "torch.storage._load_from_bytes": _load_from_bytes,
        **dict.fromkeys(("re._compile", "re.compile"), _compile_pattern),
    }
)
"""Callables whose arguments decide, by their dotted name."""

UNTRUSTED_ALONE: Final = frozenset(
    name for name, check in CHECKS.items() if check in {_getattr, _module, _type, _partial, _getter, _load_from_bytes}
)
"""Those of them that are dangerous in the hands of whatever they are passed to, where no arguments can be seen."""
