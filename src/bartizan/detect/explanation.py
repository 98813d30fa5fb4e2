"""Why a check came out as it did, in bounded size: scores by group, what each stage said, and what was decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from bartizan.core.record import Record
from bartizan.core.segment import Segment
from bartizan.core.signal import Signal
from bartizan.detect.engine import Look
from bartizan.detect.examination import Detection, Failure
from bartizan.detect.models.calibration import score
from bartizan.detect.models.cascade import Opinion
from bartizan.detect.normalise import View, fold, table
from bartizan.detect.scoring import Group, Item, Kind, Scorer, kind_of

MOST: Final = 100
"""Of signals, opinions, decoded texts and failures, this many of each are told; what is left out is counted."""
LONGEST: Final = 500
"""Characters of a decoded text that are told."""
_FOLDED: Final = frozenset({"homoglyphs", "invisible"})
_DIGITS: Final = 4
_T = TypeVar("_T")


class GroupScore(Record, frozen=True, kw_only=True):
    """The score of a group of detectors, 0 to 1, whether it is enough to flag, and the segment that has it."""

    score: float
    flagged: bool
    segment: int


class Stage(Record, frozen=True, kw_only=True):
    """What the learned stages said of one text: a segment's own, or one that was decoded from it.

    Attributes:
        segment: The index of the segment.
        stage: Which stage decided: `linear` or `encoder`.
        windows: How many windows the text has.
        read: How many of them the encoder read.
        late: Whether time ran out before it had read what it should.
        linear: By linear head, the score of its worst window after the linear stage alone.
        scores: By head, the calibrated score after the stage that decided.
    """

    segment: int
    stage: str
    windows: int
    read: int
    late: bool
    linear: dict[str, float]
    scores: dict[str, float]


class Sighting(Record, frozen=True, kw_only=True):
    """A signal, with how its text was hidden, the outermost layer first, and what it then reads as where that is short.

    `reads` is for lookalikes and invisible characters; what stood in an encoding is among `decoded` of the explanation.
    """

    signal: Signal
    layers: tuple[str, ...] = ()
    reads: str = ""


class Layer(Record, frozen=True, kw_only=True):
    """A text that was decoded from `start` to `end` of a segment: through which layers, its beginning, its length."""

    segment: int
    start: int
    end: int
    layers: tuple[str, ...]
    text: str
    chars: int


class Explanation(Record, frozen=True, kw_only=True):
    """All that is known of a check beside its verdict.

    Attributes:
        scores: By group, the highest score of the segments that the operator has not written; of those that are
            flagged where any is, because a site may have set a threshold for each kind of text.
        signals: What was seen, also by detectors that no rule of the policy names, in order of segment and place.
        stages: What the learned stages said, a segment's own text before what was decoded of it.
        decoded: What was decoded, an outer layer before what was decoded of it.
        failures: What was not checked, and why.
        left_out: How many signals, stages, decoded texts and failures there are beyond the bound, where there are.
    """

    scores: dict[Group, GroupScore]
    signals: tuple[Sighting, ...]
    stages: tuple[Stage, ...]
    decoded: tuple[Layer, ...]
    failures: tuple[Failure, ...]
    left_out: dict[str, int]


def explain(look: Look, scorer: Scorer) -> Explanation:
    """Explains a look, finished or not; nothing is looked at twice."""
    seen = look.finish()
    # A run that is met in several views of a text is decoded and read in each; it is told once.
    all_signals = list(dict.fromkeys(seen.signals))
    all_opinions = list({(index, id(one)): (index, one) for index, one in seen.opinions}.values())
    signals = _most(all_signals, lambda one: one.score)
    opinions = _most(all_opinions, lambda one: max(one[1].log_odds.values(), default=0.0))
    layers = list(dict.fromkeys(_layer(index, one) for index, view in look.inner for one in _chain(view)))
    failures = seen.failures[:MOST]
    counts = {
        "signals": len(all_signals) - len(signals),
        "stages": len(all_opinions) - len(opinions),
        "decoded": len(layers[MOST:]),
        "failures": len(seen.failures) - len(failures),
    }
    return Explanation(
        scores=_scores(seen, look.segments, scorer),
        signals=tuple(_sighting(one, look.segments[one.segment].text) for one in signals),
        stages=tuple(_stage(segment, opinion) for segment, opinion in opinions),
        decoded=tuple(layers[:MOST]),
        failures=tuple(_short(one) for one in failures),
        left_out={name: count for name, count in counts.items() if count},
    )


def _scores(seen: Detection, segments: Sequence[Segment], scorer: Scorer) -> dict[Group, GroupScore]:
    best: dict[Group, GroupScore] = {}
    for index, (segment, part) in enumerate(zip(segments, seen.by_segment(len(segments)), strict=True)):
        if segment.trusted:
            continue
        item = Item(text=segment.text, kind=kind_of(segment.role) or Kind.USER)
        for group, one in scorer.judge(part, item).items():
            known = best.get(group)
            if known is None or (one.flagged, one.score) > (known.flagged, known.score):
                best[group] = GroupScore(score=round(one.score, _DIGITS), flagged=one.flagged, segment=index)
    return best


def _most(found: Sequence[_T], weight: Callable[[_T], float]) -> list[_T]:
    """Returns the weightiest in the order in which they were found."""
    kept = sorted(range(len(found)), key=lambda at: -weight(found[at]))[:MOST]
    return [found[at] for at in sorted(kept)]


def _sighting(signal: Signal, text: str) -> Sighting:
    layers = tuple(signal.decoded.split("+")) if signal.decoded else ()
    folded = layers and _FOLDED.issuperset(layers)
    reads = fold(View(text=text[signal.start : signal.end][:LONGEST]), table()).text if folded else ""
    return Sighting(signal=signal, layers=layers, reads=reads)


def _stage(segment: int, opinion: Opinion) -> Stage:
    windows, read = opinion.windows
    return Stage(
        segment=segment,
        stage=opinion.stage,
        windows=windows,
        read=read,
        late=opinion.late,
        linear=_rounded(opinion.linear.items()),
        scores=_rounded(opinion.log_odds.items()),
    )


def _rounded(log_odds: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {head: round(score(odds), _DIGITS) for head, odds in log_odds}


def _chain(view: View) -> list[View]:
    """Returns what was decoded on the way to a view, the outermost layer first, and the view itself."""
    found = [view]
    inner: View | None = view
    while inner is not None:
        if inner.how and inner.how != found[-1].how:
            found.append(inner)
        inner = getattr(inner, "parent", None)
    return found[::-1]


def _layer(segment: int, view: View) -> Layer:
    start, end = view.span(0, len(view.text))
    return Layer(segment=segment, start=start, end=end, layers=view.how, text=view.text[:LONGEST], chars=len(view.text))


def _short(failure: Failure) -> Failure:
    return Failure(detector=failure.detector, segment=failure.segment, reason=failure.reason[:LONGEST])
