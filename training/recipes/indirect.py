"""Indirect injection: mails, pages, documents and tool results, with and without a planted instruction.

A row is a carrier (hand-written text with places for a line, or records rendered as JSON, YAML, CSV ...) and, in most rows,
a line put into one of those places: an attack, or a line that belongs there. Both go through the same places, escapes
and envelopes, so that only the words and the user's task tell them apart. All wording is in `phrases/indirect_*.toml`,
named `indirect_<language>_<part>.toml`.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from training.row import Row, View

ROWS: Final = 12_000
LANGUAGES: Final = ("es", "fr", "de", "pt", "ru", "zh", "ja", "ko", "ar", "hi")
FOREIGN: Final = 0.15
"""Share of rows with something in them that is not English."""

_PHRASES: Final = Path(__file__).parent.parent / "phrases"
_OPEN, _CLOSE, _GONE = "\ue000", "\ue001", "\ue002"
_FILL: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_CHOICE: Final = re.compile(r"\[([^\[\]\n]*\|[^\[\]\n]*)\]")
_LEAD: Final = re.compile(r"(?:^|\n)([ \t]*(?:#|//|\*|--|>|;|%)?[ \t]*)$")
_EMPTY_LINE: Final = re.compile(rf"(?m)^[ \t]*(?:#|//|\*|--|>|-|;|%)?[ \t]*{_GONE}[ \t]*\n?")
_HTML: Final = (
    "<p>%s</p>",
    "<p>%s</p>",
    "<div>%s</div>",
    "<!-- %s -->",
    "<!--%s-->",
    '<div style="display:none">%s</div>',
    '<span style="font-size:0px;color:#ffffff">%s</span>',
    '<p style="color:white;font-size:1px">%s</p>',
    '<img src="/img/spacer.png" alt="%s">',
    '<meta name="description" content="%s">',
    '<span class="sr-only">%s</span>',
    '<div hidden aria-hidden="true">%s</div>',
    '<blockquote class="comment">%s</blockquote>',
    '<a href="/more" title="%s">more</a>',
    '<input type="hidden" name="note" value="%s">',
    "<small>%s</small>",
    "<li>%s</li>",
    "<noscript>%s</noscript>",
    '<script type="application/ld+json">{"description": "%s"}</script>',
    '<div style="position:absolute;left:-9999px">%s</div>',
)


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

    def word(self, name: str) -> str | None | Any:
        """What stands for `{name}`; None where nothing does."""
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
        return made[name]() if name in made else None

    def expand(self, text: str) -> str:
        """The text with each `[this|that]` decided and each `{name}` filled; unknown names stay."""
        while match := _CHOICE.search(text):
            text = text[: match.start()] + self.random.choice(match[1].split("|")) + text[match.end() :]
        return _FILL.sub(lambda found: found[0] if (word := self.word(found[1])) is None else str(word), text)

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


def _flat(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)


def _put(random: Random, text: str, line: str | None, shape: str) -> str:
    """The carrier's text with the line, marked, in one of its places and the other places closed."""
    ends = 0.2 if shape == "text" else 0.0
    if random.random() < ends:
        text = "@@\n\n" + text.replace("@@", _GONE) if random.random() < 0.4 else text.replace("@@", _GONE) + "\n\n@@"
    parts = text.split("@@")
    pick = random.randrange(len(parts) - 1) if len(parts) > 1 else -1
    out = parts[0]
    for number, part in enumerate(parts[1:]):
        lead = _LEAD.search(out)
        if number != pick or line is None:
            put = _GONE
        elif shape == "html" and lead and (not part or part.startswith("\n")):
            wrap = random.choice(_HTML)
            put = wrap.replace("%s", f"{_OPEN}{line if '--' in wrap else html.escape(_flat(line))}{_CLOSE}")
        elif shape == "html":
            put = f"{_OPEN}{html.escape(_flat(line))}{_CLOSE}"
        elif lead:
            put = f"{_OPEN}{line.replace(chr(10), chr(10) + lead[1])}{_CLOSE}"
        else:
            put = f"{_OPEN}{_flat(line)}{_CLOSE}"
        out += put + part
    out = _EMPTY_LINE.sub("", out)
    return re.sub(r"\n{3,}", "\n\n", re.sub(f" ?{_GONE}", "", out)).strip()


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
        marked = f"{_OPEN}{line}{_CLOSE}"
        item[name] = random.choice(
            (marked, marked, marked, f"{item[name]} {marked}", f"{item[name]}\n\n{marked}", f"{marked} {item[name]}")
        )
    return _render(random, items, random.choice(carrier.roots or ("results",)))


