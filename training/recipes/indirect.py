"""Indirect injection: mails, pages, documents and tool results, with and without a planted instruction.

A row is a carrier (hand-written text with places for a line, or records rendered as JSON, YAML, CSV ...) and, in most
rows, a line put into one of those places: an attack, or a line that belongs there. Both go through the same places,
escapes and envelopes, so that only the words and the user's task tell them apart. All wording is in
`phrases/indirect_<language>_<part>.toml`.
"""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from training.recipes.indirect_forms import CLOSE, OPEN, envelope, place, render, unmark
from training.row import Row, View

ROWS: Final = 12_000
LANGUAGES: Final = ("es", "fr", "de", "pt", "ru", "zh", "ja", "ko", "ar", "hi")
FOREIGN: Final = 0.15
"""Share of rows with something in them that is not English."""

_PHRASES: Final = Path(__file__).parent.parent / "phrases"
_FILL: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_CHOICE: Final = re.compile(r"\[([^\[\]\n]*\|[^\[\]\n]*)\]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Carrier:
    """Where a line may stand: `text` with `@@` for the places, or the fields of records of which some hold prose."""

    group: str
    kind: str
    tasks: Sequence[str]
    own: Sequence[str]
    shape: str = "text"
    text: str = ""
    topic: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    prose: Sequence[str] = ()
    roots: Sequence[str] = ()


@dataclass(slots=True)
class Book:
    """All wording of one language, as read from its files."""

    frames: dict[str, list[str]] = field(default_factory=dict)
    goals: dict[str, list[str]] = field(default_factory=dict)
    whole: dict[str, list[str]] = field(default_factory=dict)
    plain: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    topics: dict[str, Any] = field(default_factory=dict)
    carriers: list[Carrier] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What is put into a carrier; `task` where the line itself decides it."""

    text: str
    kind: str
    attack: bool
    task: str = ""


def read(lang: str) -> Book:
    """All files of a language, merged."""
    book = Book()
    carriers: list[dict[str, Any]] = []
    for path in sorted(_PHRASES.glob(f"indirect_{lang}_*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        for name in ("frames", "goals", "whole", "plain"):
            for kind, items in data.get(name, {}).items():
                getattr(book, name).setdefault(kind, []).extend(items)
        book.notes += data.get("notes", [])
        book.tasks += data.get("tasks", [])
        book.topics |= data.get("topics", {})
        carriers += data.get("carrier", [])
    for item in carriers:
        if item.pop("topical", False):  # A frame for prose: one carrier for each topic.
            book.carriers += [
                Carrier(**item, topic=name, tasks=topic["tasks"], own=topic["own"])
                for name, topic in book.topics.items()
            ]
        else:
            book.carriers.append(Carrier(**item))
    return book


def words() -> dict[str, list[str]]:
    """The names, places and things that stand for `{name}` in every language."""
    table: dict[str, list[str]] = tomllib.loads((_PHRASES / "indirect_words.toml").read_text(encoding="utf-8"))
    return table


class Scene:
    """One row in the making: the same people, company and dates in its carrier, its line and its task."""

    def __init__(self, random: Random, table: dict[str, list[str]]) -> None:
        self.random = random
        self.table = table
        self.fixed: dict[str, str] = {}
        for role in ("me", "a", "b"):
            first, last = random.choice(table["first"]), random.choice(table["last"])
            self.fixed |= {
                role: f"{first} {last}",
                f"{role}1": first,
                f"{role}mail": f"{self._handle(first, last)}@{self.word('domain')}",
            }
        self.fixed |= {
            "co": self.word("company"),
            "co2": self.word("company"),
            "proj": self.word("stem") + self.word("stem2"),
            "place": self.word("city"),
        }

    def _handle(self, first: str, last: str) -> str:
        form = self.random.choice(("{f}.{l}", "{f}", "{i}{l}", "{f}_{l}", "{f}{n}", "{l}.{f}", "{f}-{l}{n}"))
        plain = {"f": first.lower(), "l": last.lower().replace(" ", ""), "i": first[0].lower()}
        return form.format(**plain, n=self.random.randint(1, 99))

    def word(self, name: str) -> str:
        """What stands for `{name}`; the same as it was where nothing does."""
        random = self.random
        if name in self.fixed:
            return self.fixed[name]
        if name in self.table:
            return self.expand(random.choice(self.table[name]))
        if re.fullmatch(r"n\d", name):
            size = int(name[1])
            return str(random.randint(10 ** (size - 1), 10**size - 1))
        made: dict[str, Callable[[], str]] = {
            "first_": lambda: random.choice(self.table["first"]),
            "last_": lambda: random.choice(self.table["last"]),
            "person": lambda: f"{random.choice(self.table['first'])} {random.choice(self.table['last'])}",
            "email": lambda: (
                f"{self._handle(random.choice(self.table['first']), random.choice(self.table['last']))}"
                f"@{self.word('domain')}"
            ),
            "domain": lambda: "".join(random.choice(self.table[part]) for part in ("stem", "stem2", "tld")),
            "url": lambda: f"https://{self.word('sub')}{self.word('domain')}/{self.word('path')}",
            "iban": lambda: (
                random.choice(self.table["country_code"])
                + "".join(random.choices("0123456789", k=random.choice((18, 20, 22))))
            ),
            "amount": lambda: random.choice(
                (
                    f"{random.randint(5, 950)}",
                    f"{random.randint(5, 4000)}.{random.randint(10, 99)}",
                    f"{random.randint(1, 9)},{random.randint(100, 999)}",
                )
            ),
            "date": lambda: f"{random.randint(2022, 2026)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}",
            "time": lambda: f"{random.randint(0, 23):02}:{random.choice(('00', '15', '30', '45', '07', '52'))}",
            "phone": lambda: f"+{random.randint(1, 98)} {random.randint(100, 999)} {random.randint(1000, 9999)}",
            "hex": lambda: f"{random.getrandbits(32):08x}",
            "sha": lambda: f"{random.getrandbits(160):040x}",
        }
        return made[name]() if name in made else f"{{{name}}}"

    def expand(self, text: str) -> str:
        """The text with each `[this|that]` decided and each `{name}` filled; unknown names stay."""
        while match := _CHOICE.search(text):
            text = text[: match.start()] + self.random.choice(match[1].split("|")) + text[match.end() :]
        return _FILL.sub(lambda found: self.word(found[1]), text)

    def paragraphs(self, topic: dict[str, Any], shape: str) -> tuple[str, str]:
        """A title and a body of some of the topic's paragraphs, a place between any two."""
        chosen = self.random.sample(topic["paras"], k=self.random.randint(2, min(6, len(topic["paras"]))))
        join = "</p>\n@@\n<p>" if shape == "html" else "\n\n@@\n\n"
        return self.random.choice(topic["titles"]), join.join(chosen)


def _dress(random: Random, text: str) -> str:
    """The same words as people really type them: shouted, without points, misspelt, in bold."""
    draw = random.random()
    if draw < 0.05:
        return text.upper()
    if draw < 0.12:
        return text.lower()
    if draw < 0.16:
        return re.sub(r"[.,;:!?]", "", text)
    if draw < 0.22 and len(text) > 20:
        at = random.randrange(1, len(text) - 2)
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if draw < 0.26:
        mark = random.choice(("**", "*", "***", "__", "!!! ", "=== ", '"', "~~"))
        return f"{mark}{text}{mark[::-1]}"
    return text


def _records(scene: Scene, carrier: Carrier, line: str | None) -> str:
    """A few records of the carrier's fields, the line in the prose of one of them."""
    random = scene.random
    count = random.choice((1, 1, 2, 2, 3, 3, 4, 5, 7))
    names = [name for name in carrier.fields if name in carrier.prose or random.random() < 0.85]
    items = []
    for _ in range(count):
        values = ((name, carrier.fields[name]) for name in names)
        items.append({name: scene.expand(v if isinstance(v, str) else random.choice(v)) for name, v in values})
    if line is not None:
        item, name = random.choice(items), random.choice(list(carrier.prose))
        marked = f"{OPEN}{line}{CLOSE}"
        item[name] = random.choice(
            (marked, marked, marked, f"{item[name]} {marked}", f"{item[name]}\n\n{marked}", f"{marked} {item[name]}")
        )
    return render(random, items, random.choice(carrier.roots or ("results",)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def addressed(scene: Scene, book: Book) -> Line:
    """An instruction for the agent that reads it: a frame around a goal, or one written whole."""
    random = scene.random
    if random.random() < 0.58:
        style = random.choice(list(book.frames))
        goal = random.choice(book.goals[random.choice(list(book.goals))])
        if random.random() < 0.12:
            goal = f"{goal}; {random.choice(book.goals[random.choice(list(book.goals))])}"
        text = random.choice(book.frames[style]).replace("<<Goal>>", _capital(goal)).replace("<<goal>>", goal)
    else:
        style = random.choice(list(book.whole))
        text = random.choice(book.whole[style])
    return Line(text=_spell(scene, text), kind=style, attack=True)


def _spell(scene: Scene, text: str) -> str:
    """The text filled and dressed; one with something to encode keeps its letters as they are."""
    text = scene.expand(text)
    if "<b64>" not in text:
        return _dress(scene.random, text)
    return re.sub(r"<b64>(.*?)</b64>", lambda m: base64.b64encode(m[1].encode()).decode(), text, flags=re.DOTALL)


def planted(scene: Scene, book: Book, *, asked: bool) -> Line:
    """A bare request with no word of any agent: an attack, or just what the user asked for."""
    random = scene.random
    kind = random.choice([name for name in book.plain if name != "_asked"])
    items = [item.partition(" => ") for item in book.plain[kind]]
    if asked:
        items = [item for item in items if item[2]] or items
    text, _, task = random.choice(items)
    if asked and (not task or random.random() < 0.1):
        task = random.choice(book.plain["_asked"]) if "_asked" in book.plain else task
    return Line(
        text=_spell(scene, text),
        kind="asked" if asked else f"plain_{kind}",
        attack=not asked,
        task=scene.expand(task) if asked else "",
    )


def _harmless(scene: Scene, book: Book, carrier: Carrier) -> Line | None:
    """What a benign row has in the place of an attack; None for nothing."""
    random = scene.random
    draw = random.random()
    if draw < 0.26:
        return None
    if draw < 0.62:
        picked = random.sample(list(carrier.own), k=min(len(carrier.own), random.choice((1, 1, 2, 2, 3))))
        return Line(text=_spell(scene, " ".join(picked)), kind="own", attack=False)
    if draw < 0.81:
        return Line(text=_spell(scene, random.choice(book.notes)), kind="notes", attack=False)
    return planted(scene, book, asked=True)


def _task(scene: Scene, book: Book, carrier: Carrier, *, line: Line | None) -> str:
    """What the user asked for; the same draw for both classes, save where a line is harmless by its task alone."""
    random = scene.random
    if line and line.task:
        return line.task
    plain = line is not None and line.kind.startswith("plain")
    if not plain and random.random() > (0.62 if line and line.attack else 0.7):
        return ""
    draw = random.random()
    if draw < 0.1 and not plain:  # One that asks for an action does not excuse an order to the agent.
        return planted(scene, book, asked=True).task
    return scene.expand(random.choice(book.tasks if draw < 0.2 else list(carrier.tasks)))


def _text(scene: Scene, book: Book, carrier: Carrier) -> str:
    """A carrier's text with its places still open."""
    if not carrier.topic:
        return scene.expand(carrier.text)
    title, body = scene.paragraphs(book.topics[carrier.topic], carrier.shape)
    return scene.expand(carrier.text.replace("{title}", title).replace("{body}", body))


def _row(random: Random, table: dict[str, list[str]], books: dict[str, Book]) -> Row:
    scene = Scene(random, table)
    here = there = "en"
    if random.random() < FOREIGN:
        other = random.choice([lang for lang in LANGUAGES if books[lang].carriers] or ["en"])
        here, there = random.choice(((other, other), (other, other), ("en", other), (other, "en")))
    groups = {carrier.group for carrier in books[here].carriers}
    group = random.choice(sorted(groups))
    carriers = [item for item in books[here].carriers if item.group == group]
    carrier = random.choice(carriers)
    book = books[there]
    line: Line | None
    if random.random() < 0.48:
        line = addressed(scene, book) if random.random() < 0.66 else planted(scene, book, asked=False)
    else:  # A line in another language is no attack for that alone, so those that belong there come in it as well.
        line = _harmless(scene, book, carrier if here == there else random.choice(book.carriers))
    if line and line.kind == "asked" and carrier.shape == "html":
        carriers = [item for item in books["en"].carriers if item.shape != "html"]
        carrier = random.choice(carriers)
        here = "en"  # Nobody asks for what a page hides.
    if carrier.fields:
        text = _records(scene, carrier, line.text if line else None)
    else:
        text = _text(scene, books[here], carrier)
        more = [item for item in carriers if item.shape == "text" and item.text]
        if carrier.shape == "text" and more and random.random() < 0.25:  # Several mails, pages, files in one answer.
            texts = [text, *(_text(scene, books[here], random.choice(more)) for _ in range(random.choice((1, 2, 3))))]
            text = random.choice(("\n\n---\n\n", "\n\n\n", "\n\n=====\n\n")).join(random.sample(texts, k=len(texts)))
        text = envelope(random, place(random, text, line.text if line else None, shape=carrier.shape), scene.expand)
    text, span = unmark(text)
    kind = line.kind if line else "clean"
    attack = bool(line and line.attack)
    return Row(
        text=text,
        view=View.CONTENT,
        attack=attack,
        family=f"{'indirect' if attack else 'benign'}.{kind}.{carrier.group}",
        source="indirect",
        lang=here if here == there or line is None else "mixed",
        task=_task(scene, book if random.random() < 0.5 else books["en"], carrier, line=line),
        spans=(span,) if attack and span else (),
    )


def rows(random: Random) -> Iterator[Row]:
    """The rows of this recipe; the same for the same state of `random`."""
    table = words()
    books = {lang: read(lang) for lang in ("en", *LANGUAGES)}
    seen: set[str] = set()
    for _ in range(ROWS):
        row = _row(random, table, books)
        key = re.sub(r"[\d\s]", "", row.text.casefold())
        if key not in seen:
            seen.add(key)
            yield row
