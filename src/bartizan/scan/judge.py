"""Judging what a pickle does with a callable: by the resolved callable and its role, never by its module alone.

What is known stands in `callables/*.toml`. What is not known is not trusted: unknown code is a finding.
"""

from __future__ import annotations

import _compat_pickle  # the names of Python 2 that loaders translate (`fix_imports` of pickle.load)
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from bartizan import registry
from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan import callables
from bartizan.scan.note import Verdict
from bartizan.scan.symbols import Use

Table = Mapping[str, frozenset[str]]

_MOST_PARTS: Final = 24
_ANY: Final = "*"
_CLASS: Final = "A*"
_REACHING: Final = frozenset(
    """
    __globals__ __builtins__ __subclasses__ __class__ __base__ __bases__ __mro__ __dict__ __init__ __code__ __func__
    __self__ __import__ __getattribute__ __getattr__ __reduce__ __reduce_ex__ __loader__ __spec__ f_globals f_builtins
    gi_frame
    """.split()  # noqa: SIM905  (a list of bare names reads best without quotes)
)
"""Attributes that lead from any object to everything else in the interpreter."""
_RUNNING: Final = frozenset(
    """
    system popen exec execute eval run run_command runcode runcommand runctx runstring spawn call check_call
    check_output getoutput load loads unpickle import_module load_module from_pretrained open write_file urlopen
    urlretrieve download install main compile compile_file shell command cmd execwrapper runscript run_path run_module
    read_pickle safe_eval literal_eval
    """.split()  # noqa: SIM905  (likewise)
)
"""Names that say that a function runs or fetches something."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a use of a callable amounts to; `clean` is harmless."""

    verdict: Verdict
    severity: Severity
    reason: str


HARMLESS: Final = Judgement(verdict=Verdict.CLEAN, severity=Severity.INFO, reason="")


@dataclass(frozen=True, kw_only=True)
class Callables:
    """What is known of one framework's callables: module to names.

    A module that ends in `.*` stands for it and all below. Among the names, `*` is any, `A*` is any that begins with a
    capital, and other stars match as in a shell. Stars never match a dotted name.
    """

    meta: Meta
    harmless: Table
    code: Table
    dangerous: Table

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Callables:
        """Makes one from a TOML record."""
        meta = Meta(
            id=record["id"],
            title=record["title"],
            why=record["why"],
            severity=Severity.CRITICAL if "dangerous" in record else Severity.INFO,
            tags=("owasp-llm:2026:LLM04", "cwe:4:CWE-502"),
            references=tuple(record.get("references", ())),
        )
        tables = [_table(record.get(name, {})) for name in ("harmless", "code", "dangerous")]
        return cls(meta=meta, harmless=tables[0], code=tables[1], dangerous=tables[2])


def _table(rows: Mapping[str, list[str]]) -> Table:
    return {module: frozenset(names) for module, names in rows.items()}


def _merge(tables: Iterator[Table]) -> Table:
    merged: dict[str, frozenset[str]] = {}
    for table in tables:
        for module, names in table.items():
            merged[module] = merged.get(module, frozenset()) | names
    return merged


