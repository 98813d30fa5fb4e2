"""Counting: how often each probe and each mutator succeeded, and how sure that share is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from bartizan.core.attempt import Attempt, Outcome
from bartizan.core.finding import Confidence, wilson
from bartizan.core.record import Record

SCORED = (Outcome.SUCCESS, Outcome.RESISTED, Outcome.BLOCKED)
"""What a rate is taken over; what could not be scored is counted apart, never as safe."""
_SAMPLE = 5


class Rate(Record, frozen=True, kw_only=True):
    """How a probe fared, over all mutators or with one.

    Attributes:
        mutator: The mutator's id; empty for all together.
        outcomes: How many attempts ended how.
        confidence: The share of successes with its interval; None where nothing could be scored.
    """

    probe: str
    mutator: str = ""
    outcomes: dict[Outcome, int]
    confidence: Confidence | None

    @property
    def successes(self) -> int:
        """How many attempts succeeded."""
        return self.outcomes.get(Outcome.SUCCESS, 0)

    @property
    def scored(self) -> int:
        """How many attempts could be scored."""
        return sum(self.outcomes.get(outcome, 0) for outcome in SCORED)


@dataclass(kw_only=True)
class Tally:
    """Counts attempts as they come. Repetitions of one prompt are a cluster, for they are not independent."""

    _clusters: dict[tuple[str, str, str], Counter[Outcome]] = field(default_factory=dict)
    _samples: dict[str, list[Attempt]] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    def add(self, attempt: Attempt) -> None:
        """Counts one attempt."""
        key = (attempt.probe, attempt.mutator, attempt.prompt)
        cluster = self._clusters.get(key)
        if cluster is None:
            cluster = self._clusters[key] = Counter()
        cluster[attempt.outcome] += 1
        self.outcomes[attempt.outcome] += 1
        if attempt.outcome is Outcome.SUCCESS:
            sample = self._samples.setdefault(attempt.probe, [])
            if len(sample) < _SAMPLE:
                sample.append(attempt)

    def sample(self, probe: str) -> tuple[Attempt, ...]:
        """Returns a few successes of a probe."""
        return tuple(self._samples.get(probe, ()))

    def rates(self) -> Iterator[Rate]:
        """Yields the rate of each probe, and after it that of each mutator with it."""
        for probe in sorted({key[0] for key in self._clusters}):
            mine = {key: cluster for key, cluster in self._clusters.items() if key[0] == probe}
            yield _rate(probe, "", mine.values())
            for mutator in sorted({key[1] for key in mine}):
                yield _rate(probe, mutator, [cluster for key, cluster in mine.items() if key[1] == mutator])


def clustered(clusters: Iterable[Mapping[Outcome, int]]) -> Confidence | None:
    """Returns the share of successes with an interval that is honest about repetitions.

    Repetitions of one prompt resemble each other, so that they count for less than as many prompts. The number of
    trials is divided by the design effect, estimated from the variance between clusters, before the Wilson interval is
    taken (L. Kish, Survey Sampling, 1965; J. N. K. Rao and A. J. Scott, Biometrics 48, 1992). Where all trials ended
    alike the design effect cannot be estimated, and each prompt counts once.
    """
    pairs = [(each.get(Outcome.SUCCESS, 0), sum(each.get(outcome, 0) for outcome in SCORED)) for each in clusters]
    pairs = [(successes, trials) for successes, trials in pairs if trials]
    trials = sum(pair[1] for pair in pairs)
    if not trials:
        return None
    successes = sum(pair[0] for pair in pairs)
    share = successes / trials
    effective = max(1, round(trials / _design_effect(pairs, share)))
    interval = wilson(round(share * effective), effective)
    return msgspec.structs.replace(
        interval,
        share=share,
        low=min(interval.low, share),
        high=max(interval.high, share),
        successes=successes,
        trials=trials,
    )


def _design_effect(pairs: list[tuple[int, int]], share: float) -> float:
    trials, count = sum(pair[1] for pair in pairs), len(pairs)
    if share in {0.0, 1.0} or count == 1:
        return trials / count
    between = sum((successes - share * size) ** 2 for successes, size in pairs) * count / (count - 1) / trials**2
    return min(trials / count, max(1.0, between / (share * (1 - share) / trials)))


def _rate(probe: str, mutator: str, clusters: Iterable[Counter[Outcome]]) -> Rate:
    members = list(clusters)
    return Rate(probe=probe, mutator=mutator, outcomes=dict(sum(members, Counter())), confidence=clustered(members))
