"""What was read in pickles, as notes for people: one for each thing that they would act on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from bartizan.core.severity import Severity
from bartizan.scan.describe import printable
from bartizan.scan.note import HEAD_BYTES, Data, Fact, Inner, Note, Unread, Verdict, Weakness, stretch
from bartizan.scan.pickles import Pickles, Seen, results
from bartizan.scan.symbols import Use

_MOST: Final = 40
_SHOWN: Final = 12
_RUN: Final = (
    "Do not load it. Ask its publisher for safetensors, and treat every machine that loaded it as compromised."
)
_CONVERT: Final = (
    "Ask for safetensors, or convert it in a sandbox without network; load with weights_only=True where that works."
)
_LOOK: Final = "Load it only where that package is the one you know, or convert it to safetensors."
_BROKEN: Final = "Get the file again and compare its hash; a file that is made to confuse scanners is made on purpose."


def notes(pickles: Pickles) -> Iterator[Note]:
    """Yields the notes of one reader."""
    found = sorted(results(pickles), key=lambda seen: (-seen.judgement.severity.rank, seen.offset))
    alone = [seen for seen in found if _stands_alone(seen)]
    for seen in alone[:_MOST]:
        yield _alone(seen)
    if len(alone) > _MOST:
        yield _rest(alone[_MOST:])
    yield from _grouped([seen for seen in found if not _stands_alone(seen)])
    yield from _odds(pickles)
    if pickles.trailing and "container" not in pickles.facts:
        yield _trailing(*pickles.trailing)
    if pickles.unread:
        yield Unread(reason=pickles.unread)
    for begin, end in pickles.nested:
        yield _nested(pickles, begin, end)
    yield Fact(key="pickles", value=str(pickles.complete))
    yield Fact(key="callables", value=str(len({(seen.module, seen.name) for seen in pickles.seen.values()})))
    for key, value in pickles.facts.items():
        yield Fact(key=key, value=value)


def _nested(pickles: Pickles, begin: int, end: int) -> Inner:
    def load() -> Data:
        return stretch(pickles.data, begin, end)

    head = bytes(pickles.data[begin : min(end, begin + HEAD_BYTES)])
    return Inner(name=f"bytes@{begin}", head=head, load=load, expected=True)


def _stands_alone(seen: Seen) -> bool:
    return seen.judgement.severity.rank >= Severity.HIGH.rank and seen.judgement.verdict is not Verdict.UNSAFE_BY_DESIGN


def _alone(seen: Seen) -> Weakness:
    judgement = seen.judgement
    malicious = judgement.verdict is Verdict.MALICIOUS
    if malicious and seen.use in {Use.CALLED, Use.CONSTRUCTED}:
        title = f"malicious: would call {seen.shown} on load"
    elif malicious:
        title = f"malicious: {printable(judgement.reason, 200)}"
    else:
        title = f"{judgement.verdict.value}: {printable(judgement.reason, 200)}"
    times = f", {seen.count} times" if seen.count > 1 else ""
    return Weakness(
        place=f"{seen.module}.{seen.name}:{seen.use.value}",
        title=title,
        severity=judgement.severity,
        verdict=judgement.verdict,
        offset=seen.offset,
        evidence=(f"{seen.use.value} at byte {seen.offset}{times}: {seen.shown}",),
        remediation=_RUN if malicious else _LOOK,
    )


def _rest(rest: list[Seen]) -> Weakness:
    worst = rest[0]
    return Weakness(
        place="rest",
        title=f"{worst.judgement.verdict.value}: {len(rest)} more callables that must not run on load",
        severity=worst.judgement.severity,
        verdict=max((seen.judgement.verdict for seen in rest), key=lambda verdict: verdict.rank),
        offset=worst.offset,
        evidence=tuple(seen.shown for seen in rest[:_SHOWN]),
        remediation=_RUN,
    )


def _grouped(found: list[Seen]) -> Iterator[Weakness]:
    """One finding for each package of unknown code, and one for all compiled code, rather than one for each class."""
    groups: dict[tuple[Verdict, str], list[Seen]] = defaultdict(list)
    for seen in found:
        carries = seen.judgement.verdict is Verdict.UNSAFE_BY_DESIGN
        groups[seen.judgement.verdict, "" if carries else seen.module.partition(".")[0]].append(seen)
    for number, ((verdict, package), members) in enumerate(groups.items()):
        if number >= _MOST:
            yield Weakness(
                place="packages",
                title=f"unknown-code: {len(groups) - _MOST} more packages are needed on load",
                severity=Severity.MEDIUM,
                verdict=verdict,
                remediation=_LOOK,
            )
            return
        yield _group(verdict, package, members)


def _group(verdict: Verdict, package: str, members: list[Seen]) -> Weakness:
    names = list(dict.fromkeys(f"{seen.module}.{seen.name}" for seen in members))
    shown = ", ".join(printable(name) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    if verdict is Verdict.UNSAFE_BY_DESIGN:
        title = "unsafe by design: it carries compiled code that nothing in the file explains"
    elif package == "__main__":
        title = "unknown code: it needs classes of the script that wrote it"
    else:
        title = f"unknown code: it needs {printable(package)}, of which these names are not known to be harmless"
    return Weakness(
        place=f"{verdict.value}:{package}",
        title=title,
        severity=max((seen.judgement.severity for seen in members), key=lambda severity: severity.rank),
        verdict=verdict,
        offset=min(seen.offset for seen in members),
        evidence=(f"{shown}{more}",),
        remediation=_CONVERT if verdict is Verdict.UNSAFE_BY_DESIGN else _LOOK,
    )


def _odds(pickles: Pickles) -> Iterator[Weakness]:
    for kind, odd in pickles.odds.items():
        yield Weakness(
            place=f"odd:{kind}",
            title=f"malformed or evasive: {odd.reason}",
            severity=Severity.HIGH,
            verdict=Verdict.MALFORMED,
            offset=odd.offset,
            evidence=(f"at byte {odd.offset}" + (f", {odd.count} times" if odd.count > 1 else ""),),
            remediation=_BROKEN,
        )


def _trailing(begin: int, end: int) -> Weakness:
    return Weakness(
        place="trailing",
        title=f"{end - begin:,} bytes follow the last pickle that no loader of pickles reads",
        severity=Severity.LOW,
        verdict=Verdict.CLEAN,
        offset=begin,
        evidence=("they were searched for pickles that call something; none was found",),
        remediation="Ask the publisher what they are.",
    )
