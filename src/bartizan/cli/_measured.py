"""How a calibration, an evaluation and a test for drift are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final

from bartizan.cli._terminal import printable, showing
from bartizan.core.finding import Confidence
from bartizan.detect.drift import Drift
from bartizan.detect.measures import Part
from bartizan.jobs.calibrate import Calibrated
from bartizan.jobs.evaluate import Evaluated
from bartizan.jobs.progress import Progress

_WIDEST: Final = 44


def calibrated(found: Calibrated) -> Iterator[str]:
    """Yields the lines of a calibration: the statement, and what was left out."""
    site, texts = found.site, found.texts
    yield f"threshold {site.threshold:.9g}: {site.statement}"
    yield f"set on {site.n:,} distinct texts; {texts.duplicates:,} rows that repeated one were left out"
    if texts.attacks:
        yield f"{texts.attacks:,} rows labelled as attacks were left out"
    if texts.others:
        yield f"{texts.others:,} rows of other kinds were left out"
    if texts.unstated:
        kind = site.kind.value if site.kind else "user"
        yield f"{texts.unstated:,} texts do not say what kind they are, and count as {kind}"


def evaluated(found: Evaluated) -> Iterator[str]:
    """Yields the lines of an evaluation: what it rests on, then a table."""
    figures = found.figures
    yield f"{found.group.value}: {figures.whole.attacks:,} attacks and {figures.whole.benign:,} harmless texts"
    for count, what in (
        (found.duplicates, "rows that repeated another were left out"),
        (found.others, "rows of other kinds were left out"),
        (found.unstated, "rows do not say what kind of text they are, and count as that of --kind, or user"),
    ):
        if count:
            yield f"{count:,} {what}"
    where = f"those of {_plain(found.benign)}" if found.benign else "the harmless rows of the files themselves"
    yield f"false alarms are counted among {where}:"
    for one in figures.limits:
        coarse = "; too few for one alarm to be within it" if one.is_coarse else ""
        yield f"  at {one.budget:.1%} from a score of {one.threshold:.6g} on ({one.alarms} of {one.benign:,}{coarse})"
    yield ""
    heads = [
        "source",
        "attacks",
        "harmless",
        *(f"recall at {one.budget:.1%}" for one in figures.limits),
        "flagged",
        "harmless let pass",
        "AUC",
    ]
    rows = [_cells(part) for part in (figures.whole, *figures.parts)]
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    yield "flagged and let pass: at the threshold in force. Intervals: 95 %, Wilson; AUC: Hanley and McNeil."


def watched(state: Drift) -> Iterator[str]:
    """Yields the lines of a test for drift."""
    if state.stands:
        yield f"the statement stands after {state.seen:,} texts"
        yield f"evidence against it: {state.evidence:.0%} of the way to withdrawal"
    else:
        yield f"the statement is withdrawn, since text {state.withdrawn_at:,}: {state.reason}"
        yield "calibrate again, on texts such as come now"
    yield f"the probability that it is ever withdrawn without cause is {100 * state.false_withdrawal:g} % at most"


def progress() -> AbstractContextManager[Progress]:
    """Shows progress on standard error, where that is a terminal."""
    return showing("scoring ...", lambda step: f"scored: {step.done:,}")


def _cells(part: Part) -> list[str]:
    shares = (*part.recall, part.flagged, part.right, part.area)
    return [_plain(part.source), f"{part.attacks:,}", f"{part.benign:,}", *map(_share, shares)]


def _share(known: Confidence | None) -> str:
    return "-" if known is None else f"{known.share:.3f} [{known.low:.3f}, {known.high:.3f}]"


def _plain(text: str) -> str:
    """Returns a name from a file so that it cannot steer the terminal."""
    shown = printable(text)
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 3]}..."
