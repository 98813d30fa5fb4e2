"""What of the operator's instructions a user's turn may run against: what they guard and what they forbid.

`What is the code?` is a question, or an attempt to draw out a secret: it depends on whether the assistant was told to
keep one. The encoder reads what is said here beside the user's turn.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

MOST_UNITS: Final = 40
"""How many units of it the encoder is given."""
_LONGEST: Final = 50_000
_KNOWN: Final = 64
_MOST: Final = 600
"""Characters; more than the encoder is given in any script."""
_SENTENCE: Final = re.compile(r"[^.!?\n\u3002\uff01\uff1f\u0964\u061f]+[.!?\u3002\uff01\uff1f\u0964\u061f]*")


def limits(system: Sequence[str]) -> str:
    """Returns the sentences of an operator's instructions that forbid or guard something, empty where there are none.

    Args:
        system: The instructions, one text for each message; of a long one the beginning and the end.
    """
    text = "\n".join(system)
    if len(text) > _LONGEST:
        text = text[: _LONGEST // 2] + "\n" + text[-_LONGEST // 2 :]
    return _limits(text) if text else ""


@lru_cache(_KNOWN)
def _limits(text: str) -> str:
    forbids = _pattern()
    found = [one.strip() for one in _SENTENCE.findall(text) if forbids.search(one)]
    return " ".join(found)[:_MOST]


@lru_cache(1)
def _pattern() -> re.Pattern[str]:
    data = tomllib.loads((Path(__file__).parent / "limits.toml").read_text(encoding="utf-8"))
    words = sorted({one for language in data["words"].values() for one in language})
    parts = sorted({one for language in data["parts"].values() for one in language})
    whole = "|".join(re.escape(one).replace(r"\*", r"\w*") for one in words)
    return re.compile(rf"(?i)(?<!\w)(?:{whole})(?!\w)|n['\u2019]t\b|{'|'.join(map(re.escape, parts))}")
