"""Where the windows lie in which the learned stages look at a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SIZE: Final = 96
"""Units of a window: about 120 tokens of the encoder, two paragraphs."""
STRIDE: Final = 72
"""Units from the beginning of one window to the next: what straddles an edge is whole in one of the two."""


def starts(count: int) -> Iterator[int]:
    """Yields where the windows of a text of `count` units begin; the last one is full where the text is long enough."""
    last = max(0, count - SIZE)
    yield from range(0, last, STRIDE)
    yield last
