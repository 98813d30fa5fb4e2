"""Rows written one by one, in many languages: attacks, their harmless twins and ordinary traffic, no two of a form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from training.row import Row, View

_FOLDER: Final = Path(__file__).parent.parent / "written"
_OPEN, _SHUT = "\u27e6", "\u27e7"


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of a file; an attack that does not fill its text stands between U+27E6 and U+27E7."""

    text: str
    view: View
    family: str
    lang: str
    attack: bool | None = None
    task: str = ""
    harms: frozenset[str] | None = None


def rows(random: Random) -> Iterator[Row]:
    """Yields the rows of all files, in an order by chance."""
    found = [row_of(one) for path in sorted(_FOLDER.glob("*.jsonl")) for one in read(path)]
    random.shuffle(found)
    yield from found


def read(path: Path) -> Iterator[Written]:
    """Yields the lines of a file.

    Raises:
        msgspec.ValidationError: A line is not of the form.
    """
    for line in path.read_text(encoding="utf-8").splitlines():
        yield msgspec.json.decode(line, type=Written)


def row_of(one: Written) -> Row:
    """Returns a line as a row, the marks around its attack taken out."""
    before, opened, rest = one.text.partition(_OPEN)
    inside, shut, after = rest.partition(_SHUT)
    attack = one.attack
    if attack is None and one.harms is not None and not one.harms and one.view is View.USER:
        attack = False
    return Row(
        text=before + inside + after,
        view=one.view,
        attack=attack,
        family=one.family,
        source="written",
        lang=one.lang,
        task=one.task,
        spans=((len(before), len(before) + len(inside)),) if opened and shut and one.attack else (),
        harms=one.harms,
    )
