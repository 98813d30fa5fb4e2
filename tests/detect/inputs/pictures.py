"""A real small model: softmax regression on generated pictures of 16 x 16, and what attacks it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

numpy = pytest.importorskip("numpy")
SIDE, CLASSES = 16, 4


class Trained(NamedTuple):
    """Weights (256, classes), biases, and 400 pictures that it was not trained on with their labels."""

    weights: Any
    bias: Any
    pictures: Any
    labels: Any

    def logits(self, pictures: Any) -> Any:
        return pictures.reshape(len(pictures), -1) @ self.weights + self.bias

    def predict(self, pictures: Any) -> Any:
        return softmax(self.logits(pictures))

    def attacked(self, step: float, *, smooth: bool = False) -> tuple[Any, Any]:
        """Pictures moved along the sign of the loss's gradient (Goodfellow et al. 2015), and which of them fooled it.

        A smooth attack knows the defence: its gradient is averaged over 3 x 3 pixels, so that no median takes it out.
        """
        wrong = self.predict(self.pictures) - numpy.eye(CLASSES)[self.labels]
        gradient = (wrong @ self.weights.T).reshape(self.pictures.shape)
        if smooth:
            edged = numpy.pad(gradient, ((0, 0), (1, 1), (1, 1)), mode="edge")
            gradient = sum(edged[:, a : a + SIDE, b : b + SIDE] for a in range(3) for b in range(3))
        found = numpy.clip(self.pictures + step * numpy.sign(gradient), 0, 1)
        return found, self.predict(found).argmax(1) != self.labels


def softmax(logits: Any) -> Any:
    raised = numpy.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def drawn(count: int, seed: int) -> tuple[Any, Any]:
    """Blobs of light, in one quarter of the picture for each class, well off its middle, with noise."""
    random = numpy.random.default_rng(seed)
    labels = random.integers(0, CLASSES, count)
    down, right = numpy.mgrid[:SIDE, :SIDE]
    middle = numpy.stack([labels // 2, labels % 2], 1) * 8 + 3.5 + random.uniform(-3.5, 3.5, (count, 2))
    apart = (down - middle[:, 0, None, None]) ** 2 + (right - middle[:, 1, None, None]) ** 2
    light = 0.15 + 0.6 * numpy.exp(-apart / random.uniform(6, 14, count)[:, None, None])
    return numpy.clip(light + random.normal(0, 0.15, light.shape), 0, 1), labels


def trained(seed: int = 7) -> Trained:
    """Trained on few pictures and without a penalty, so that its weights are as rough as those of large models."""
    pictures, labels = drawn(300, seed)
    flat, wanted = pictures.reshape(300, -1), numpy.eye(CLASSES)[labels]
    weights = numpy.random.default_rng(seed + 1).normal(0, 0.2, (SIDE * SIDE, CLASSES))
    bias = numpy.zeros(CLASSES)
    for _ in range(600):
        apart = (softmax(flat @ weights + bias) - wanted) / len(flat)
        weights -= 0.5 * flat.T @ apart
        bias -= 0.5 * apart.sum(0)
    return Trained(weights, bias, *drawn(400, seed + 2))


def auc(bad: Any, good: Any) -> float:
    """The share of pairs in which the bad one has the higher score; ties count half."""
    return float(((bad[:, None] > good).mean() + (bad[:, None] >= good).mean()) / 2)
