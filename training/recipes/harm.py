"""Moderation rows: harmful posts, requests and answers, and harmless twins that share their vocabulary.

Every `training/phrases/harm*.toml` holds sets of hand-written lines. `{a|b}` in a line is a choice, `{name}` a filler
of the table `slots` of that language, `{g0}` and `{g1}` forms of one filler (`Muslims; a Muslim`), `¶` a line end;
` ~violence` at the end of a line adds a category to those of its set. `_sections` tells the short form of a table.
"""

from __future__ import annotations

import json
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
CAP: Final = 3
"""Rows that one line may give, unless its set says otherwise."""
SHORT_CAPS: Final = (7, 6)
"""The same for harmless and harmful lines of the short form, which most languages use."""
AROUND: Final = 0.12
"""Share of rows, harmful and harmless, that stand amid other harmless posts."""
TRIES: Final = 4
"""Draws a row before a line counts as used up."""

_HOLE: Final = re.compile(r"\{([^{}]*)\}")
_FORM: Final = re.compile(r"([a-z_]+?)(\d?)")
_SPACELESS: Final = frozenset({"zh", "ja"})
_EMOJI: Final = "😂🙄😭🤷👀💯😅🤔🙃😡🔥💀🤣😤🙏🫠😬"
_NAMES: Final = ("user", "USER", "mira_k", "tom1987", "the_real_jo", "anon4471", "kilo.watt", "Sandra", "PM_Lopez")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One hand-written line with what is true of all texts it gives."""

    template: str
    lang: str
    family: str
    harms: frozenset[str]
    views: tuple[View, ...]
    attack: bool | None
    cap: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """All lines, and the fillers by language."""

    lines: tuple[Line, ...]
    slots: Mapping[str, Mapping[str, tuple[str, ...]]]

    def around(self, lang: str) -> tuple[str, ...]:
        """Templates of harmless posts, which may stand beside any other text of that language."""
        return tuple(
            line.template
            for line in self.lines
            if line.lang == lang
            and not line.harms
            and set(line.views) >= {View.USER, View.OUTPUT}
            and "{g" not in line.template  # or groups would be named more often in harmful rows
        )


def rows(random: Random) -> Iterator[Row]:
    """Rows with `harms` set and `attack` False, or None where a text might count as a jailbreak.

    Args:
        random: The only source of chance: one seed gives the same rows in the same order.

    Yields:
        Rows of about fifty families; texts differ by more than case, digits, spaces.
    """
    grammar = load()
    decks = {(lang, bad): _Deck(slots, random) for lang, slots in grammar.slots.items() for bad in (True, False)}
    around = {lang: grammar.around(lang) for lang in grammar.slots}
    seen: set[str] = set()
    for line in grammar.lines:
        deck = decks[line.lang, bool(line.harms)]
        left, tries = line.cap, line.cap * TRIES
        while left and tries:
            tries -= 1
            text = expand(line.template, deck.deal, random)
            key = re.sub(r"[\d\s]+", "", text).casefold()
            if key in seen:
                continue
            seen.add(key)
            left -= 1
            if random.random() < AROUND:
                text = _embed(text, around[line.lang], deck.deal, random=random)
            yield Row(
                text=_dress(text, line.lang, grammar.slots[line.lang]["filler"], random=random),
                view=random.choice(line.views),
                attack=line.attack,
                family=line.family,
                source="harm",
                lang=line.lang,
                harms=line.harms,
            )


def load() -> Grammar:
    """Read every table.

    Raises:
        ValueError: A category is unknown.
    """
    lines: list[Line] = []
    slots: dict[str, dict[str, tuple[str, ...]]] = {}
    for path in sorted(PHRASES.glob("harm*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        lang = str(table["lang"])
        known = slots.setdefault(lang, {})
        known.update({name: _fillers(block) for name, block in table.get("slots", {}).items()})
        for entry in (*table.get("set", ()), *_sections(table.get("sections", ""))):
            lines.extend(_lines(entry, lang))
    return Grammar(lines=tuple(lines), slots=slots)


def expand(template: str, deal: Callable[[str], str], random: Random) -> str:
    """One text of a template; fillers of one name, which `deal` gives, agree within it.

    Raises:
        KeyError: The template names a filler that the language does not have.
    """
    chosen: dict[str, list[str]] = {}

    def fill(match: re.Match[str]) -> str:
        body = str(match[1])
        if "|" in body:
            return random.choice(body.split("|"))
        form = _FORM.fullmatch(body)
        if form is None:
            raise KeyError(body)
        name = form[1]
        if name not in chosen:
            chosen[name] = [part.strip() for part in deal(name).split(";")] if form[2] else [deal(name)]
        return chosen[name][int(form[2] or 0)]

    text, holes = template, 1
    while holes:
        text, holes = _HOLE.subn(fill, text)
    text = re.sub(r" {2,}", " ", text.replace("¶", "\n")).strip()
    if template.startswith("{") and random.random() < 0.7:
        text = text[:1].upper() + text[1:]
    return text


class _Deck:
    """Deals the fillers of a language evenly: none comes again before all others of its name did."""

    def __init__(self, slots: Mapping[str, tuple[str, ...]], random: Random) -> None:
        self._slots = slots
        self._random = random
        self._left: dict[str, list[str]] = {}

    def deal(self, name: str) -> str:
        if not self._left.get(name):
            self._left[name] = self._random.sample(self._slots[name], len(self._slots[name]))
        return self._left[name].pop()


def _sections(block: str) -> Iterator[dict[str, Any]]:
    """Sets in short: a head `@family harms view cap` whose last three may be `-` or missing, and the lines under it."""
    for section in filter(None, re.split(r"^@", block.strip(), flags=re.MULTILINE)):
        head, _, text = section.partition("\n")
        family, harms, view, cap = [*head.split(), "-", "-", "-"][:4]
        entry: dict[str, Any] = {"family": family, "text": text, "cap": SHORT_CAPS[family.startswith("harm.")]}
        if harms != "-":
            entry["harms"] = harms.split(",")
        if view != "-":
            entry["views"] = [view]
        if cap != "-":
            entry["cap"] = int(cap)
        yield entry


def _lines(entry: Mapping[str, Any], lang: str) -> Iterator[Line]:
    harms = frozenset(entry.get("harms", ()))
    views = tuple(View(name) for name in entry.get("views", ("user", "user", "output")))
    attack = None if entry.get("attack") == "unknown" else False
    for text in _texts(entry["text"]):
        template, _, more = text.partition(" ~")
        total = harms | frozenset(more.split(",") if more else ())
        if unknown := total - frozenset(HARMS):
            raise ValueError(f"{entry['family']}: unknown categories {sorted(unknown)}")
        cap = int(entry.get("cap", CAP)) if "{" in template else 1
        yield Line(
            template=template, lang=lang, family=str(entry["family"]), harms=total, views=views, attack=attack, cap=cap
        )


def _texts(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.splitlines() if line.strip())


def _fillers(block: str) -> tuple[str, ...]:
    """Lines of a filler table; a leading space counts, and `_` is the empty filler."""
    return tuple("" if line == "_" else line for line in block.splitlines() if line.strip())


def _embed(text: str, around: tuple[str, ...], deal: Callable[[str], str], *, random: Random) -> str:
    """The text amid one to four harmless posts: a long comment that turns for a moment, or a thread."""
    posts = [expand(random.choice(around), deal, random) for _ in range(random.choice((1, 1, 2, 4)))]
    posts.insert(random.randrange(len(posts) + 1), text)
    return random.choice((" ", "\n", "\n\n", "\n---\n")).join(posts)


def _dress(text: str, lang: str, filler: tuple[str, ...], *, random: Random) -> str:
    """The text as people would post it: sentences around it, careless typing, the page it stood on.

    Same chances for harmful and harmless texts, so that none of this tells them apart.
    """
    gap = "" if lang in _SPACELESS else " "
    if random.random() < 0.22:
        extra = random.sample(filler, random.choice((1, 1, 2, 3, 5)))
        cut = random.randrange(len(extra) + 1)
        text = random.choice((gap, gap, "\n\n")).join([*extra[:cut], text, *extra[cut:]])
    for chance, change in _NOISE:
        if random.random() < chance:
            text = change(text, random)
    if random.random() < 0.12:
        text = random.choice(_PAGES)(text, random)
    return text


def _typo(text: str, random: Random) -> str:
    words = text.split(" ")
    at = random.randrange(len(words))
    word = words[at]
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return text
    i = random.randrange(1, len(word) - 2)
    words[at] = word[:i] + random.choice((word[i + 1] + word[i] + word[i + 2 :], word[i + 1 :], word[i] + word[i:]))
    return " ".join(words)


def _bare(text: str, random: Random) -> str:
    return re.sub(r"[.,;:!?'’\"]", "" if random.random() < 0.8 else " ", text)


def _upper(text: str, random: Random) -> str:
    if random.random() < 0.7:
        return text.upper()
    return " ".join(word.upper() if random.random() < 0.3 else word for word in text.split(" "))


def _shout(text: str, random: Random) -> str:
    return text.rstrip(".!。！") + random.choice(("!!", "!!!", "...", "!!1", "…", " ...", "!"))


def _emoji(text: str, random: Random) -> str:
    return text + " " + random.choice(_EMOJI) * random.choice((1, 1, 2, 3))


def _mention(text: str, random: Random) -> str:
    return " ".join(["@" + random.choice(_NAMES)] * random.choice((1, 1, 2))) + " " + text


_NOISE: Final[tuple[tuple[float, Callable[[str, Random], str]], ...]] = (
    (0.16, lambda text, _: text.lower()),
    (0.10, lambda text, _: text.rstrip(".!。")),
    (0.06, _bare),
    (0.03, _upper),
    (0.12, _typo),
    (0.05, _typo),
    (0.06, _shout),
    (0.07, _emoji),
    (0.07, _mention),
)

_PAGES: Final[tuple[Callable[[str, Random], str], ...]] = (
    lambda text, random: f"RT @{random.choice(_NAMES)}: {text}",
    lambda text, random: json.dumps({"author": random.choice(_NAMES), "comment": text}, ensure_ascii=False),
    lambda text, random: f"{random.choice(_NAMES)} · {random.randint(1, 59)} min\n{text}",
    lambda text, random: f"[{random.randint(0, 23):02}:{random.randint(0, 59):02}] <{random.choice(_NAMES)}> {text}",
    lambda text, _: f'"{text}"',
    lambda text, _: f"<p>{text}</p>",
    lambda text, _: f"- {text}",
    lambda text, random: f"#{random.randint(2, 900)}\n{text}\n\n+{random.randint(0, 99)}",
    lambda text, _: f"**{text}**",
    lambda text, _: f"> {text}",
)
