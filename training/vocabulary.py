"""The encoder's vocabulary: of the 250,000 pieces of XLM-R that multilingual-E5 knows, those worth their place.

The encoder reads lower case, so a piece with capitals stands for its lower form where that has no piece of its own, as
with German nouns. Scripts that hardly anybody writes to a model in give their places to those that many do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np

from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import units
from training.e5 import Pretrained

MOST: Final = 60_000
_ALL: Final = 1_000_000
_SPECIAL: Final = ("<pad>", "<unk>", "<s>", "</s>")
_SCRIPTS: Final = re.compile(
    "[\u0000-\u024f\u0259\u0300-\u036f\u0370-\u052f\u05d0-\u05ea\u0600-\u06ff\u0900-\u097f\u0980-\u09ff\u0b80-\u0bff\u0c00-\u0c7f\u0e00-\u0e7f"
    "\u1e00-\u1eff\u2000-\u22ff\u2500-\u27bf\u3000-\u30ff\u3400-\u9fff\uac00-\ud7a3\uff00-\uffef\U0001f300-\U0001faff]*"
)


def candidates(model: Pretrained) -> dict[str, int]:
    """Returns the number of the piece of the model that stands for each piece in lower case."""
    found = {piece: number for number, piece in enumerate(model.pieces) if piece == piece.lower() and piece}
    for number, piece in enumerate(model.pieces):
        found.setdefault(piece.lower(), number)
    return {piece: number for piece, number in found.items() if piece in _SPECIAL or _SCRIPTS.fullmatch(piece)}


def choose(model: Pretrained, texts: Iterable[str], most: int = MOST) -> tuple[dict[str, float], np.ndarray]:
    """Returns a vocabulary with the log probability of each piece, and the numbers of the pieces in the model.

    Args:
        model: Where the pieces come from.
        texts: What the encoder is trained on; pieces that occur there twice keep their place.
        most: How many pieces there may be; the rest of the places go to the likeliest.
    """
    numbers = candidates(model)
    odds = {piece: float(model.scores[number]) for piece, number in numbers.items()}
    every = Vocabulary(odds)
    names = list(odds)
    counts = Counter(names[one] for text in texts for one in every.encode(units(text), _ALL)[0])
    singles = [piece for piece in odds if len(piece.removeprefix("\u2581")) <= 1]
    seen = [piece for piece, count in counts.most_common() if count > 1]
    likely = sorted(odds, key=odds.__getitem__, reverse=True)
    order = list(dict.fromkeys([*_SPECIAL, *singles, *seen, *likely]))[:most]
    return {piece: round(odds[piece], 2) for piece in order}, np.array([numbers[piece] for piece in order])
