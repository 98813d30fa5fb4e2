"""Detectors made of example sentences: how near a sentence is to them, and how near others are that are not meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from statistics import median, pvariance
from typing import Final

from bartizan.config import TopicConfig
from bartizan.core.severity import Severity
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.detect.sentences import sentences
from bartizan.detect.topics.likeness import Embed, Likeness, Sentences
from bartizan.errors import LimitError
from bartizan.registry import Meta

_NEAREST: Final = 3
_FALSE_ALARMS: Final = 0.01
"""The share of ordinary sentences that stand at a score of 0.5 or above, at most."""
_MARGIN: Final = 0.4
"""How far the cut is moved from ordinary sentences to a typical example, where there is room between: what is near the
topic without being meant is nearer than ordinary sentences are."""
_TYPICAL: Final = math.log(9)
"""The log odds of a typical example: a score of 0.9."""
_MOST_CHARS: Final = 600
_LONGEST: Final = 40.0


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How a sentence's nearness becomes a score, set by leaving out each known sentence in turn.

    Attributes:
        examples: The numbers of the examples among the known sentences.
        others: The numbers of those that are not meant.
        weights: What nearness by words and by vectors counts.
        cut: The sum at which the score is 0.5.
        slope: How the log odds grow with the sum.
    """

    examples: Sequence[int]
    others: Sequence[int]
    weights: Sequence[float] = ()
    cut: float = 0.0
    slope: float = 1.0

    def nearness(self, like: Likeness, *, without: int | None = None) -> list[float]:
        """Returns how much nearer a sentence is to the examples than to the others, by words and by vectors."""
        return [
            _near(one, self.examples, without) - _near(one, self.others, without)
            for one in (like.words, like.vectors)
            if one
        ]

    def log_odds(self, like: Likeness, *, without: int | None = None) -> float:
        """Returns the log odds that a sentence is meant."""
        pairs = zip(self.weights, self.nearness(like, without=without), strict=True)
        return self.slope * (sum(weight * one for weight, one in pairs) - self.cut)


@dataclass(frozen=True, kw_only=True)
class Topic(Reader):
    """A configured topic. Each sentence of a text is judged; the nearest is the sight.

    Attributes:
        about: What it says of itself.
        known: The sentences of all topics, and ordinary ones.
        measure: How nearness becomes a score.
        threshold: From which score on there is a sight.
    """

    about: Meta
    known: Sentences
    measure: Measure
    threshold: float
    heeds: bool = False

    @property
    def meta(self) -> Meta:
        """Made from the configuration."""
        return self.about

    def sureness(self, sentence: str) -> float:
        """Returns how sure it is that one sentence is about the topic, 0 to 1."""
        return _share(self.measure.log_odds(self.known.like(sentence)))

    def read(self, text: str, context: Context) -> Iterator[Sight]:
        """Yields the sentence that is nearest to the topic, where that is near enough."""
        yield from self.read_until(text, context, lambda: False)

    def read_until(self, text: str, context: Context, late: Callable[[], bool]) -> Iterator[Sight]:  # noqa: ARG002
        """Yields the nearest of those sentences that were read in time.

        A text of many sentences has more chances to come near by accident: the odds are divided by their number.

        Raises:
            LimitError: There were more.
        """
        spans = [piece for span in sentences(text) for piece in _pieces(span)]
        odds: list[float] = []
        for start, end in spans:
            if late():
                break
            odds.append(self.measure.log_odds(self.known.like(text[start:end])))
        if odds:
            best = max(odds)
            score = _share(best - math.log(len(spans)))
            if score >= self.threshold:
                yield Sight(*spans[odds.index(best)], round(score, 4), self.about.title)
        if len(odds) < len(spans):
            raise LimitError(f"only the first {len(odds)} sentences were read in time", hint="raise detect.seconds")


