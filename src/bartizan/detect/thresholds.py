"""Thresholds that a site sets on its own harmless texts, with a statement about false alarms that holds for its size.

The method is learn then test (Angelopoulos, Bates, Candes, Jordan and Lei 2021, https://arxiv.org/abs/2110.01052): go
from the strictest threshold downwards; at each, test the hypothesis that the rate of false alarms is over the budget,
with the exact binomial tail as p-value; stop at the first that cannot be rejected (fixed-sequence testing) and keep the
last before it. As both the rate and its count only grow on the way down, this may run over all numbers at once: the
result lies just above the (k + 1)-th greatest score, where k is the most alarms that still reject. It holds for any
distribution, ties included, if the texts are exchangeable with those to come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec

from bartizan.core.record import Record, now
from bartizan.detect.binomial import at_most
from bartizan.detect.group import Group, Kind
from bartizan.errors import ConfigError, InputError

_LEVELS: Final = (0.9, 0.75, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01)
"""The shares of harmless texts above the scores that drift is looked for at."""
_ROUNDING: Final = 1 + 1e-6
_MAX_BYTES: Final = 4_000_000

_Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Mark(NamedTuple):
    """The score of the `rank`-th greatest of the calibration, 1 for the greatest."""

    rank: int
    score: float


class Choice(Record, frozen=True, kw_only=True):
    """What harmless scores say.

    Attributes:
        budget: The share of harmless texts that may be flagged.
        confidence: The probability, over the draw of the calibration, that the budget is kept.
        threshold: From which score on a text is flagged.
        n: How many scores there were.
        exceedances: How many of them reach the threshold.
        marks: Where they lie, for `detect.drift`.
    """

    budget: _Share
    confidence: _Share
    threshold: float
    n: Annotated[int, msgspec.Meta(ge=1)]
    exceedances: _Count
    marks: tuple[Mark, ...] = ()


class Origin(Record, frozen=True, kw_only=True):
    """What a statement was made from: SHA-256 of the detector (`Engine.fingerprint`) and of the texts."""

    detector: _Digest
    data: _Digest
    duplicates: _Count = 0


class SiteThreshold(Choice, frozen=True, kw_only=True):
    """A threshold with its statement; both hold for one detector, and for texts such as those of the calibration.

    Attributes:
        group: What is asked about a text.
        kind: What texts are meant, None for the mix that the file held.
        origin: What it was made from. Texts that occurred again were left out; `duplicates` says how many.
        date: When.
    """

    group: Group
    kind: Kind | None = None
    origin: Origin
    date: datetime = msgspec.field(default_factory=now)

    @property
    def statement(self) -> str:
        """What is claimed, in one sentence."""
        kind = f"{self.kind.value} texts" if self.kind else "texts"
        return (
            f"with {percent(self.confidence)} confidence at most {percent(self.budget)} of harmless {kind} like the "
            f"{self.n:,} of the calibration score {self.threshold:.9g} or more for {self.group.value} "
            f"({self.exceedances:,} of them did)"
        )


class _File(Record, frozen=True, kw_only=True):
    thresholds: tuple[SiteThreshold, ...]


def least(budget: float, confidence: float) -> int:
    """Returns how many harmless texts are needed at least, which is enough where none is flagged.

    Raises:
        InputError: A share is not between 0 and 1.
    """
    _check(budget, confidence)
    found = math.ceil(math.log(1 - confidence) / math.log1p(-budget))
    while not _rejects(0, found, (budget, confidence)):
        found += 1
    return found


def allowance(n: int, budget: float, confidence: float) -> int:
    """Returns how many of `n` harmless texts may be flagged so that the rate is within the budget with confidence.

    Raises:
        InputError: There are too few for any statement, or a share is not between 0 and 1.
    """
    needed = least(budget, confidence)
    if n < needed:
        raise InputError(
            f"{n:,} harmless texts are too few: {percent(budget)} at {percent(confidence)} confidence needs at least "
            f"{needed:,}",
            hint="give more texts, a larger budget or less confidence",
        )
    low, high = 0, math.ceil(n * budget)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _rejects(middle, n, (budget, confidence)) else (low, middle - 1)
    return low


def choose(scores: Iterable[float], *, budget: float, confidence: float = 0.95) -> Choice:
    """Returns the lowest threshold whose rate of false alarms is within the budget with confidence.

    Args:
        scores: Scores from 0 to 1 of harmless texts, each distinct text once.
        budget: The share of harmless texts that may be flagged.
        confidence: The probability, over the draw of the texts, that the budget is kept.

    Raises:
        InputError: There are too few; a score is no number from 0 to 1; too many have the greatest score there is.
    """
    falling = sorted(scores, reverse=True)
    if not all(0 <= one <= 1 for one in falling):
        raise InputError("a score is no number from 0 to 1")
    n = len(falling)
    allowed = allowance(n, budget, confidence)
    limit = falling[allowed]
    if limit >= 1:
        raise InputError(
            f"more than {allowed:,} of {n:,} harmless texts have the greatest score there is, so that no threshold "
            f"keeps to {percent(budget)}",
            hint="see whether they are harmless, or give a larger budget",
        )
    ranks = {max(1, round(level * n)) for level in _LEVELS} | {allowed + 1}
    threshold = math.nextafter(limit, math.inf)
    return Choice(
        budget=budget,
        confidence=confidence,
        threshold=threshold,
        n=n,
        exceedances=sum(one >= threshold for one in falling[:allowed]),
        marks=tuple(Mark(rank, falling[rank - 1]) for rank in sorted(ranks)),
    )


def read(path: Path, *, detector: str = "") -> tuple[SiteThreshold, ...]:
    """Reads a file of thresholds.

    Args:
        path: The file.
        detector: The fingerprint of the detector that is to use them; empty to take them whatever they were made with.

    Raises:
        ConfigError: It cannot be read, names a pair of group and kind twice, or was made with another detector.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than {_MAX_BYTES:,} bytes", hint="is this the right file?")
        found = msgspec.json.decode(data, type=_File).thresholds
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"the thresholds {path} cannot be read: {error}", hint="`bartizan detect calibrate --out FILE` makes them"
        ) from error
    if len({(one.group, one.kind) for one in found}) < len(found):
        raise ConfigError(f"{path} has two thresholds for one group and kind", hint="leave one of them")
    for one in found:
        if detector and one.origin.detector != detector:
            raise ConfigError(
                f"{path}: the threshold for {one.group.value} was set with another detector, and says nothing of this "
                "one",
                hint="run `bartizan detect calibrate` again, or take detect.thresholds out of the configuration",
            )
    return found


