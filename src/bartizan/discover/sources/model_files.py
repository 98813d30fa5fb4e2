"""Model files, by their first bytes and their ending; what is in them is the scanner's business."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from bartizan.core.asset import AssetKind
from bartizan.core.finding import Skip
from bartizan.core.severity import Severity
from bartizan.discover.catalogue import Catalogue
from bartizan.discover.source import Document, Sighting, Source
from bartizan.registry import Meta

_ENDINGS: Final = (
    ".safetensors",
    ".gguf",
    ".ggml",
    ".onnx",
    ".pt",
    ".pth",
    ".ckpt",
    ".pkl",
    ".pickle",
    ".joblib",
    ".h5",
    ".hdf5",
    ".keras",
    ".tflite",
    ".mlmodel",
    ".pb",
    ".bin",
    ".npz",
    ".npy",
    ".llamafile",
    ".pte",
    ".engine",
    ".nemo",
    ".skops",
    ".mar",
)
_CERTAIN: Final = frozenset(
    {".safetensors", ".gguf", ".onnx", ".pt", ".pth", ".keras", ".tflite", ".mlmodel", ".joblib"}
)
_MAGIC: Final = (
    (b"GGUF", "GGUF"),
    (b"\x89HDF", "HDF5"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"\x93NUMPY", "NumPy array"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
)
_ARRAYS: Final = (".npz", ".npy")


@dataclass(frozen=True, kw_only=True)
class ModelFiles(Source):
    """Finds weights that lie in the folder, under the same id as the scanner gives them."""

    meta: ClassVar[Meta] = Meta(
        id="discover.model_files",
        title="Model files",
        why="Weights that lie in a repository or an image are in use, whether or not anybody registered them.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM04",),
        false_positives="Other data under a model's ending.",
    )

    def wants(self, document: Document) -> bool:
        """Says whether its name ends like a model's."""
        return document.base.endswith(_ENDINGS)

    def read(self, document: Document, catalogue: Catalogue) -> Iterator[Sighting | Skip]:
        """Yields the file where its first bytes or a telling ending make it a model."""
        del catalogue
        head = document.head()
        ending = f".{document.base.rpartition('.')[2]}"
        found = next((title for magic, title in _MAGIC if head.startswith(magic)), "")
        if not found and head[8:9] == b"{" and ending == ".safetensors":
            found = "safetensors"
        if not found and ending not in _CERTAIN:
            return
        yield Sighting(
            kind=AssetKind.DATASET if ending in _ARRAYS else AssetKind.MODEL,
            name=document.name.rpartition("/")[2],
            locator=document.name,
            place=document.name,
            attributes={"format": found or "unknown", "bytes": str(document.size)},
        )
