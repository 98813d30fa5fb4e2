"""The encoder over a session that stands in for the real one: what goes in, and vectors where the model gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from bartizan.detect.models.calibration import Calibration
from bartizan.detect.models.cascade import Cascade
from bartizan.detect.models.encoder import Encoder
from bartizan.detect.models.linear import Linear
from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import units

numpy = pytest.importorskip("numpy")


class Session:
    """Gives the sums of the ids as heads, the ids as marks, and how many there are as vectors."""

    def __init__(self, *outputs: str) -> None:
        self.outputs = outputs
        self.types: Any = None

    def get_outputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in self.outputs]

    def run(self, names: Sequence[str], inputs: Mapping[str, Any]) -> list[Any]:
        assert set(names) <= set(self.outputs)
        ids = inputs["ids"]
        self.types = inputs["types"].tolist()
        known = {"heads": ids.sum(1, keepdims=True), "marks": ids, "vector": (ids > 0).sum(1, keepdims=True)}
        return [known[name] for name in names]


def encoder(*outputs: str) -> tuple[Any, Session]:
    session = Session(*outputs)
    pieces = ("<pad>", "<unk>", "<s>", "</s>", "\u2581one", "\u2581two", "s")
    return Encoder(session, Vocabulary(dict.fromkeys(pieces, -1.0))), session


def test_windows_are_read_with_the_task_behind_them() -> None:
    found, session = encoder("heads", "marks")
    first, second = found.read([units("one twos"), units("two")], units("one"))
    assert first.heads == (2 + 4 + 5 + 6 + 3 + 4 + 3,)
    assert first.marks[:3] == ((0, 4), (1, 5), (1, 6))
    assert second.marks[0] == (0, 5)
    assert session.types[0] == [0, 0, 0, 0, 0, 1, 1]


def test_vectors_are_there_where_the_model_gives_them() -> None:
    found, _ = encoder("heads", "marks", "vector")
    assert found.has_vectors
    assert found.vectors([units("one twos"), units("")]) == [[5], [2]]
    assert found.vectors([]) == []
    without, _ = encoder("heads", "marks")
    assert not without.has_vectors
    assert without.vectors([units("one")]) == []


def test_the_cascade_hands_them_on() -> None:
    calibration = Calibration((), {}, {}, {}, {}, 0.0)
    with_vectors, _ = encoder("heads", "marks", "vector")
    without, _ = encoder("heads", "marks")
    assert Cascade(Linear({}, {}), lambda: with_vectors, calibration).embedder() == with_vectors.vectors
    assert Cascade(Linear({}, {}), lambda: without, calibration).embedder() is None
    assert Cascade(Linear({}, {}), None, calibration).embedder() is None
