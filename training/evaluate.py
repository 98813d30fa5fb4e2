"""Recall at fixed shares of false alarms, source by source, with intervals."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from bartizan.core.finding import wilson
from bartizan.detect.models.calibration import Calibration
from bartizan.detect.models.cascade import CLEARED
from training.row import View
from training.scores import Scored, view_of


def final(one: Scored, head: str, calibration: Calibration) -> float:
    """Returns the log odds that the cascade gives a row."""
    from training.linear import LINEAR_HEADS

    curve, view = calibration.curves[head], view_of(head)
    worst = float(one.linear[:, LINEAR_HEADS.index(view)].max())
    if worst <= calibration.clear[view]:
        return CLEARED + 0.25 * (worst - calibration.clear[view])
    return curve.encoder * one.joint(head, curve.linear / curve.encoder) + curve.offset


def report(scored: Sequence[Scored], calibration: Calibration) -> dict[str, object]:
    """Returns, for user turns, content and harm, what is found at 1 and at 0.1 per cent false alarms and at 0.5."""
    return {
        "user": _attacks(scored, View.USER, calibration),
        "content": _attacks(scored, View.CONTENT, calibration),
        "harm": _harm(scored, calibration),
    }


def _attacks(scored: Sequence[Scored], view: View, calibration: Calibration) -> dict[str, object]:
    head = "user" if view is View.USER else "content"
    groups: dict[tuple[bool, str], list[float]] = defaultdict(list)
    cleared: list[bool] = []
    for one in scored:
        if one.row.view is view and one.row.attack is not None:
            value = final(one, head, calibration)
            groups[one.row.attack, f"{one.row.source} {one.row.lang}"].append(value)
            if one.row.attack is False:
                cleared.append(value <= CLEARED)
    calm = np.array([value for (attack, _), values in groups.items() if not attack for value in values])
    one_percent, tenth = (float(np.quantile(calm, 1 - share)) for share in (0.01, 0.001))
    rows: dict[str, object] = {"cleared": float(np.mean(cleared)), "threshold_1": one_percent, "threshold_01": tenth}
    for (attack, name), values in sorted(groups.items()):
        hits = [sum(value > limit for value in values) for limit in (one_percent, tenth, 0.0)]
        known = wilson(hits[0], len(values))
        rows[f"{'attack' if attack else 'calm'} {name}"] = {
            "n": len(values),
            "at_1": round(hits[0] / len(values), 4),
            "interval": (round(known.low, 3), round(known.high, 3)),
            "at_01": round(hits[1] / len(values), 4),
            "default": round(hits[2] / len(values), 4),
        }
    return rows


def _harm(scored: Sequence[Scored], calibration: Calibration) -> Mapping[str, object]:
    known = [one for one in scored if one.row.harms is not None]
    calm = [one for one in known if not one.row.harms]
    rows: dict[str, object] = {}
    for source in sorted({one.row.source for one in known if one.row.harms}):
        bad = [one for one in known if one.row.source == source and one.row.harms]
        own = [one for one in calm if one.row.source == source]
        against = own if len(own) > 50 else calm
        values = [final(one, "harm", calibration) for one in (*against, *bad)]
        rows[source] = {
            "n": len(bad),
            "auc": round(float(roc_auc_score([0] * len(against) + [1] * len(bad), values)), 4),
            "own_negatives": against is own,
        }
    return rows


def show(found: Mapping[str, object]) -> str:
    """Returns a report as JSON, a line a source."""
    return json.dumps(found, indent=1, ensure_ascii=False)
