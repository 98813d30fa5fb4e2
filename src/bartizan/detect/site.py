"""A site's thresholds at work: a text that reaches the one for its kind gets a signal, as if a detector had seen it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from bartizan.core.segment import IDENTIFIERS, Segment
from bartizan.core.severity import Severity
from bartizan.core.signal import Signal
from bartizan.detect.examination import Detection, Failure, in_order
from bartizan.detect.group import Group
from bartizan.detect.scoring import Item, Scorer, families, kind_of
from bartizan.detect.thresholds import SiteThreshold, percent
from bartizan.registry import Meta

IDS: Final[Mapping[str, Group]] = MappingProxyType({f"site.{group.value}": group for group in Group})
"""What the signals are called, whether or not a site has set a threshold for the group."""
_NAMES: Final[Mapping[Group, str]] = MappingProxyType({group: name for name, group in IDS.items()})


class Site:
    """Holds the scores of texts against the thresholds of a site. Safe to share between threads.

    System and developer messages have no kind, and names and ids are no texts: no threshold is meant for either.

    Args:
        scorer: Makes one score a group of what was seen, and knows the thresholds.

    Attributes:
        metas: By id, what is said of each group that has a threshold; empty where the site has set none.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self.metas: Mapping[str, Meta] = MappingProxyType(
            {
                name: _meta(name, group, [one for one in scorer.thresholds if one.group is group])
                for name, group in IDS.items()
                if any(one.group is group for one in scorer.thresholds)
            }
        )

    def least(self, name: str) -> float:
        """Returns the lowest threshold behind an id of `metas`, which is the least score of its signals."""
        return min(one.threshold for one in self._scorer.thresholds if one.group is IDS[name])

    def judge(self, detection: Detection, segments: Sequence[Segment]) -> Detection:
        """Returns what was seen with a signal for each score that reaches its threshold; nothing is looked at twice.

        Where it is not reached and a detector behind the score has failed, the score may be too low: a failure says so.
        """
        if not self.metas:
            return detection
        found: list[Signal | Failure] = []
        for index, (segment, part) in enumerate(zip(segments, detection.by_segment(len(segments)), strict=True)):
            found += self._judge(part, segment, index)
        if not found:
            return detection
        signals = (one for one in found if isinstance(one, Signal))
        return Detection(
            signals=tuple(sorted((*detection.signals, *signals), key=in_order)),
            failures=(*detection.failures, *(one for one in found if isinstance(one, Failure))),
            opinions=detection.opinions,
        )

    def _judge(self, part: Detection, segment: Segment, index: int) -> Iterator[Signal | Failure]:
        kind = kind_of(segment.role)
        if kind is None or not segment.text or segment.source == IDENTIFIERS:
            return
        item = Item(text=segment.text, kind=kind)
        for name in self.metas:
            group = IDS[name]
            site = self._scorer.site(group, kind)
            if site is None:
                continue
            found = self._scorer.judge(part, item, (group,))[group]
            if found.flagged:
                yield _signal(part, (segment, index), (site, found.score))
                continue
            for failure in part.failures:
                if failure.detector.startswith(families(group)):
                    yield Failure(detector=name, segment=index, reason=f"{failure.detector}: {failure.reason}")


def _signal(part: Detection, place: tuple[Segment, int], reached: tuple[SiteThreshold, float]) -> Signal:
    """Returns the signal, where the surest of its group lies; over the whole text where there is none."""
    (segment, index), (site, score) = place, reached
    surest = max(
        (one for one in part.signals if one.detector.startswith(families(site.group))),
        key=lambda one: one.score,
        default=None,
    )
    texts = f"{site.kind.value} texts" if site.kind else "texts"
    return Signal(
        detector=_NAMES[site.group],
        category=site.group.value,
        score=score,
        segment=index,
        start=surest.start if surest else 0,
        end=surest.end if surest else len(segment.text),
        severity=Severity.HIGH,
        reason=(
            f"Scores {score:.4f} for {site.group.value}, at or above this site's {site.threshold:.4f} (at most "
            f"{percent(site.budget)} of harmless {texts}, {percent(site.confidence)} confidence)"
        ),
        decoded=surest.decoded if surest else "",
    )


def _meta(name: str, group: Group, thresholds: Sequence[SiteThreshold]) -> Meta:
    return Meta(
        id=name,
        title=f"Reaches this site's own threshold for {group.value}",
        why="; ".join(one.statement for one in thresholds),
        severity=Severity.HIGH,
        tags=(),
    )
