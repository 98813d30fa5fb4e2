"""Moderation rows in free form: one-sentence requests to an assistant, readers' comments, and harmless twins of both.

Every `training/phrases/requests*.toml` holds sections of hand-written lines, one text a line: a head
`@family harms`, whose second part is missing for harmless lines, and the lines under it; ` ~violence` at the end of a
line adds a category to those of its section, `¶` is a line end. No line tells how harm is done.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from training.row import HARMS, Row, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from random import Random

PHRASES: Final = Path(__file__).resolve().parent.parent / "phrases"
LIMIT: Final = 6000
"""Rows at most."""
AGAIN: Final = 0.55
"""Chance that a line comes a second time, in other dress."""
UNKNOWN: Final = "request.pressure"
"""The prefix of families whose lines talk the model out of its rules, so that they might count as attacks."""

_COMMENT: Final = (View.USER, View.USER, View.OUTPUT)
_HEAD: Final = re.compile(r"^@(?=(?:ask|request|comment)\.)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One hand-written text with what is true of it."""

    text: str
    lang: str
    family: str
    harms: frozenset[str]

    @property
    def comment(self) -> bool:
        """Whether people wrote it to each other, not to an assistant."""
        return self.family.startswith("comment.")


def rows(random: Random) -> Iterator[Row]:
    """Rows with `harms` set and `attack` False, or None where a request argues against the rules.

    Args:
        random: The only source of chance: one seed gives the same rows in the same order.

    Yields:
        At most `LIMIT` rows, one or two a line; texts differ by more than case, digits, spaces.
    """
    items, dress = load()
    seen: set[str] = set()
    left = LIMIT
    for item in items:
        for _ in range(1 + (random.random() < AGAIN)):
            text = _noise(dress[item.lang].put(item, random), random)
            key = re.sub(r"[\d\s]+", "", text).casefold()
            if key in seen or not left:
                continue
            seen.add(key)
            left -= 1
            yield Row(
                text=text,
                view=random.choice(_COMMENT) if item.comment else View.USER,
                attack=None if item.family.startswith(UNKNOWN) else False,
                family=item.family,
                source="requests",
                lang=item.lang,
                harms=item.harms,
            )


def load() -> tuple[tuple[Item, ...], Mapping[str, Dress]]:
    """Every table: all lines, and what may stand around them by language.

    Raises:
        ValueError: A category is unknown.
    """
    items: list[Item] = []
    dress: dict[str, Dress] = {}
    for path in sorted(PHRASES.glob("requests*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        lang = str(table["lang"])
        items.extend(_items(str(table["sections"]), lang))
        if "dress" in table:
            dress[lang] = Dress.of(table["dress"])
    return tuple(items), dress


@dataclass(frozen=True, kw_only=True, slots=True)
class Dress:
    """Harmless words of one language before and after requests and comments; the same for both labels."""

    before_request: tuple[str, ...]
    after_request: tuple[str, ...]
    before_comment: tuple[str, ...]
    after_comment: tuple[str, ...]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Dress:
        """From the table `dress` of a file, with a block of lines for each field."""
        return cls(**{name: _lines(str(block)) for name, block in table.items()})

    def put(self, item: Item, random: Random) -> str:
        """The text of an item, as it stands or with words around it."""
        befores, afters = (
            (self.before_comment, self.after_comment) if item.comment else (self.before_request, self.after_request)
        )
        text = item.text
        draw = random.random()
        if draw < 0.25:
            before = random.choice(befores)
            if before.endswith((",", ":")) and not re.match(r"I\b|[A-Z]{2}", text):
                text = text[:1].lower() + text[1:]
            text = f"{before}{'' if before.endswith(('，', '：', '。', '！', '、')) else ' '}{text}"
        elif draw < 0.4:
            text = f"{text} {random.choice(afters)}"
        return text


def _items(block: str, lang: str) -> Iterator[Item]:
    for section in filter(None, _HEAD.split(block.strip())):
        head, _, body = section.partition("\n")
        family, names = (*head.split(), "")[:2]
        for line in _lines(body):
            text, _, more = line.partition(" ~")
            harms = frozenset(filter(None, (*names.split(","), *more.split(","))))
            if unknown := harms - frozenset(HARMS):
                raise ValueError(f"{family}: unknown categories {sorted(unknown)}")
            yield Item(text=text.replace("¶", "\n"), lang=lang, family=family, harms=harms)


def _lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.splitlines() if line.strip())


def _noise(text: str, random: Random) -> str:
    """The text as people type it: the same chances for harmful and harmless ones."""
    for chance, change in _NOISE:
        if random.random() < chance:
            text = change(text, random)
    return text


def _typo(text: str, random: Random) -> str:
    words = text.split(" ")
    at = random.randrange(len(words))
    word = words[at]
    if len(word) < 5 or not word.isalpha() or not word.isascii():
        return text
    i = random.randrange(1, len(word) - 2)
    words[at] = random.choice((word[:i] + word[i + 1] + word[i] + word[i + 2 :], word[:i] + word[i + 1 :]))
    return " ".join(words)


_NOISE: Final[tuple[tuple[float, Callable[[str, Random], str]], ...]] = (
    (0.12, lambda text, _: text.lower()),
    (0.02, lambda text, _: text.upper()),
    (0.14, lambda text, _: text.rstrip(".。।")),
    (0.04, lambda text, _: re.sub(r"[.,;:!?'’]", "", text)),
    (0.07, _typo),
    (0.03, lambda text, _: f'"{text}"'),
    (0.03, lambda text, _: text.rstrip(".。।") + "!"),
)
