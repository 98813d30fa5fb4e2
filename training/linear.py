"""Trains the linear stage."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from bartizan.detect.models.linear import BITS, Head, Linear, joint_features, number_of, own_features
from training.examples import HEADS, Example

LINEAR_HEADS: Final = ("user", "content", "harm")


def features(words: Sequence[str]) -> dict[int, float]:
    """Returns how often each bucket occurs in a window, over the root of its length."""
    counts: dict[int, float] = {}
    share = 1 / math.sqrt(max(len(words), 1))
    numbers = [number_of(word) for word in words]
    for word, joint in zip(words, joint_features(numbers), strict=True):
        for bucket in (*own_features(word), *joint):
            counts[bucket] = counts.get(bucket, 0.0) + share
    return counts


def matrix(windows: Sequence[Example]) -> csr_matrix:
    """Returns the features of all windows, of shape `(windows, buckets)`."""
    data, indices, ends = array("f"), array("i"), array("q", [0])
    for one in windows:
        found = features([unit.word for unit in one.units])
        indices.extend(found.keys())
        data.extend(found.values())
        ends.append(len(indices))
    return csr_matrix(
        (np.frombuffer(data, np.float32), np.frombuffer(indices, np.int32), np.frombuffer(ends, np.int64)),
        shape=(len(windows), 1 << BITS),
    )


def train(windows: Sequence[Example], *, seed: int = 7) -> bytes:
    """Returns the linear stage, as `Linear.read` takes it."""
    table = matrix(windows)
    labels = np.array([one.labels for one in windows], np.float32)
    heads: dict[str, Head] = {}
    tables: dict[str, array[int]] = {}
    for name in LINEAR_HEADS:
        target = labels[:, HEADS.index(name)]
        known = ~np.isnan(target)
        model = SGDClassifier(
            loss="log_loss",
            alpha=2e-6,
            max_iter=12,
            tol=None,
            average=True,
            class_weight="balanced",
            learning_rate="constant",
            eta0=0.05,
            random_state=seed,
        )
        model.fit(table[known], target[known] > 0.5)
        weights = model.coef_[0]
        scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) / 127
        heads[name] = Head(scale=scale, bias=float(model.intercept_[0]))
        tables[name] = array("b", np.clip(np.rint(weights / scale), -127, 127).astype(np.int8).tobytes())
    return Linear.dump(heads, tables)
