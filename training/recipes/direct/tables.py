"""The phrase tables of the recipe `direct`, read and expanded."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

_PHRASES: Final = Path(__file__).parents[2] / "phrases"
_GROUP: Final = re.compile(r"«([^«»]*)»")
_VOWEL: Final = re.compile(r"(?!uni|eu|one|use|UX)[aeiouAEIO]")
_STEADY: Final = frozenset({"persona", "bot"})
"""Slots that keep their choice through one item."""
_SENTENCE: Final = re.compile(r"""(^|[.!?]["')]*\s+["'(]*)([a-z])""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Items of one kind: whether they attack, and how often one item is drawn at most."""

    attack: bool
    items: tuple[str, ...]
    draws: int = 10


@dataclass(frozen=True, slots=True)
class Tables:
    """All families, and the slots that their items name."""

    families: Mapping[str, Family]
    slots: Mapping[str, tuple[str, ...]]

    def expand(self, item: str, random: Random) -> str:
        """Return `item` with every group replaced by one choice, innermost first, and its sentences with capitals.

        An item that starts with a small letter is meant to be written without care, or is code.

        Raises:
            KeyError: A group has no alternatives and names no slot.
        """
        careful = item[:1] == "«" or item[:1].isupper()
        used: defaultdict[str, list[str]] = defaultdict(list)
        while match := _GROUP.search(item):
            choice = self._choose(match[1], used[match[1]], random)
            head = item[: match.start()]
            if head.endswith((" a ", "A ")) and _VOWEL.match(choice):
                head = f"{head[:-1]}n "
            item = head + choice + item[match.end() :]
        text = item.replace("⏎", "\n").strip()
        return _SENTENCE.sub(lambda m: m[1] + m[2].upper(), text) if careful else text

    def _choose(self, body: str, used: list[str], random: Random) -> str:
        """Return one of the alternatives, a new one while there are any, or always the same where one has to stay."""
        if body in _STEADY and used:
            return used[0]
        options = body.split("|") if "|" in body else self.slots[body]
        used.append(random.choice([one for one in options if one not in used] or list(options)))
        return used[-1]

    def draw(self, slot: str, random: Random) -> str:
        """Return one expanded line of `slot`."""
        return self.expand(random.choice(self.slots[slot]), random)

    def item(self, family: str, random: Random) -> str:
        """Return one expanded item of `family`."""
        return self.expand(random.choice(self.families[family].items), random)


def load() -> Tables:
    """Read every `direct*.toml`, in the order of their names."""
    families: dict[str, Family] = {}
    slots: dict[str, tuple[str, ...]] = {}
    for path in sorted(_PHRASES.glob("direct*.toml")):
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        slots |= {name: _lines(text) for name, text in table.pop("slots", {}).items()}
        for name, spec in table.items():
            families[name] = Family(attack=spec["attack"], items=_lines(spec["items"]), draws=spec.get("draws", 10))
    return Tables(families, slots)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
