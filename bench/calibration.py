"""Thresholds that a site sets: whether the stated share of calibrations keeps its budget, and how soon drift is seen.

Calibrations are drawn from populations whose false-alarm rate at any threshold is known exactly: smooth scores, scores
that tie, and, where the shared data is there, the scores that the detector gives to harmless sources it was not trained
on (drawn with replacement, so that the pool is the population). Everything is seeded.
"""

from __future__ import annotations

import json
import random
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bartizan.core.finding import wilson
from bartizan.detect.binomial import at_most
from bartizan.detect.drift import begin
from bartizan.detect.scoring import Group, Item, Kind, Scorer
from bartizan.detect.thresholds import allowance, choose, least
from bench.table import Row, show

DATA = Path(__file__).parents[2] / "shared" / "data"
_HARMLESS = {
    "fastchat_questions": Kind.USER,
    "self_instruct_tasks": Kind.USER,
    "cyberseceval_frr": Kind.USER,
    "cpython_code_and_docs": Kind.DOCUMENT,
    "taubench_tool_outputs": Kind.TOOL,
    "synth_benign_emails": Kind.DOCUMENT,
}
_ATTACKS = ("inthewild_jailbreaks_verazuo", "deepset_prompt_injections")
_MOST = 400
_SPLITS, _RUNS = 1_000, 200
_SIZE, _BUDGET, _CONFIDENCE = 1_000, 0.01, 0.95
_WATCHED, _MOST_WATCHED, _BOUND = 20_000, 8_000, 2_000
_LEVELS = 50


class Population(NamedTuple):
    """Where scores come from: how one is drawn, and the share that reaches a threshold."""

    name: str
    draw: Callable[[random.Random], float]
    rate: Callable[[float], float]


def rows() -> Iterator[Row]:
    """Yields whether budgets are kept, whether statements stand, and how soon they go."""
    yield Row(name="calibration: texts needed for 0.1 % at 95 %", value=least(0.001, 0.95), unit="texts")
    pool = _pool()
    scores = {source: found for source, found in pool.items() if source in _HARMLESS}
    known = [_smooth(), _tied()]
    if scores:
        known.append(_finite("scores of harmless sources", [one for found in scores.values() for one in found]))
    for population in known:
        yield _kept(population)
    for population in known:
        yield _stands(population)
    yield from _drifts(scores)
    if scores:
        yield from _recall(known[-1], pool)


def _smooth() -> Population:
    return Population("smooth scores", lambda rng: rng.random(), lambda threshold: 1 - threshold)


def _tied() -> Population:
    levels = [at / _LEVELS for at in range(_LEVELS)]
    draw = random.Random.choice
    return Population("scores that tie", lambda rng: draw(rng, levels), lambda t: _share(levels, t))


def _finite(name: str, found: Sequence[float]) -> Population:
    ranked = sorted(found)
    draw = random.Random.choice
    return Population(name, lambda rng: draw(rng, ranked), lambda threshold: _share(ranked, threshold))


def _share(ranked: Sequence[float], threshold: float) -> float:
    return (len(ranked) - bisect_left(ranked, threshold)) / len(ranked)


def _kept(population: Population) -> Row:
    """Draws a calibration a split, and counts those whose threshold breaks the budget on the population."""
    rng = random.Random(1)
    broken, rates = 0, []
    for _ in range(_SPLITS):
        rate = population.rate(_calibrate(population, rng))
        broken += rate > _BUDGET
        rates.append(rate)
    known = wilson(broken, _SPLITS)
    exact = at_most(allowance(_SIZE, _BUDGET, _CONFIDENCE), _SIZE, _BUDGET)
    return Row(
        name=f"calibration, {population.name}: splits of {_SPLITS:,} over the budget of {_BUDGET:.0%} "
        f"[{known.low:.1%} to {known.high:.1%}], at most {exact:.1%} by theory, mean rate {statistics.mean(rates):.2%}",
        value=100 * known.share,
        unit="%",
        bar=f"<= {1 - _CONFIDENCE:.0%} stated",
        ok=known.share <= 1 - _CONFIDENCE,
    )


def _calibrate(population: Population, rng: random.Random) -> float:
    drawn = (population.draw(rng) for _ in range(_SIZE))
    return choose(drawn, budget=_BUDGET, confidence=_CONFIDENCE).threshold


class _Change(NamedTuple):
    """Traffic before and after; a mild change moves scores by less than a calibration of this size can tell soon."""

    name: str
    calm: Population
    live: Callable[[random.Random], float]
    is_mild: bool = False


