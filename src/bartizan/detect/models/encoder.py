"""The encoder stage: a small transformer as ONNX, run on one core over a few windows at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import Unit
from bartizan.registry import need

MOST_TOKENS: Final = 192
MOST_TASK: Final = 48
HERE: Final = Path(__file__).parent


class Read(NamedTuple):
    """What the encoder says of a window.

    Attributes:
        heads: Log odds, in the order of the model's heads.
        marks: Log odds that a unit belongs to an attack, with the index of the unit.
    """

    heads: tuple[float, ...]
    marks: tuple[tuple[int, float], ...]


class Encoder:
    """The session and the vocabulary. Safe to share between threads; a run holds no lock of the interpreter.

    Args:
        session: An onnxruntime session that takes `ids` and `types` and gives `heads`, `marks` and perhaps `vector`.
        vocabulary: The pieces that it was trained with.
    """

    def __init__(self, session: Any, vocabulary: Vocabulary) -> None:
        self._session = session
        self._vocabulary = vocabulary
        self._numpy: Any = need("numpy", extra="ml")
        self.has_vectors = any(one.name == "vector" for one in session.get_outputs())

    @classmethod
    def load(cls, folder: Path = HERE) -> Encoder:
        """Opens the model that ships with the package, or one of the same form.

        Raises:
            MissingExtra: onnxruntime is not installed.
            OSError: A file is missing.
        """
        runtime = need("onnxruntime", extra="ml")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # The graph is made of fused operators already; what more the runtime would fuse, it makes slower.
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        session = runtime.InferenceSession(str(folder / "encoder.onnx"), options, providers=["CPUExecutionProvider"])
        return cls(session, Vocabulary.read((folder / "vocabulary.txt").read_text(encoding="utf-8")))

    def read(self, windows: Sequence[Sequence[Unit]], task: Sequence[Unit] = ()) -> list[Read]:
        """Reads windows in one run.

        Args:
            windows: The units of each; what is beyond `MOST_TOKENS` tokens is not seen.
            task: What the user had asked for; beyond `MOST_TASK` tokens it is not seen.
        """
        pieces = [self._vocabulary.encode(window, MOST_TOKENS) for window in windows]
        inputs = self._inputs([ids for ids, _ in pieces], self._vocabulary.encode(task, MOST_TASK)[0])
        heads, marks = self._session.run(("heads", "marks"), inputs)
        return [
            Read(tuple(head), tuple(zip(origins, mark[1:], strict=False)))
            for head, mark, (_, origins) in zip(heads.tolist(), marks.tolist(), pieces, strict=True)
        ]

    def vectors(self, windows: Sequence[Sequence[Unit]]) -> list[list[float]]:
        """Returns what each window is about as a vector, of any length; none where the model gives none."""
        if not self.has_vectors or not windows:
            return []
        rows = [self._vocabulary.encode(window, MOST_TOKENS)[0] for window in windows]
        found: list[list[float]] = self._session.run(("vector",), self._inputs(rows, ()))[0].tolist()
        return found

    def _inputs(self, windows: Sequence[Sequence[int]], task: Sequence[int]) -> dict[str, Any]:
        known = self._vocabulary
        tail = [*task, known.separator] if task else []
        rows = [[known.begin, *ids, known.separator] for ids in windows]
        longest = max(map(len, rows)) + len(tail)
        ids = self._numpy.zeros((len(rows), longest), "int64")
        types = self._numpy.ones((len(rows), longest), "int64")
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
            types[at, : len(row)] = 0
            ids[at, len(row) : len(row) + len(tail)] = tail
        return {"ids": ids, "types": types}
