"""Score texts with the detectors; measure them on labelled files; set thresholds on a site's own traffic.

bartizan detect score --detector injection < texts.jsonl       a score a line, for texts a line
bartizan detect score < texts.jsonl                            the scores of every group
bartizan detect groups                                         the groups and the detectors in each

A line in is `{"id", "text"}` and may have `kind` (user, document, tool, output), `system_prompt` and `task`. A line out is
`{"id", "score", "flagged"}`, with `spans` for pii and secrets; without --detector, `scores` by group; `error` for a
line that cannot be read. Exit codes: 0 when all lines were scored, 2 when some were not.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import msgspec

from bartizan.config import load
from bartizan.detect.engine import Engine
from bartizan.detect.scoring import SPANNED, Group, Item, Scorer, families
from bartizan.errors import EXIT_BROKEN, EXIT_CLEAN

MAX_LINE: Final = 100_000_000


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan detect`."""
    parser.add_argument("what", choices=["score", "groups"])
    parser.add_argument("--detector", choices=list(Group), help="score with this group alone")


def run(arguments: Namespace) -> int:
    """Scores texts, or lists the groups."""
    engine = Engine.load(load(arguments.config).config.detect)
    if arguments.what == "groups":
        for group in Group:
            names = sorted(name for name in engine.detectors if name.startswith(families(group)))
            print(f"{group.value}: {', '.join(names)}")
        return EXIT_CLEAN
    groups = (Group(arguments.detector),) if arguments.detector else tuple(Group)
    return _score(Scorer(engine), groups, alone=arguments.detector is not None)


def _score(scorer: Scorer, groups: Sequence[Group], *, alone: bool) -> int:
    exit_code = EXIT_CLEAN
    for number, line in enumerate(_lines(sys.stdin.buffer), 1):
        answer: dict[str, Any]
        try:
            item = _item(line)
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
            spans = [list(span) for group, one in scores.items() if group in SPANNED for span in one.spans]
            if any(group in SPANNED for group in groups):
                answer["spans"] = spans
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return exit_code


def _item(line: bytes) -> Item:
    """Reads a line; bytes that are no UTF-8 are replaced, because whoever attacks may send them."""
    if len(line) > MAX_LINE:
        raise ValueError(f"longer than {MAX_LINE:,} bytes")
    try:
        return msgspec.convert(json.loads(line.decode("utf-8", "replace")), type=Item)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from error


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yields lines that hold something; of one that is too long, as much as shows that it is."""
    while line := stream.readline(MAX_LINE + 1):
        whole = line
        while not line.endswith(b"\n") and len(line) > MAX_LINE:
            line = stream.readline(MAX_LINE + 1)
        if whole.strip():
            yield whole
