"""Score texts with the detectors; measure them on labelled files; set thresholds on a site's own traffic.

bartizan detect score --detector injection < texts.jsonl       a score a line, for texts a line
bartizan detect score < texts.jsonl                            the scores of every group
bartizan detect groups                                         the groups and the detectors in each
bartizan detect evaluate FILE ...                              what is caught at 1 % and 0.1 % false alarms, by source
bartizan detect calibrate --benign FILE --budget 0.1% --out thresholds.json
                                                               a threshold that keeps to a share of false alarms
bartizan detect drift --state FILE < texts.jsonl               whether traffic is still what the threshold was set on

A line in is `{"id", "text"}` and may have `kind` (user, document, tool, output), `system_prompt` and `task`. A line out
is `{"id", "score", "flagged"}`, with `spans` for pii and secrets; without --detector, `scores` by group; `error` for a
line that cannot be read. Exit codes: 0 when all lines were scored, 2 when some were not.

Files to evaluate have `label` (benign, or anything else for an attack) or `attack` (true or false) besides, and may
have `source`; `.gz` is unpacked. Thresholds count where the configuration names their file as `detect.thresholds`.
drift exits with 1 when the statement that came with the threshold is withdrawn.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bartizan.cli import _measured as show
from bartizan.config import load
from bartizan.detect.group import Group, Kind
from bartizan.detect.scoring import SPANNED, Item, Scorer, families
from bartizan.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FOUND, InputError
from bartizan.jobs import calibrate, drift, evaluate, labelled


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan detect`."""
    parser.add_argument("what", choices=["score", "groups", "evaluate", "calibrate", "drift"])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="labelled texts to evaluate")
    parser.add_argument(
        "--detector", choices=list(Group), help="this group alone (default: all to score with, else injection)"
    )
    parser.add_argument("--kind", choices=list(Kind), help="texts of this kind alone, and of none (default: all)")
    parser.add_argument("--benign", type=Path, metavar="FILE", help="harmless texts that set the false alarms")
    parser.add_argument("--budget", type=_share, metavar="SHARE", help="the share of false alarms, such as 0.1%%")
    parser.add_argument(
        "--confidence", type=_share, default=0.95, metavar="SHARE", help="how surely it is kept (default: 95%%)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where the threshold goes")
    parser.add_argument("--state", type=Path, metavar="FILE", help="where the test for drift is kept")
    parser.add_argument("--json", action="store_true", help="the result as JSON")


def run(arguments: Namespace) -> int:
    """Does what is asked for."""
    if arguments.files and arguments.what != "evaluate":
        raise InputError(f"{arguments.what} takes no files as words", hint="give texts on standard input, or --benign")
    if arguments.what == "evaluate" and not arguments.files:
        raise InputError("evaluate needs files", hint="bartizan detect evaluate FILE ...")
    for name in {"calibrate": ("benign", "budget", "out"), "drift": ("state",)}.get(arguments.what, ()):
        if getattr(arguments, name) is None:
            raise InputError(f"{arguments.what} needs --{name}", hint="see `bartizan detect --help`")
    config = load(arguments.config).config.detect
    if arguments.what == "calibrate":
        # The file may hold thresholds of an older detector, which is why one calibrates again.
        config = msgspec.structs.replace(config, thresholds="")
    scorer = Scorer.load(config)
    if arguments.what == "groups":
        for group in Group:
            names = sorted(name for name in scorer.engine.detectors if name.startswith(families(group)))
            print(f"{group.value}: {', '.join(names)}")
        return EXIT_CLEAN
    if arguments.what == "score":
        groups = (Group(arguments.detector),) if arguments.detector else tuple(Group)
        return _score(scorer, groups, alone=arguments.detector is not None)
    return _measure(arguments, scorer)


def _measure(arguments: Namespace, scorer: Scorer) -> int:
    group = Group(arguments.detector or Group.INJECTION)
    kind = Kind(arguments.kind) if arguments.kind else None
    exit_code = EXIT_CLEAN
    lines: Iterable[str]
    with show.progress() as progress:
        if arguments.what == "calibrate":
            aim = calibrate.Aim(group=group, kind=kind, budget=arguments.budget, confidence=arguments.confidence)
            made = calibrate.run(arguments.benign, arguments.out, scorer, aim=aim, progress=progress)
            found, lines = msgspec.to_builtins(made.site), show.calibrated(made)
        elif arguments.what == "evaluate":
            figures = evaluate.run(
                arguments.files, scorer, group=group, kind=kind, benign=arguments.benign, progress=progress
            )
            found, lines = msgspec.to_builtins(figures), show.evaluated(figures)
        else:
            site = drift.site_of(scorer, group, kind)
            rows = labelled.rows(sys.stdin.buffer, "standard input", kind=kind or Kind.USER)
            state = drift.run(rows, scorer, arguments.state, site=site, progress=progress)
            found = {"stands": state.stands, "seen": state.seen, "evidence": state.evidence, "reason": state.reason}
            lines = show.watched(state)
            exit_code = EXIT_CLEAN if state.stands else EXIT_FOUND
    if arguments.json:
        print(json.dumps(found, indent=2))
    else:
        for line in lines:
            print(line)
    return exit_code


def _score(scorer: Scorer, groups: Sequence[Group], *, alone: bool) -> int:
    exit_code = EXIT_CLEAN
    for number, line in enumerate(labelled.lines(sys.stdin.buffer), 1):
        answer: dict[str, Any]
        try:
            item = msgspec.convert(labelled.parse(line), type=Item)
        except ValueError as error:
            answer, exit_code = {"id": number, "error": f"line {number}: {error}"}, EXIT_BROKEN
        else:
            scores = scorer.score(item, groups)
            answer = {"id": item.id}
            if alone:
                (only,) = scores.values()
                answer |= {"score": round(only.score, 6), "flagged": only.flagged}
            else:
                answer["scores"] = {group.value: round(one.score, 6) for group, one in scores.items()}
                answer["flagged"] = [group.value for group, one in scores.items() if one.flagged]
            unchecked = dict.fromkeys(reason for one in scores.values() for reason in one.unchecked)
            if unchecked:
                answer["unchecked"] = list(unchecked)
            spans = [list(span) for group, one in scores.items() if group in SPANNED for span in one.spans]
            if any(group in SPANNED for group in groups):
                answer["spans"] = spans
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return exit_code


def _share(text: str) -> float:
    """Reads a share, as a number or in per cent."""
    try:
        number = float(text.removesuffix("%").strip()) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no share, such as 0.1% or 0.001") from None
    if not 0 < number < 1:
        raise ArgumentTypeError(f"{text!r} is not between 0 and 1; write per cent with a %")
    return number
