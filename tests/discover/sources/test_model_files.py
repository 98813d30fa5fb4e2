"""Model files under the same id as the scanner gives them."""

from __future__ import annotations

from pathlib import Path

from bartizan.config import ScanConfig
from bartizan.core.asset import Asset, AssetKind
from bartizan.scan.engine import scan
from tests.discover.seeing import look
from tests.scan import assembler as make


def test_models_by_bytes_and_by_telling_endings(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        {
            "a.gguf": b"GGUF\x03",
            "b.bin": b"PK\x03\x04",
            "c.bin": b"just data",
            "d.pkl": b"\x80\x04N.",
            "e.onnx": b"\x08\x07",
            "f.npy": b"\x93NUMPY",
            "g.h5": b"\x89HDF\r\n",
        },
    )
    assert found.locators(AssetKind.MODEL) == {"a.gguf", "b.bin", "d.pkl", "e.onnx", "g.h5"}
    assert found.locators(AssetKind.DATASET) == {"f.npy"}
    assert found.one(AssetKind.MODEL, "a.gguf").attributes["format"] == "GGUF"


def test_the_scanner_gives_the_same_id(tmp_path: Path) -> None:
    found = look(tmp_path, {"models/a.pkl": make.pickle(b"N")})
    scanned = [record for record in scan(tmp_path, ScanConfig()) if isinstance(record, Asset)]
    assert found.one(AssetKind.MODEL, "models/a.pkl").id == scanned[0].id
