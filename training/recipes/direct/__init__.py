"""Attacks in a user's own turn and their harmless twins, in English.

Every item of `training/phrases/direct*.toml` is written by hand. `«a|b»` stands for one of its alternatives,
`«slot»` for one line of that slot, `⏎` for a line break. The shapes that a table cannot hold (encodings, long
dialogues, an attack in the middle of an ordinary request) are made in `shapes`, for both labels alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from training.recipes.direct.shapes import SHAPES, surface
from training.recipes.direct.tables import Tables, load
from training.row import Row, View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

NAME: Final = "direct"
_MANY: Final = 10  # a family that asks for more draws than this is a grammar: no item of it is fixed wording
_SPAN_MARGIN: Final = 40  # an attack that leaves less ordinary text than this around it is the whole text


def rows(random: Random) -> Iterator[Row]:
    """Yield the rows of this recipe, the same ones for the same state of `random`; near-duplicates are left out."""
    tables = load()
    seen: set[str] = set()
    for row in _all(tables, random):
        key = _key(row.text)
        if len(key) > 3 and key not in seen:
            seen.add(key)
            yield row


def _all(tables: Tables, random: Random) -> Iterator[Row]:
    for name, family in tables.families.items():
        for item in family.items:
            for _ in range(_draws(item, family.draws)):
                text = surface(tables.expand(item, random), random, tables)
                yield _row(text, name, family.attack)
    for shape in SHAPES:
        for _ in range(shape.count):
            text, span = shape.make(tables, random)
            marked = span if span and len(text) - (span[1] - span[0]) >= _SPAN_MARGIN else None
            yield _row(text, shape.family, shape.attack, span=marked)


def _row(text: str, family: str, attack: bool, *, span: tuple[int, int] | None = None) -> Row:
    return Row(
        text=text,
        view=View.USER,
        attack=attack,
        family=family,
        source=NAME,
        spans=(span,) if span else (),
        harms=frozenset() if family.startswith("benign.") else None,
    )


def _draws(item: str, most: int) -> int:
    """How often an item is drawn: more often the more of it varies, so that fixed wording is not repeated."""
    groups = item.count("«")
    if most > _MANY:
        return most if groups else 1
    return min(most, 1 + 2 * groups)


def _key(text: str) -> str:
    return "".join(c for c in text.casefold() if not c.isdigit() and not c.isspace())
