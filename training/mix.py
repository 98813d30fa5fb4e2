"""How much of each source and family goes into training: enough of the small ones, not too much of the large."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Final

from training.row import Row

MOST_OF_A_SOURCE: Final = 4_000
SHARES: Final[Mapping[str, int]] = {
    "davidson_hate_offensive": 4_000,
    "korean_moderation": 3_000,
    "gpteacher_benign": 6_000,
    "plexpt_zh_questions": 2_500,
}


def sample(rows: Iterable[Row], random: Random, *, most: int = MOST_OF_A_SOURCE) -> list[Row]:
    """Returns at most `most` rows of each shared source, spread evenly over its families."""
    families: dict[str, dict[tuple[str, bool | None, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        families[row.source][row.family, row.attack, row.lang].append(row)
    chosen: list[Row] = []
    for source in sorted(families):
        chosen += _evenly(list(families[source].values()), SHARES.get(source, most), random)
    random.shuffle(chosen)
    return chosen


def _evenly(groups: Sequence[list[Row]], most: int, random: Random) -> list[Row]:
    left, found = most, []
    for done, group in enumerate(sorted(groups, key=len)):
        share = min(len(group), left // (len(groups) - done))
        found += random.sample(group, share)
        left -= share
    return found
