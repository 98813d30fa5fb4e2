"""What both stages say of whole rows, nothing cleared: what calibration and evaluation are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bartizan.detect.models.encoder import Encoder
from bartizan.detect.models.linear import Linear
from bartizan.detect.models.units import units
from bartizan.detect.models.windows import windows
from training.examples import HEADS, beside
from training.linear import LINEAR_HEADS
from training.row import Row

_MOST_WINDOWS = 24
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Scored:
    """A row with the log odds of its windows.

    Attributes:
        row: The row.
        linear: Of shape `(windows, len(LINEAR_HEADS))`.
        encoder: Of shape `(windows, len(HEADS))`.
    """

    row: Row
    linear: np.ndarray
    encoder: np.ndarray

    def joint(self, head: str, share: float) -> float:
        """Returns the worst window's log odds where the linear stage has this share in them."""
        own = self.encoder[:, HEADS.index(head)]
        return float((own + share * self.linear[:, LINEAR_HEADS.index(view_of(head))]).max())


def view_of(head: str) -> str:
    """Returns the linear head that stands before a head of the encoder."""
    return head if head in LINEAR_HEADS else "user" if head in {"injection", "jailbreak", "extraction"} else "harm"


def score_rows(rows: Iterable[Row], linear: Linear, encoder: Encoder) -> list[Scored]:
    """Scores rows with the models as they ship."""
    return [scored for row in rows if (scored := _score(row, linear, encoder)) is not None]


def _score(row: Row, linear: Linear, encoder: Encoder) -> Scored | None:
    found = units(row.text)
    if not found:
        return None
    words = [unit.word for unit in found]
    places = list(windows(len(found)))[:_MOST_WINDOWS]
    odds = []
    for name in LINEAR_HEADS:
        sums = linear.sums(words, name)
        odds.append([linear.log_odds(sums[end] - sums[at], end - at, name) for at, end in places])
    reads: list[Sequence[float]] = []
    task = beside(row)
    for first in range(0, len(places), _BATCH):
        part = [found[at:end] for at, end in places[first : first + _BATCH]]
        reads += [one.heads for one in encoder.read(part, task)]
    return Scored(row, np.array(odds, np.float32).T, np.array(reads, np.float32))