@dataclass(frozen=True, kw_only=True)
class Judge:
    """All tables together."""

    harmless: Table
    code: Table
    dangerous: Table

    def judge(self, module: str, name: str, use: Use) -> Judgement:
        """Judges a use of `module.name` without its arguments; of the Python 2 and 3 readings the worse counts."""
        if module.count(".") + name.count(".") > _MOST_PARTS:
            reason = f"names a callable by more than {_MOST_PARTS} parts"
            return Judgement(verdict=Verdict.MALFORMED, severity=Severity.HIGH, reason=reason)
        readings = [(module, name)]
        translated = _compat_pickle.NAME_MAPPING.get((module, name))
        if translated is None and module in _compat_pickle.IMPORT_MAPPING:
            translated = (_compat_pickle.IMPORT_MAPPING[module], name)
        if translated is not None:
            readings = [translated, *([(module, name)] if self._listed(self.dangerous, module, name) else [])]
        return max((self._judge_one(*reading, use) for reading in readings), key=lambda found: found.verdict.rank)

    def _judge_one(self, module: str, name: str, use: Use) -> Judgement:
        dotted = f"{module}.{name}" if name else module
        if use is Use.MODIFIED:
            return Judgement(
                verdict=Verdict.MALICIOUS, severity=Severity.CRITICAL, reason=f"changes {dotted} in the loading process"
            )
        if name in self.dangerous.get(module, ()):
            return _dangerous(dotted, use)
        if name in self.harmless.get(module, ()):
            return HARMLESS
        if name in self.code.get(module, ()):
            return _carrier(dotted)
        if any(self._listed(self.dangerous, *split) for split in _splits(module, name)):
            return _dangerous(dotted, use)
        reaching = _REACHING.intersection(name.split("."))
        if reaching:
            reason = f"reaches through {min(reaching)} of {dotted}"
            return Judgement(verdict=Verdict.MALFORMED, severity=Severity.HIGH, reason=reason)
        if self._listed(self.harmless, module, name):
            return HARMLESS
        if self._listed(self.code, module, name):
            return _carrier(dotted)
        return _unknown(module, name, use)

    def _listed(self, table: Table, module: str, name: str) -> bool:
        return any(_matches(name, table[key]) for key in _keys(module) if key in table)


def _keys(module: str) -> Iterator[str]:
    """Yields the keys of a table that speak of a module: itself, and `parent.*` for it and each parent."""
    yield module
    parent = module
    while parent:
        yield f"{parent}.*"
        parent = parent.rpartition(".")[0]


def _matches(name: str, listed: frozenset[str]) -> bool:
    if name in listed or _ANY in listed:
        return True
    if "." in name:
        return False
    if _CLASS in listed and name[:1].isupper():
        return True
    return any(
        (pattern.startswith("*") and name.endswith(pattern[1:]))
        or (pattern.endswith("*") and name.startswith(pattern[:-1]))
        for pattern in listed
        if _ANY in pattern and pattern != _CLASS
    )


def _splits(module: str, name: str) -> Iterator[tuple[str, str]]:
    """Yields every way to read a dotted name: as it stands, with parts moved to the module, and each part as a module.

    `pathlib` with `os.system` is `os.system`, because modules are attributes of the modules that import them
    (GHSA-5j3x-jp52-966f). A listed parent package stands for all below it.
    """
    yield module, name
    parent = module.rpartition(".")[0]
    while parent:
        yield parent, f"{module.removeprefix(parent)[1:]}.{name}"
        parent = parent.rpartition(".")[0]
    parts = name.split(".")
    for index in range(1, len(parts)):
        rest = ".".join(parts[index:])
        yield ".".join((module, *parts[:index])), rest
        yield parts[index - 1], rest


def _dangerous(dotted: str, use: Use) -> Judgement:
    if use in {Use.CALLED, Use.CONSTRUCTED}:
        return Judgement(verdict=Verdict.MALICIOUS, severity=Severity.CRITICAL, reason=f"would call {dotted}")
    return Judgement(
        verdict=Verdict.MALICIOUS, severity=Severity.HIGH, reason=f"names {dotted} without calling it itself"
    )


def _carrier(dotted: str) -> Judgement:
    reason = f"carries compiled code, rebuilt by {dotted}"
    return Judgement(verdict=Verdict.UNSAFE_BY_DESIGN, severity=Severity.HIGH, reason=reason)


def _unknown(module: str, name: str, use: Use) -> Judgement:
    root = module.partition(".")[0]
    last = name.rpartition(".")[2].lower()
    acts = use in {Use.CALLED, Use.CONSTRUCTED}
    verb = "would call" if acts else "names"
    severity = Severity.MEDIUM
    reason = f"{verb} {module}.{name}, which is not known to be harmless"
    if acts and (root in sys.stdlib_module_names or last in _RUNNING or "." in name):
        severity = Severity.HIGH
    return Judgement(verdict=Verdict.UNKNOWN_CODE, severity=severity, reason=reason)


@cache
def judge() -> Judge:
    """Returns the judge with every file of `callables/`, read once."""
    shelf = registry.scan(callables, Callables)
    return Judge(
        harmless=_merge(known.harmless for known in shelf),
        code=_merge(known.code for known in shelf),
        dangerous=_merge(known.dangerous for known in shelf),
    )
