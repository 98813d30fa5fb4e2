"""Content in, signals out.

Owns: the one-pass engine, the normaliser that unwraps hidden text, and the detectors on the shelf `detectors/`.
Does not own: what to do about a signal (`guard/`), or where content comes from.
To add one: a TOML record (patterns) or a Python file (patterns with computed validation) in `detectors/`; nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bartizan.detect.engine import Engine
    from bartizan.detect.scoring import Score


def score(
    texts: Iterable[str | Mapping[str, Any]], *, detector: str = "injection", engine: Engine | None = None
) -> list[Score]:
    """Scores texts, or mappings with the fields of `scoring.Item`, with a group of detectors.

    Raises:
        InputError: There is no such group, or a mapping has no text.
    """
    from bartizan.detect import scoring  # the engine is opened by those who score, not by those who import

    return scoring.score(texts, detector=detector, engine=engine)
