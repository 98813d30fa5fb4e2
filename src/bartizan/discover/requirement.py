"""Requirements of Python packages as PEP 508 and its relatives write them, as far as name and version go."""

from __future__ import annotations

import re
from typing import Final

PACKAGE: Final = r"[A-Za-z0-9][\w.-]{0,100}"
_REQUIREMENT: Final = re.compile(
    rf"^\s*({PACKAGE})\s*(?:\[[^\]]*\])?\s*(?:([=<>!~^]=?=?\s*[^;#\s]+(?:,\s*[^;#\s]+)*)|$|[;#@\s])"
)


def parse(text: str) -> tuple[str, str] | None:
    """Returns the package and its version, empty where it is free; None where the text is no requirement."""
    match = _REQUIREMENT.match(text)
    return (match.group(1), (match.group(2) or "").strip()) if match else None