def write(path: Path, thresholds: Sequence[SiteThreshold]) -> None:
    """Writes a file of thresholds, whole or not at all.

    Raises:
        InputError: It cannot be written.
    """
    data = msgspec.json.format(msgspec.json.encode(_File(thresholds=tuple(thresholds)))) + b"\n"
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}", hint="check the folder and its rights"
        ) from error


def merged(old: Iterable[SiteThreshold], new: SiteThreshold) -> tuple[SiteThreshold, ...]:
    """Returns thresholds with a new one among them; those for the same texts or of another detector are left out."""
    kept = [
        one
        for one in old
        if (one.group, one.kind) != (new.group, new.kind) and one.origin.detector == new.origin.detector
    ]
    return tuple(sorted((*kept, new), key=lambda one: (one.group, one.kind or "")))


def _rejects(count: int, n: int, shares: tuple[float, float]) -> bool:
    """Whether `count` alarms among `n` texts reject that the rate is over the budget; rounding never helps."""
    budget, confidence = shares
    return at_most(count, n, budget) * _ROUNDING <= 1 - confidence


def _check(budget: float, confidence: float) -> None:
    for name, share in (("budget", budget), ("confidence", confidence)):
        if not 0 < share < 1:
            raise InputError(f"the {name} {share:g} is not between 0 and 1", hint="such as 0.001, or 0.1%")


def percent(share: float) -> str:
    """Returns a share in words, such as `0.1 %`."""
    return f"{100 * share:.6g} %"
