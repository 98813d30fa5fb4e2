"""Evaluating: score labelled files and say what is caught at which share of false alarms, source by source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bartizan.core.record import Record
from bartizan.detect import measures
from bartizan.detect.group import Group, Kind
from bartizan.detect.measures import Evaluation, Scored
from bartizan.detect.scoring import Scorer
from bartizan.errors import InputError
from bartizan.jobs.calibrate import harmless, scores
from bartizan.jobs.labelled import Row, read
from bartizan.jobs.progress import Progress, Step, silent

_EVERY = 100


class Evaluated(Record, frozen=True, kw_only=True):
    """What was measured, and on what.

    Attributes:
        group: What was asked about the texts.
        figures: The figures.
        duplicates: How many rows repeated another exactly, label included, and were left out.
        others: How many were of another kind than asked for and left out.
        unstated: How many did not say what kind of text they are.
        benign: The file that the false alarms were set by; empty for the harmless rows of the files themselves.
    """

    group: Group
    figures: Evaluation
    duplicates: int
    others: int
    unstated: int
    benign: str = ""


class _Rows:
    """The distinct rows of some files, as they are read, and a count of the rest."""

    def __init__(self, files: Iterable[Path], kind: Kind | None) -> None:
        self._files = files
        self._kind = kind
        self._seen: set[tuple[bytes, bool]] = set()
        self.duplicates = self.others = self.unstated = 0

    def __iter__(self) -> Iterator[tuple[Row, bool]]:
        for path in self._files:
            for row in read(path, kind=self._kind or Kind.USER):
                if row.attack is None:
                    raise InputError(
                        f"{row.place}: neither label nor attack", hint='such as "label": "benign", or "attack": true'
                    )
                key = (row.digest, row.attack)
                if self._kind is not None and row.item.kind is not self._kind:
                    self.others += 1
                elif key in self._seen:
                    self.duplicates += 1
                else:
                    self._seen.add(key)
                    self.unstated += not row.stated
                    yield row, row.attack


def run(
    files: Iterable[Path],
    scorer: Scorer,
    *,
    group: Group = Group.INJECTION,
    kind: Kind | None = None,
    benign: Path | None = None,
    progress: Progress = silent,
) -> Evaluated:
    """Scores files and measures.

    Args:
        files: Labelled texts.
        scorer: Its thresholds decide what is flagged.
        group: What is asked about the texts.
        kind: Which texts count, None for all; also what those are that do not say.
        benign: Harmless texts that set the shares of false alarms; the harmless ones of `files` where None.
        progress: Told how many texts are scored.

    Raises:
        InputError: A file cannot be read, a row has no label, or there are no harmless texts.
    """
    calm = None
    if benign is not None:
        calm = list(scores(harmless(read(benign, kind=kind or Kind.USER), kind).items, (scorer, group), progress))
    rows = _Rows(files, kind)
    scored: list[Scored] = []
    for row, attack in rows:
        if len(scored) % _EVERY == 0:
            progress(Step(job="detect", done=len(scored), note=row.source))
        one = scorer.score(row.item, (group,))[group]
        scored.append(Scored(one.score, one.flagged, attack, row.source))
    return Evaluated(
        group=group,
        figures=measures.evaluate(scored, calm),
        duplicates=rows.duplicates,
        others=rows.others,
        unstated=rows.unstated,
        benign=benign.name if benign else "",
    )