def _watch(change: _Change, *, quiet: int) -> list[int | None]:
    """Calibrates and watches in each run; returns after how many texts beyond `quiet` calm ones each statement went."""
    rng = random.Random(2)
    found = []
    for _ in range(_RUNS):
        choice = choose((change.calm.draw(rng) for _ in range(_SIZE)), budget=_BUDGET, confidence=_CONFIDENCE)
        state = begin(choice).observe_all(change.calm.draw(rng) for _ in range(quiet))
        if state.stands:
            gone = state.observe_all(change.live(rng) for _ in range(_MOST_WATCHED)).withdrawn_at
            found.append(None if gone is None else gone - quiet)
    return found


def _stands(population: Population) -> Row:
    """Watches statements that are true, on the traffic that they were made on."""
    rng = random.Random(5)
    gone = true = 0
    for _ in range(_RUNS):
        choice = choose((population.draw(rng) for _ in range(_SIZE)), budget=_BUDGET, confidence=_CONFIDENCE)
        if population.rate(choice.threshold) <= _BUDGET:
            true += 1
            gone += not begin(choice).observe_all(population.draw(rng) for _ in range(_WATCHED)).stands
    known = wilson(gone, true)
    return Row(
        name=f"drift, {population.name}: true statements withdrawn in {_WATCHED:,} texts without drift, {true} runs "
        f"[{known.low:.1%} to {known.high:.1%}]",
        value=100 * known.share,
        unit="%",
        bar="<= 1% stated",
        ok=known.low <= 0.01,
    )


def _drifts(scores: dict[str, list[float]]) -> Iterator[Row]:
    calm = _smooth()
    changes = [
        _Change("scores rise, median 0.5 to 0.71", calm, lambda rng: rng.random() ** 0.5),
        _Change("scores fall, median 0.5 to 0.25", calm, lambda rng: rng.random() ** 2),
        _Change("5 % more reach the threshold", calm, lambda rng: 1.0 if rng.random() < 0.05 else rng.random()),
        _Change("2 % more reach it", calm, lambda rng: 1.0 if rng.random() < 0.02 else rng.random(), is_mild=True),
    ]
    if scores:
        chat = _finite("chat", scores["fastchat_questions"] + scores["self_instruct_tasks"])
        for source, is_mild in (("cyberseceval_frr", False), ("cpython_code_and_docs", True)):
            changes += [_Change(f"chat becomes {source}", chat, _finite(source, scores[source]).draw, is_mild=is_mild)]
    for change in changes:
        for quiet in (0, 5_000):
            found = _watch(change, quiet=quiet)
            taken = [_MOST_WATCHED if one is None else one for one in found]
            late = f" after {quiet:,} calm texts" if quiet else ""
            missed = f", {found.count(None)} not within {_MOST_WATCHED:,}" if None in found else ""
            yield Row(
                name=f"drift, {change.name}{late}: texts until withdrawn, worst of {len(taken)}, "
                f"median {statistics.median(taken):.0f}{missed}",
                value=max(taken),
                unit="texts",
                bar="" if change.is_mild else f"<= {_BOUND:,}",
                ok=None if change.is_mild else max(taken) <= _BOUND,
            )


def _recall(harmless: Population, pool: dict[str, list[float]]) -> Iterator[Row]:
    threshold = _calibrate(harmless, random.Random(3))
    for source in _ATTACKS:
        found = pool[source]
        known = wilson(sum(one >= threshold for one in found), len(found))
        yield Row(
            name=f"calibration: recall at a threshold for {_BUDGET:.0%}, {source} (its kind was trained on), "
            f"n={len(found)}, 95 % {known.low:.3f} to {known.high:.3f}",
            value=known.share,
            unit="",
        )


def _pool() -> dict[str, list[float]]:
    """Returns the detector's scores by source; empty where the shared data is not there."""
    if not DATA.is_dir():
        return {}
    scorer = Scorer.load()
    return {
        source: [
            scorer.score(Item(text=text, kind=_HARMLESS.get(source, Kind.USER)), (Group.INJECTION,))[
                Group.INJECTION
            ].score
            for text in islice(_texts(source, attacks=source in _ATTACKS), _MOST)
        ]
        for source in (*_HARMLESS, *_ATTACKS)
    }


def _texts(source: str, *, attacks: bool) -> Iterator[str]:
    found = map(json.loads, (DATA / f"{source}.jsonl").read_bytes().splitlines())
    texts = [row["text"] for row in found if (row["label"] != "benign") is attacks]
    random.Random(4).shuffle(texts)
    yield from texts


if __name__ == "__main__":
    show(rows())
