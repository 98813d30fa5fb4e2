"""Sets what the stages' numbers mean, on harmless texts of sources that no model was trained on."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Final
from zlib import crc32

import numpy as np

from bartizan.detect.models.calibration import Calibration, Curve
from training.data import CALIBRATION, SECURITY_PROSE
from training.examples import HEADS, KINDS
from training.linear import LINEAR_HEADS
from training.row import HARMS, Row, View
from training.scores import Scored, view_of

HALF: Final = 0.005
"""The share of false alarms on the calibration mix at which a score is 0.5."""
HIGH: Final = 0.001
"""The share at which it is 0.85."""
_SHARES: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
_LOST: Final = 0.05
"""The share of attacks that the encoder finds, of families not trained on, that the linear stage may clear."""
_LEAST_STEP: Final = 0.4
_ENOUGH: Final = 30


def calibrate(scored: Sequence[Scored]) -> Calibration:
    """Returns the record for rows that were not trained on, harmless and not."""
    curves: dict[str, Curve] = {}
    alone: dict[str, Curve] = {}
    for head in HEADS:
        calm, bad = _sides(scored, head)
        if head in KINDS or head in HARMS or len(calm) < 50 or not bad:
            continue  # kinds and categories are only compared with each other
        share = max(_SHARES, key=lambda one: _recall(calm, bad, head, one))
        curves[head] = _curve(np.array([one.joint(head, share) for one in calm]), share)
        if head in LINEAR_HEADS:
            at = LINEAR_HEADS.index(head)
            curve = _curve(np.array([one.linear[:, at].max() for one in calm]), 0.0)
            alone[head] = Curve(encoder=0.0, linear=curve.encoder, offset=curve.offset)
    return Calibration(
        heads=HEADS,
        views={head: view_of(head) for head in HEADS},
        curves={head: curves.get(head, Curve(encoder=1.0, linear=0.0, offset=0.0)) for head in HEADS},
        alone=alone,
        clear={head: _clear(scored, head, curves[head]) for head in LINEAR_HEADS},
        clear_limited=_clear(scored, "user", curves["user"], limited=True),
    )


def _sides(scored: Sequence[Scored], head: str, *, limited: bool = False) -> tuple[list[Scored], list[Scored]]:
    """Returns ordinary harmless rows and others for a head; twins of attacks, made to be hard, are not ordinary.

    With `limited`, users' turns beside the operator's instructions, else those without.
    """
    if head == "harm" or head in HARMS:
        known = [one for one in scored if one.row.harms is not None]
        bad = [one for one in known if (one.row.harms if head == "harm" else head in (one.row.harms or ()))]
        return [one for one in known if not one.row.harms and _is_ordinary(one)], bad
    views = {View.CONTENT} if head == "content" else {View.USER}
    known = [one for one in scored if one.row.view in views and (head != "user" or bool(one.row.task) is limited)]
    return (
        [one for one in known if one.row.attack is False and _is_ordinary(one)],
        [one for one in known if one.row.attack],
    )


def _is_ordinary(one: Scored) -> bool:
    row = one.row
    if row.source in CALIBRATION:
        return row.source not in SECURITY_PROSE or crc32(row.text.encode()) % 5 == 0
    return row.source == "ordinary" or (row.family.startswith("benign.") and ".asked" not in row.family)


def _recall(calm: Sequence[Scored], bad: Sequence[Scored], head: str, share: float) -> float:
    limit = np.quantile([one.joint(head, share) for one in calm], 0.99)
    return float(np.mean([one.joint(head, share) > limit for one in bad]))


def _curve(calm: np.ndarray, share: float) -> Curve:
    """Returns the line through 0.5 at `HALF` false alarms and 0.85 at `HIGH`."""
    middle, high = np.quantile(calm, 1 - HALF), np.quantile(calm, 1 - HIGH)
    slope = math.log(0.85 / 0.15) / max(high - middle, _LEAST_STEP)
    return Curve(encoder=float(slope), linear=float(slope * share), offset=float(-slope * middle))


def _clear(scored: Sequence[Scored], head: str, curve: Curve, *, limited: bool = False) -> float:
    """Returns the log odds below which a text is cleared: few attacks that the encoder would find lie there.

    The linear stage knows words, not what they mean, so what is worded most unlike its training sets the limit. Of what
    is an attack beside the operator's instructions alone it knows nothing, and all such attacks count.
    """
    at = LINEAR_HEADS.index(head)
    calm, bad = _sides(scored, head, limited=limited)
    share = curve.linear / curve.encoder
    limit = np.quantile([one.joint(head, share) for one in calm], 0.99)
    groups: dict[str, list[float]] = defaultdict(list)
    for one in bad:
        if limited or one.joint(head, share) > limit:
            groups[_script(one.row)].append(float(one.linear[:, at].max()))
    large = [odds for odds in groups.values() if len(odds) >= _ENOUGH]
    return min(float(np.quantile(odds, _LOST)) for odds in large or [list(chain.from_iterable(groups.values()))])


def _script(row: Row) -> str:
    hard = "written " if row.source == "written" else ""
    if row.lang == "en":
        return f"{hard}English"
    return hard + ("Latin" if sum(map(str.isascii, row.text)) > 0.6 * len(row.text) else "other")