def _render(random: Random, items: list[dict[str, str]], root: str) -> str:
    """The records in one of the forms in which tools answer."""
    form = random.choice(
        ("json", "json", "compact", "repr", "repr", "yaml", "csv", "xml", "table", "lines", "lines", "jsonl")
    )
    whole: Any = items[0] if len(items) == 1 and random.random() < 0.5 else items
    if random.random() < 0.6:
        whole = random.choice(
            ({root: whole}, {"status": "ok", root: whole}, {"count": len(items), root: whole, "next": None})
        )
    if form in ("json", "compact"):
        text = json.dumps(
            whole, ensure_ascii=random.random() < 0.1, indent=random.choice((2, 4)) if form == "json" else None
        )
    elif form == "repr":
        text = repr(whole)
    elif form == "jsonl":
        text = "\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    elif form == "csv":
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(items[0]), delimiter=random.choice(",;\t"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(items)
        text = buffer.getvalue()
    elif form == "xml":
        rows = ("".join(f"\n    <{k}>{html.escape(v, quote=False)}</{k}>" for k, v in item.items()) for item in items)
        text = f"<{root}>" + "".join(f"\n  <item>{row}\n  </item>" for row in rows) + f"\n</{root}>"
    elif form == "table":
        rows = (" | ".join(_flat(value).replace("|", "/") for value in item.values()) for item in items)
        text = f"| {' | '.join(items[0])} |\n|{' --- |' * len(items[0])}\n" + "\n".join(f"| {row} |" for row in rows)
    else:
        start = "- " if form == "yaml" else ""
        quote: Callable[[str], str] = (lambda v: json.dumps(v, ensure_ascii=False)) if form == "yaml" else _flat
        blocks = (
            "\n".join(f"{'  ' if start and n else start}{k}: {quote(v)}" for n, (k, v) in enumerate(item.items()))
            for item in items
        )
        text = ("\n" if start else "\n\n").join(blocks)
    return text.replace("\\ue000", _OPEN).replace("\\ue001", _CLOSE)


def _envelope(scene: Scene, text: str) -> str:
    """What a tool puts around a text: nothing mostly, or JSON, tags, a fence, a heading."""
    random = scene.random
    if random.random() < 0.7:
        return text
    name = random.choice(("content", "text", "body", "result", "output", "page_content", "data"))
    if random.random() < 0.5:
        keys = {
            "url": scene.expand("{url}"),
            "retrieved": scene.expand("{date}T{time}"),
            "id": scene.expand("{hex}"),
            "status": "200",
        }
        chosen = {key: keys[key] for key in random.sample(list(keys), k=random.randint(0, 3))}
        return json.dumps(chosen | {name: text}, ensure_ascii=False, indent=random.choice((None, 2)))
    tag = random.choice(("tool_output", "document", "file", "result", "context", "function_results", "page"))
    return random.choice(
        (
            f"<{tag}>\n{text}\n</{tag}>",
            f"```\n{text}\n```",
            f"Observation: {text}",
            f"{name}:\n{text}",
            f"--- {scene.expand('{file}')} ---\n{text}",
            f"[1] {text}",
        )
    )


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
    text = scene.expand(text)
    if style == "encoded":
        text = re.sub(r"<b64>(.*?)</b64>", lambda m: base64.b64encode(m[1].encode()).decode(), text, flags=re.DOTALL)
    return Line(text=text if style == "encoded" else _dress(random, text), kind=style, attack=True)


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
        text=_dress(random, scene.expand(text)),
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
        return Line(text=_dress(random, scene.expand(" ".join(picked))), kind="own", attack=False)
    if draw < 0.81:
        return Line(text=_dress(random, scene.expand(random.choice(book.notes))), kind="notes", attack=False)
    return planted(scene, book, asked=True)


def _task(scene: Scene, book: Book, carrier: Carrier, line: Line | None) -> str:
    """What the user asked for; the same draw for both classes, but for lines that are harmless only with their task."""
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


def _row(random: Random, table: dict[str, list[str]], books: dict[str, Book]) -> Row:
    scene = Scene(random, table)
    here = there = "en"
    if random.random() < FOREIGN:
        other = random.choice([lang for lang in LANGUAGES if books[lang].carriers] or ["en"])
        here, there = random.choice(((other, other), (other, other), ("en", other), (other, "en")))
    groups = {carrier.group for carrier in books[here].carriers}
    group = random.choice(sorted(groups))
    carrier = random.choice([item for item in books[here].carriers if item.group == group])
    book = books[there]
    line: Line | None
    if random.random() < 0.48:
        line = addressed(scene, book) if random.random() < 0.66 else planted(scene, book, asked=False)
    else:
        line = _harmless(scene, book, carrier)
    if carrier.fields:
        text = _records(scene, carrier, line.text if line else None)
    else:
        text = carrier.text
        if carrier.topic:
            title, body = scene.paragraphs(books[here].topics[carrier.topic], carrier.shape)
            text = text.replace("{title}", title).replace("{body}", body)
        text = _envelope(scene, _put(random, scene.expand(text), line.text if line else None, carrier.shape))
        text = text.replace("\\ue000", _OPEN).replace("\\ue001", _CLOSE)
    start, end = text.find(_OPEN), text.find(_CLOSE) - 1
    kind = line.kind if line else "clean"
    attack = bool(line and line.attack)
    return Row(
        text=text.replace(_OPEN, "").replace(_CLOSE, ""),
        view=View.CONTENT,
        attack=attack,
        family=f"{'indirect' if attack else 'benign'}.{kind}.{carrier.group}",
        source="indirect",
        lang=here if here == there or line is None else "mixed",
        task=_task(scene, book if random.random() < 0.5 else books["en"], carrier, line),
        spans=((start, end),) if attack else (),
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
