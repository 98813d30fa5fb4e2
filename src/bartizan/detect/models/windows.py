"""Where the windows lie in which the learned stages look at a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SIZE: Final = 96
"""Units of a window at most: about 120 tokens of the encoder, two paragraphs."""
OVERLAP: Final = 16
"""Units that neighbours share at least: a sentence that straddles an edge is whole in one of the two."""


def windows(count: int) -> Iterator[tuple[int, int]]:
    """Yields the beginning and end of each window of a text of `count` units: as few as can be, of equal size."""
    number = max(1, -(-(count - OVERLAP) // (SIZE - OVERLAP)))
    size = -(-(count + (number - 1) * OVERLAP) // number)
    for at in range(number):
        start = (count - size) * at // (number - 1) if number > 1 else 0
        yield start, start + size
