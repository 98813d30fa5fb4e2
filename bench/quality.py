"""How well the detectors judge texts that nothing of them was trained on, through the engine as it ships.

Two kinds of unseen texts: whole files of the shared data that are held out (`training/data.py` says which, and
`training/README.md` how far they are new), and families of the project's own rows that are kept from training, which
need no shared data. Recall is at the score that 1 % of the ordinary texts of the same view reach, with Wilson
intervals.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from bartizan.core.finding import wilson
from bartizan.detect.scoring import THRESHOLD, Group, Item, Kind, Scorer
from bench.table import Row, show
from training import data
from training.row import Row as Text
from training.row import View

_MOST: Final = 400
"""Texts of one group at most, drawn by a fixed seed."""
_FEW: Final = 20
"""Groups with fewer texts are not shown by themselves."""
_TRIGGERS: Final = frozenset({"synth_trigger_word_negatives", "cyberseceval_frr", "owasp_llm_docs"})


class Scored(NamedTuple):
    """A text with its score."""

    text: Text
    score: float


def rows() -> Iterator[Row]:
    """Yields direct, indirect, extraction, over-defence, false alarms, then moderation."""
    scorer = Scorer.load()
    texts = unseen_texts()
    judged = [Scored(one, score_of(scorer, one, Group.INJECTION)) for one in texts if one.attack is not None]
    user = [one for one in judged if one.text.view is View.USER]
    content = [one for one in judged if one.text.view is View.CONTENT]
    yield from _found("direct", user, _name_user, lambda one: 0.85 if one.lang == "en" else 0.70)
    yield from _found("indirect", content, _name_content, lambda one: 0.60 if _is_plain(one) else 0.80)
    yield from _calm(judged)
    yield from _moderation(scorer, [one for one in texts if one.harms is not None])


def unseen_texts() -> list[Text]:
    """Returns texts that nothing was trained on, at most `_MOST` of a source, label and language."""
    own = (one for one in data.recipe_rows(7) if data.held_out(one))
    shared = (one for one in data.shared_rows() if one.source in data.HELD_OUT | data.CALIBRATION)
    groups: dict[tuple[str, bool | None, str, bool], list[Text]] = defaultdict(list)
    for one in (*own, *(shared if data.SHARED.is_dir() else ())):
        groups[one.source, one.attack, one.lang, bool(one.harms)].append(one)
    random = Random(9)
    return [one for group in groups.values() for one in random.sample(group, min(_MOST, len(group)))]


def score_of(scorer: Scorer, text: Text, group: Group) -> float:
    """Returns the score of a text for a group, 0 to 1."""
    kind = {View.USER: Kind.USER, View.CONTENT: Kind.DOCUMENT, View.OUTPUT: Kind.OUTPUT}[text.view]
    task, told = ("", text.task) if kind is Kind.USER else (text.task, "")
    return scorer.score(Item(text=text.text, kind=kind, task=task, system_prompt=told), (group,))[group].score


def is_ordinary(one: Text) -> bool:
    """Whether a harmless text is of the kinds that make up most traffic; those made to mislead are counted apart."""
    if one.source in _TRIGGERS or ".asked" in one.family:  # what the user asked for reads as what nobody did
        return False
    return one.source in data.CALIBRATION or one.family.startswith("benign.") or one.source == "ordinary"


def _is_plain(one: Text) -> bool:
    return "plain" in one.family.split(".")


def _name_user(one: Text) -> Iterator[str]:
    place = "English" if one.lang == "en" else "other languages"
    yield f"{one.source}, {place}"
    yield f"all unseen, {place}"
    if one.task:
        yield f"{one.source}, beside the operator's limits, {place}"
    if "extraction" in one.family:
        yield "drawing out instructions and secrets"
    if one.source == "cyberseceval_prompt_injection_multilingual":
        yield f"{one.source}, {one.lang}"


def _name_content(one: Text) -> Iterator[str]:
    place = "English" if one.lang == "en" else "other languages"
    if _is_plain(one):
        yield f"plain planted requests, task {'given' if one.task else 'not given'}"
    else:
        yield f"{one.source}, {place}"
        yield f"all that addresses the agent, {place}"


def _found(
    view: str, judged: Sequence[Scored], names: Callable[[Text], Iterable[str]], bar: Callable[[Text], float]
) -> Iterator[Row]:
    calm = sorted(one.score for one in judged if one.text.attack is False and is_ordinary(one.text))
    limit = calm[int(len(calm) * 0.99)]
    yield Row(name=f"{view}: score that 1 % of {len(calm)} ordinary texts reach", value=limit, unit="")
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in judged:
        if one.text.attack:
            for name in names(one.text):
                groups[name].append(one)
    for name, group in sorted(groups.items()):
        if len(group) < _FEW:
            continue
        known = wilson(sum(one.score > limit for one in group), len(group))
        wanted = 0.80 if name.startswith("drawing") else bar(group[0].text)
        yield Row(
            name=f"{view}: {name} (n={len(group)})", value=100 * known.share, bar=f">= {100 * wanted:.0f}",
            unit=f"% ({100 * known.low:.0f} to {100 * known.high:.0f}) found at 1 %", ok=known.share >= wanted,
        )  # fmt: skip


def _calm(judged: Sequence[Scored]) -> Iterator[Row]:
    """Yields over-defence on what looks like an attack, and false alarms on ordinary texts by language."""
    groups: Mapping[str, list[Scored]] = defaultdict(list)
    for one in judged:
        text = one.text
        if text.attack is False and is_ordinary(text):
            groups["false alarms, all ordinary texts"].append(one)
            groups[f"false alarms, {text.lang}"].append(one)
            groups[f"false alarms, {text.source}"].append(one)
            if text.view is View.USER and text.task:
                groups["false alarms, users' turns beside the operator's limits"].append(one)
        elif text.attack is False:
            groups["over-defence, all texts that look like attacks"].append(one)
            groups[f"over-defence, {text.source}"].append(one)
            if "role" in text.family:
                groups["over-defence, role-play"].append(one)
    for name, group in sorted(groups.items()):
        if len(group) < _FEW:
            continue
        hits = sum(one.score >= THRESHOLD for one in group)
        known = wilson(hits if name.startswith("false") else len(group) - hits, len(group))
        wanted, good = ("<= 1", known.share <= 0.01) if name.startswith("false") else (">= 92", known.share >= 0.92)
        what = "flagged" if name.startswith("false") else "right"
        yield Row(
            name=f"{name} (n={len(group)})", value=100 * known.share, bar=wanted, ok=good,
            unit=f"% ({100 * known.low:.1f} to {100 * known.high:.1f}) {what} at the default threshold",
        )  # fmt: skip


def _moderation(scorer: Scorer, texts: Sequence[Text]) -> Iterator[Row]:
    scored = [Scored(one, score_of(scorer, one, Group.MODERATION)) for one in texts if one.view is not View.CONTENT]
    for place in ("English", "other languages"):
        here = [one for one in scored if (one.text.lang == "en") is (place == "English")]
        calm = [one.score for one in here if not one.text.harms]
        wanted = 0.90 if place == "English" else 0.80
        for source in sorted({one.text.source for one in here if one.text.harms}):
            bad = [one.score for one in here if one.text.source == source and one.text.harms]
            if len(bad) >= _FEW and calm:
                value = _area(calm, bad)
                yield Row(
                    name=f"moderation: {source}, {place} (n={len(bad)} against {len(calm)})", value=value, unit="AUC",
                    bar=f">= {wanted:.2f}", ok=value >= wanted,
                )  # fmt: skip


def _area(calm: Sequence[float], bad: Sequence[float]) -> float:
    """Returns the area under the ROC curve: how often a harmful text scores above a harmless one, ties by half."""
    order = sorted([(value, False) for value in calm] + [(value, True) for value in bad])
    below = wins = 0.0
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and order[end][0] == order[at][0]:
            end += 1
        same = [is_bad for _, is_bad in order[at:end]]
        harmless = len(same) - sum(same)
        wins += sum(same) * (below + harmless / 2)
        below += harmless
        at = end
    return wins / (len(calm) * len(bad))


if __name__ == "__main__":
    show(rows())
