"""More rows from those there are: attacks in harmless texts, turns beside instructions, texts as people type them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Final

from training.row import Row, View

_ACCENTS: Final = re.compile("[\u0300-\u036f]")
_LATIN: Final = re.compile("[a-zA-Z]{4}")
_SLIPS: Final = 0.06
"""The share of words that a slip of the finger changes, in texts that have slips."""


def crossed(rows: Sequence[Row], random: Random, count: int) -> Iterator[Row]:
    """Yields attacks on users' turns set into harmless texts: behind a harmless request, or in a harmless document."""
    attacks = [one for one in rows if one.attack and one.view is View.USER and not one.task and len(one.text) < 600]
    calm = [one for one in rows if one.attack is False and 40 < len(one.text) < 1500]
    for _ in range(count if attacks and calm else 0):
        attack, carrier = random.choice(attacks), random.choice(calm)
        breaks = [at for at, sign in enumerate(carrier.text) if sign == "\n"] or [
            at + 1 for at, sign in enumerate(carrier.text) if sign in ".!?。" and at + 1 < len(carrier.text)
        ]
        at = random.choice([0, len(carrier.text), *breaks])
        before = carrier.text[:at] + (random.choice(("\n", "\n\n", " ")) if at else "")
        text = before + attack.text + random.choice(("\n", "\n\n", " ")) + carrier.text[at:]
        span = (len(before), len(before) + len(attack.text))
        yield replace(
            carrier,
            text=text,
            attack=True,
            family=f"{attack.family}.buried",
            spans=(span,),
            source=attack.source,
            harms=None,
        )


def beside_limits(rows: Sequence[Row], random: Random, count: int) -> Iterator[Row]:
    """Yields rows of users' turns beside an operator's limits that have nothing to do with them."""
    instructions = [one.task for one in rows if one.view is View.USER and one.task]
    alone = [one for one in rows if one.view is View.USER and not one.task and len(one.text) < 600]
    for row in random.sample(alone, min(count, len(alone))) if instructions else ():
        yield replace(row, task=random.choice(instructions))


def respelt(rows: Sequence[Row], random: Random, count: int) -> Iterator[Row]:
    """Yields rows of short texts without their accents or with slips of the finger; spans that would move are left."""
    short = [one for one in rows if len(one.text) < 400 and not one.spans and _LATIN.search(one.text)]
    for row in random.sample(short, min(count, len(short))):
        text = _ACCENTS.sub("", unicodedata.normalize("NFD", row.text)) if random.random() < 0.5 else row.text
        text = unicodedata.normalize("NFC", text)
        yield replace(row, text=_slips(text, random) if text == row.text or random.random() < 0.4 else text)


def _slips(text: str, random: Random) -> str:
    return re.sub(r"\w{4,}", lambda word: _slip(word.group(), random), text)


def _slip(word: str, random: Random) -> str:
    if random.random() > _SLIPS * 3:
        return word
    at = random.randrange(1, len(word) - 1)
    return random.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
        )
    )
