"""The encoder's vocabulary: that of MiniLM, and words of other languages that begin as their English glosses.

MiniLM knows English. A word that the lexicons translate gets an embedding of its own, the mean of its gloss's, so that
what the encoder knows of the English words holds for it before it has seen a sentence of the language.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import units

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST: Final = 42_500
_RARE: Final = 6
_PHRASES: Final = Path(__file__).parent / "phrases"


def lexicon(folder: Path = _PHRASES) -> dict[str, str]:
    """Returns English glosses by the plain form of a word, for every word that can be one piece."""
    glosses: dict[str, str] = {}
    for path in sorted(folder.glob("lexicon_*.toml")):
        for native, gloss in tomllib.loads(path.read_text(encoding="utf-8"))["words"].items():
            found = units(str(native))
            joined = "".join(unit.word for unit in found)
            if found and (len(found) == 1 or all(len(unit.word) == 1 and not unit.word.isascii() for unit in found)):
                glosses.setdefault(joined, str(gloss))
    return glosses


def _candidates(text: str) -> Iterator[str]:
    """Yields the words of a text, and runs of up to six characters in scripts without blanks."""
    found = units(text)
    for at, unit in enumerate(found):
        if unit.word.isnumeric():
            continue
        yield unit.word
        if len(unit.word) == 1 and not unit.word.isascii():
            joined, end = unit.word, unit.end
            for other in found[at + 1 : at + 6]:
                if other.start != end or len(other.word) != 1 or other.word.isascii():
                    break
                joined, end = joined + other.word, other.end
                yield joined


def trim(
    pieces: Sequence[str], table: NDArray[np.float32], texts: Iterable[str]
) -> tuple[list[str], NDArray[np.float32]]:
    """Returns the pieces that occur in `texts`, single characters and marks among them in any case, with their rows."""
    known = Vocabulary(pieces)
    used = {one for text in texts for one in known.encode(units(text))[0]}
    kept = [
        at
        for at, piece in enumerate(pieces)
        if at in used
        or len(piece.removeprefix("##")) == 1
        or (piece.startswith("[") and piece in {"[PAD]", "[UNK]", "[CLS]", "[SEP]"})
    ]
    return [pieces[at] for at in kept], np.ascontiguousarray(table[kept])


def extend(
    base: Sequence[str], table: NDArray[np.float32], texts: Iterable[str]
) -> tuple[list[str], NDArray[np.float32]]:
    """Returns the vocabulary with more pieces, and an embedding for each.

    Args:
        base: The pieces there are.
        table: Their embeddings, of shape `(len(base), width)`.
        texts: Texts whose frequent words deserve a piece of their own.
    """
    old = Vocabulary(base)
    pieces, rows = list(base), [table]
    known = set(base)
    counts = Counter(word for text in texts for word in _candidates(text))
    glosses = lexicon()
    for word, gloss in sorted(glosses.items(), key=lambda one: -counts[one[0]]):
        if word not in known and len(pieces) < MOST:
            ids = [one for one in old.encode(units(gloss))[0] if one != old.unknown]
            if ids:
                known.add(word)
                pieces.append(word)
                rows.append(table[ids].mean(0, keepdims=True))
    spread = float(table.std())
    random = np.random.default_rng(7)
    for word, count in counts.most_common():
        if len(pieces) >= MOST or count < _RARE:
            break
        if word in known or len(word) > 24 or (len(word) > 1 and not word[0].isascii() and len(units(word)) > 1):
            continue
        ids = [one for one in old.encode(units(word))[0] if one != old.unknown]
        known.add(word)
        pieces.append(word)
        start = table[ids].mean(0) if ids else np.zeros(table.shape[1], np.float32)
        noise = np.asarray(random.normal(0, spread / 4, (1, table.shape[1])), np.float32)
        rows.append(start + noise)
    return pieces, np.concatenate(rows)
