"""Calibrating: score a site's harmless texts, set the threshold that keeps to a budget, and file it with its origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from bartizan.core.record import Record
from bartizan.detect import thresholds
from bartizan.detect.group import Group, Kind
from bartizan.detect.scoring import Item, Scorer
from bartizan.detect.thresholds import Origin, SiteThreshold, allowance, choose
from bartizan.errors import InputError
from bartizan.jobs.labelled import Row, read
from bartizan.jobs.progress import Progress, Step, silent

_EVERY = 100


class Aim(Record, frozen=True, kw_only=True):
    """What is wanted: for which group and kind (None for all in the file), which budget, how surely."""

    group: Group = Group.INJECTION
    kind: Kind | None = None
    budget: float
    confidence: float = 0.95


class Harmless(Record, frozen=True, kw_only=True):
    """The harmless texts of a file.

    Attributes:
        items: Each distinct one once.
        digest: The SHA-256 of them all, in whatever order they came.
        duplicates: How many rows repeated another exactly and were left out.
        attacks: How many were labelled as an attack and left out.
        others: How many were of another kind than asked for and left out.
        unstated: How many of `items` did not say what kind of text they are.
    """

    items: tuple[Item, ...]
    digest: str
    duplicates: int
    attacks: int
    others: int
    unstated: int


class Calibrated(Record, frozen=True, kw_only=True):
    """The threshold, and the texts that it was set on."""

    site: SiteThreshold
    texts: Harmless


def run(benign: Path, out: Path, scorer: Scorer, *, aim: Aim, progress: Progress = silent) -> Calibrated:
    """Sets a threshold and writes it to `out`, where others of the same detector are kept.

    Raises:
        InputError: The texts cannot be read or are too few, or `out` cannot be written.
        ConfigError: `out` is there and is no file of thresholds.
    """
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent} to write {out.name} to", hint="make it first")
    old = thresholds.read(out) if out.exists() else ()
    texts = harmless(read(benign, kind=aim.kind or Kind.USER), aim.kind)
    allowance(len(texts.items), aim.budget, aim.confidence)
    found = choose(scores(texts.items, (scorer, aim.group), progress), budget=aim.budget, confidence=aim.confidence)
    site = SiteThreshold(
        **msgspec.structs.asdict(found),
        group=aim.group,
        kind=aim.kind,
        origin=Origin(detector=scorer.engine.fingerprint, data=texts.digest, duplicates=texts.duplicates),
    )
    thresholds.write(out, thresholds.merged(old, site))
    return Calibrated(site=site, texts=texts)


def harmless(rows: Iterable[Row], kind: Kind | None = None) -> Harmless:
    """Returns the distinct harmless texts among rows: those of a kind, of all kinds where None."""
    kept: dict[bytes, Row] = {}
    duplicates = attacks = others = 0
    for row in rows:
        if row.attack:
            attacks += 1
        elif kind is not None and row.item.kind is not kind:
            others += 1
        elif row.digest in kept:
            duplicates += 1
        else:
            kept[row.digest] = row
    return Harmless(
        items=tuple(row.item for row in kept.values()),
        digest=sha256(b"".join(sorted(kept))).hexdigest(),
        duplicates=duplicates,
        attacks=attacks,
        others=others,
        unstated=sum(not row.stated for row in kept.values()),
    )


def scores(items: Iterable[Item], how: tuple[Scorer, Group], progress: Progress = silent) -> Iterator[float]:
    """Yields the score of each text for a group."""
    scorer, group = how
    for number, item in enumerate(items):
        if number % _EVERY == 0:
            progress(Step(job="detect", done=number))
        yield scorer.score(item, (group,))[group].score