def topics(configured: Mapping[str, TopicConfig], embed: Embed | None = None) -> Iterator[Topic]:
    """Yields the detectors of a configuration's topics: `topic.NAME`.

    Args:
        configured: The topics by name.
        embed: Gives vectors of sentences; None where there are none.
    """
    if not configured:
        return
    known = [*ordinary()]
    numbered: dict[str, tuple[Sequence[int], Sequence[int]]] = {}
    for name, config in configured.items():
        begin, middle = len(known), len(known) + len(config.examples)
        known += [*config.examples, *config.counter_examples]
        numbered[name] = (range(begin, middle), range(middle, len(known)))
    everything = Sentences(known, embed)
    for name, (examples, counters) in numbered.items():
        usual = range(len(ordinary()))
        measure, found = _measured(known, everything, examples=examples, others=[*counters, *usual])
        yield _topic(name, configured[name], everything, measure=measure, found=found)


def ordinary() -> Sequence[str]:
    """Returns the sentences of no topic that ship with the package, in fourteen languages."""
    return (files(__package__) / "ordinary.txt").read_text(encoding="utf-8").splitlines()


def _measured(
    known: Sequence[str], everything: Sentences, *, examples: Sequence[int], others: Sequence[int]
) -> tuple[Measure, int]:
    """Returns the measure of a topic, and how many of its examples it finds when each is left out."""
    raw = Measure(examples=examples, others=others)
    likes = {at: everything.like(known[at]) for at in (*examples, *others)}
    meant = [raw.nearness(likes[at], without=at) for at in examples]
    not_meant = [raw.nearness(likes[at], without=at) for at in others]
    weights = [
        max(0.0, _mean(good) - _mean(bad)) / (pvariance(good) + pvariance(bad) + 1e-6)
        for good, bad in zip(zip(*meant, strict=True), zip(*not_meant, strict=True), strict=True)
    ]
    weights = weights if any(weights) else [1.0] * len(weights)
    sums = sorted(_weighed(weights, one) for one in not_meant)
    cut = sums[max(0, math.ceil((1 - _FALSE_ALARMS) * len(sums)) - 1)]
    typical = median(_weighed(weights, one) for one in meant)
    cut += _MARGIN * max(0.0, typical - cut)
    spread = math.sqrt(pvariance(sums)) + 1e-9
    slope = _TYPICAL / max(typical - cut, spread)
    measure = Measure(examples=examples, others=others, weights=weights, cut=cut, slope=slope)
    return measure, sum(measure.log_odds(likes[at], without=at) > 0 for at in examples)


def _weighed(weights: Sequence[float], nearness: Sequence[float]) -> float:
    return sum(weight * one for weight, one in zip(weights, nearness, strict=True))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _near(alike: Sequence[float], numbers: Sequence[int], without: int | None) -> float:
    """Returns how alike the nearest of some sentences are, on average."""
    best = sorted((alike[at] for at in numbers if at != without), reverse=True)[:_NEAREST]
    return sum(best) / len(best) if best else 0.0


def _pieces(span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yields a sentence, cut up where it is longer than sentences are."""
    for start in range(span[0], span[1], _MOST_CHARS):
        yield start, min(span[1], start + _MOST_CHARS)


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(-_LONGEST, min(_LONGEST, log_odds))))


def _topic(name: str, config: TopicConfig, known: Sentences, *, measure: Measure, found: int) -> Topic:
    return Topic(
        about=Meta(
            id=f"topic.{name}",
            title=f"A sentence is about {name.replace('_', ' ')}",
            why="The operator has named the topic, by examples.",
            severity=Severity.LOW,
            tags=(),
            false_positives=(
                f"Sentences that share rare words with the examples; name them as counter-examples. Of its "
                f"{len(config.examples)} examples, each left out in turn, it finds {found} at a score of 0.5."
            ),
        ),
        category=name,
        roles=config.roles,
        known=known,
        measure=measure,
        threshold=config.threshold,
        is_slow=True,
    )
