"""Texts that a table of phrases cannot hold: encodings, long dialogues, an attack in the middle of ordinary talk.

Each shape comes in two labels that differ in nothing but what is encoded, asked or hidden.
"""

from __future__ import annotations

import base64
import codecs
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from training.recipes.direct.tables import Tables

Made: TypeAlias = tuple[str, tuple[int, int] | None]
"""A text, and where in it the attack stands if that is not all of it."""

_LEET: Final = str.maketrans("aeiostAEIOST", "431057431057")
_POINTS_UP: Final = re.compile(r"\babove\b|\bpreced|before this line|before it|came before", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z]{4,}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A maker of texts of one family and label, and how many are made."""

    family: str
    attack: bool
    count: int
    make: Callable[[Tables, Random], Made]


def surface(text: str, random: Random, tables: Tables) -> str:
    """Give `text` the marks of a hurried or careful writer: capitals, typos, greetings, missing full stops."""
    chance = random.random()
    if chance < 0.07:
        text = f"{tables.draw('greeting', random)} {text}"
    elif chance < 0.14:
        text = f"{text} {tables.draw('closing', random)}"
    elif chance < 0.23:
        text = text.lower().rstrip(".")
    elif chance < 0.26:
        text = text.upper() if len(text) < 200 else text
    elif chance < 0.33:
        text = _typos(text, random)
    elif chance < 0.36:
        text = text.replace("'", "").replace(",", "")
    return text


def _typos(text: str, random: Random) -> str:
    """Swap, drop or double a letter in up to three words."""
    words = list(_WORD.finditer(text))
    for match in sorted(random.sample(words, min(len(words), random.randint(1, 3))), key=lambda m: -m.start()):
        word, at = match[0], random.randrange(1, len(match[0]) - 1)
        changed = random.choice(
            (
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
            )
        )
        text = text[: match.start()] + changed + text[match.end() :]
    return text


def _scramble(text: str, random: Random) -> str:
    """Shuffle the inner letters of every longer word, as people can still read it."""

    def mixed(match: re.Match[str]) -> str:
        inner = list(match[0][1:-1])
        random.shuffle(inner)
        return match[0][0] + "".join(inner) + match[0][-1]

    return _WORD.sub(mixed, text)


def _disguise(text: str, random: Random) -> str:
    """Spell `text` so that it stays readable by eye."""
    way = random.randrange(6)
    if way == 0:
        return text.translate(_LEET)
    if way == 1:
        return _scramble(text, random)
    if way == 2:
        return "".join(c.upper() if random.random() < 0.5 else c.lower() for c in text)
    if way == 3:
        mark = random.choice((".", "-", " ", "_", "*"))
        return ("  " if mark == " " else " ").join(mark.join(word) for word in text.split())
    if way == 4:
        return "".join(c.translate(_LEET) if random.random() < 0.4 else c for c in text)
    return re.sub(r"(?<=[b-df-hj-np-tv-z])[aeiou](?=[a-z])", "", text)


def _encode(text: str, random: Random) -> tuple[str, str]:
    """Return the name of an encoding and `text` in it."""
    data = text.encode()
    ways: tuple[tuple[str, str], ...] = (
        ("Base64", base64.b64encode(data).decode()),
        ("Base64", base64.b64encode(data).decode()),
        ("hex", data.hex()),
        ("hex", data.hex(" ")),
        ("ROT13", codecs.encode(text, "rot13")),
        ("backwards", text[::-1]),
        ("URL encoding", quote(text, safe="").replace("%20", random.choice(("%20", "+")))),
        ("binary", " ".join(f"{byte:08b}" for byte in data[:60])),
        ("ASCII codes", " ".join(str(byte) for byte in data)),
        ("Base32", base64.b32encode(data).decode()),
        ("words in reverse order", " ".join(reversed(text.split()))),
        ("Caesar, shift 3", "".join(_shifted(c) for c in text)),
    )
    return random.choice(ways)


def _shifted(char: str) -> str:
    if not (char.isascii() and char.isalpha()):
        return char
    first = ord("a") if char.islower() else ord("A")
    return chr((ord(char) - first + 3) % 26 + first)


def _said(tables: Tables, random: Random, *, attack: bool) -> str:
    """One short line, an order to the model or something harmless."""
    return tables.draw("payload" if attack else "harmless", random)


def _disguised(tables: Tables, random: Random, *, attack: bool) -> Made:
    return _disguise(_said(tables, random, attack=attack), random), None


def _encoded(tables: Tables, random: Random, *, attack: bool) -> Made:
    name, code = _encode(_said(tables, random, attack=attack), random)
    frame = tables.draw("decode_attack" if attack else "decode_benign", random)
    return frame.replace("@name", name).replace("@code", code), None


def _inner(slot: str, tables: Tables, random: Random) -> str:
    """A request of one of the families of `slot` that means the same with other text around it."""
    while True:
        text = tables.item(random.choice(tables.slots[slot]), random)
        if not _POINTS_UP.search(text):
            return surface(text, random, tables)


def _inside(tables: Tables, random: Random, *, attack: bool, inner_slot: str = "") -> Made:
    """An ordinary request with a second one behind it, before it or in it: an attack, or ordinary as well."""
    inner = _inner(inner_slot or ("inner_attack" if attack else "inner_benign"), tables, random)
    outer = tables.item(random.choice(tables.slots["outer"]), random)
    way = random.randrange(4)
    link = tables.draw("link", random)
    if way == 0:
        before, after = f"{outer} {link} ", ""
        if link.endswith(",") and inner[1:2].islower():
            inner = inner[0].lower() + inner[1:]
    elif way == 1:
        before, after = f"{outer}\n\n", ""
    elif way == 2:
        before, after = "", f"\n\n{outer}"
    else:
        before, after = f"{tables.draw('para', random)}\n\n", f"\n\n{tables.draw('para', random)}"
    span = (len(before), len(before) + len(inner)) if attack else None
    return before + inner + after, span


def _shots(tables: Tables, random: Random, *, attack: bool) -> Made:
    """A dialogue that is made up, of two to twelve turns, and the turn that it leads to."""
    asked, told = random.choice(
        (("User", "Assistant"), ("Q", "A"), ("Human", "AI"), ("me", "you"), ("Person", "Bot"), ("Customer", "Agent"))
    )
    ends = random.choice(("\n", "\n\n", "\n---\n"))
    turns = []
    for _ in range(random.choice((2, 3, 3, 4, 5, 8, 12))):
        question, _, answer = tables.draw("small_qa", random).partition(" => ")
        if attack:
            question, answer = tables.draw("harm_q", random), tables.draw("yes_harm", random)
        turns.append(f"{asked}: {question}\n{told}: {answer}")
    last = tables.draw("harm_q", random) if attack else tables.draw("small_qa", random).partition(" => ")[0]
    turns.append(f"{asked}: {last}" + random.choice((f"\n{told}:", "")))
    opening = tables.draw("shots_attack" if attack else "shots_benign", random)
    return (opening + "\n\n" if random.random() < 0.6 else "") + ends.join(turns), None


def _history(tables: Tables, random: Random, *, attack: bool) -> Made:
    """Several turns of one user in a row, where the last ones go wrong or do not."""
    turns = [surface(tables.item("benign.everyday", random), random, tables) for _ in range(random.randint(1, 3))]
    last = _inner("inner_attack" if attack else "inner_benign", tables, random)
    style = random.choice(("{}", "- {}", "> {}", "User: {}", '"{}"'))
    text = "\n".join(style.format(turn) for turn in turns) + "\n"
    return text + style.format(last), (len(text), len(text) + len(style.format(last))) if attack else None


def _both(name: str, count: tuple[int, int], maker: Callable[..., Made]) -> tuple[Shape, Shape]:
    return (
        Shape(family=f"direct.{name}", attack=True, count=count[0], make=partial(maker, attack=True)),
        Shape(family=f"negative.{name}", attack=False, count=count[1], make=partial(maker, attack=False)),
    )


SHAPES: Final = (
    *_both("disguised", (240, 280), _disguised),
    *_both("encoded", (250, 300), _encoded),
    *_both("inside_ordinary", (400, 1000), _inside),
    Shape(
        family="extraction.inside_ordinary",
        attack=True,
        count=400,
        make=partial(_inside, attack=True, inner_slot="inner_extraction"),
    ),
    *_both("many_shot", (200, 200), _shots),
    *_both("history", (250, 400), _history),
)
