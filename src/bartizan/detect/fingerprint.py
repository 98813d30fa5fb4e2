"""What makes a detector the one that a statement was made about: its files, its settings and what it runs on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import file_digest, sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from bartizan.config import DetectConfig
from bartizan.detect.detector import Detector

_ROOM: Final = Path(__file__).parent
_RUNTIMES: Final = ("bartizan", "google-re2", "hyperscan", "numpy", "onnxruntime", "tokenizers")
_OURS: Final = frozenset({".py", ".toml", ".json", ".txt", ".bin", ".onnx"})
_SETTINGS_OF_OTHERS: Final = frozenset({"thresholds"})


def fingerprint(detectors: Iterable[Detector], config: DetectConfig) -> str:
    """Returns the SHA-256 of all that decides about scores, in hexadecimal.

    That is every file of this room (code, records, weights), the detectors that run, the settings, the files of the
    site's own classifiers, and the versions of the libraries beneath. It costs some tens of milliseconds.

    Raises:
        OSError: A file cannot be read.
    """
    whole = sha256()
    for fact in (*_versions(), *_detectors(detectors), *_settings(config), *_room(), *_classifiers(config)):
        whole.update(fact.encode("utf-8", "surrogatepass") + b"\0")
    return whole.hexdigest()


def _versions() -> Iterator[str]:
    for name in _RUNTIMES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} none"


def _detectors(detectors: Iterable[Detector]) -> Iterator[str]:
    for one in sorted(detectors, key=lambda plugin: plugin.meta.id):
        yield f"{one.meta.id} {type(one).__qualname__} {one.score!r} {one.roles!r} {one.patterns!r}"


def _settings(config: DetectConfig) -> Iterator[str]:
    for name, value in sorted(msgspec.to_builtins(config).items()):
        if name not in _SETTINGS_OF_OTHERS:
            yield f"{name} = {msgspec.json.encode(value, order='deterministic').decode()}"


def _room() -> Iterator[str]:
    return _files(_ROOM, (path for path in _ROOM.rglob("*") if path.suffix in _OURS))


def _files(folder: Path, paths: Iterable[Path]) -> Iterator[str]:
    for path in sorted(paths):
        if path.is_file():
            with path.open("rb") as file:
                yield f"{path.relative_to(folder).as_posix()} {file_digest(file, 'sha256').hexdigest()}"


def _classifiers(config: DetectConfig) -> Iterator[str]:
    for name, one in sorted(msgspec.to_builtins(config).get("classifiers", {}).items()):
        given = Path(one["path"]).expanduser()
        folder = given if given.is_dir() else given.parent
        for fact in _files(folder, folder.rglob("*")):
            yield f"{name}: {fact}"
