"""The ordinary side: harmless texts of every kind, among them those that share the vocabulary of attacks.

The texts stand in `phrases/ordinary*.toml`. A table has any of:

- `lexicon`: word lists by name, for the slots below.
- `block`: texts of one family, view and language: `lines` (one text a line) and `docs` (parted by lines `%%`; a first
  line `>>> ...` is the user's task that fetched the text; `<de> ` before a text is its language). `tasks` are requests
  that fit any text of the block, `times` is how often a text with slots is drawn, `harms = false` says that moderation
  labels are not known, `wrap = false` that the text is whole as it stands.
- `wrapper`: a surrounding for a text: mail, page, tool result, ticket. `form` says how the text is written in it.
- `request`: what a user says above a text that they paste, with `lang`.

A slot is `{{` directly followed by a word: `{{a|b|}}` picks one, `{{name}}` draws from the lexicon, `{{name=x}}` draws
and keeps, `{{@x}}` repeats, `{{#3-90}}` is a number. `{{ x }}` with a space is plain text.
"""

from __future__ import annotations

import html
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Final

from training.row import Row, View

SOURCE: Final = "ordinary"
PHRASES: Final = Path(__file__).parent.parent / "phrases"
LONGEST: Final = 4000
"""Texts end here, in characters."""

_SLOT: Final = re.compile(r"\{\{(?=\S)((?:(?!\{\{(?=\S)|\}\}).)*)\}\}", re.DOTALL)
_RANGE: Final = re.compile(r"#(\d+)-(\d+)\Z")
_BODY: Final = "\x00"
_WRAPPED: Final = 3.0
_PASTED: Final = 2.0
_LONG: Final = 0.8
_TURNS: Final = 4.0
"""Rows made for each text that can be used so."""
_ABROAD: Final = 0.3
"""Share of the drawn texts that are not in English."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text before its slots are filled, with what its block says about it."""

    text: str
    view: View
    family: str
    lang: str
    tasks: tuple[str, ...]
    times: int
    known: bool
    wrap: bool


@dataclass(frozen=True, slots=True)
class _Wrapper:
    text: str
    form: str
    family: str
    lang: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Phrases:
    texts: tuple[_Text, ...]
    wrappers: tuple[_Wrapper, ...]
    requests: tuple[tuple[str, str], ...]
    lexicon: Mapping[str, tuple[str, ...]]


def rows(random: Random) -> Iterator[Row]:
    """All ordinary rows, no two of them alike but for case, digits and spaces; the order is of no meaning."""
    phrases = _read()
    seen: set[str] = set()
    for make in (_plain, _pasted, _wrapped, _long, _turns):
        for row in make(phrases, random):
            key = re.sub(r"[\d\s]+", "", row.text.casefold())
            if row.text.strip() and key not in seen:
                seen.add(key)
                yield replace(row, text=row.text[:LONGEST])


def _read() -> _Phrases:
    texts: list[_Text] = []
    wrappers: list[_Wrapper] = []
    requests: list[tuple[str, str]] = []
    lexicon: dict[str, tuple[str, ...]] = {}
    for path in sorted(PHRASES.glob("ordinary*.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        for name, words in table.get("lexicon", {}).items():
            lexicon[name] = tuple(_lines(words) if isinstance(words, str) else words)
        for block in table.get("block", ()):
            texts.extend(_block(block))
        wrappers.extend(_wrapper(entry, text) for entry in table.get("wrapper", ()) for text in _docs(entry["docs"]))
        requests.extend(
            (line, entry.get("lang", "en")) for entry in table.get("request", ()) for line in _lines(entry["lines"])
        )
    return _Phrases(tuple(texts), tuple(wrappers), tuple(requests), MappingProxyType(lexicon))


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip()]


def _docs(text: str) -> list[str]:
    return [doc.strip("\n") for doc in re.split(r"^%%$", text, flags=re.MULTILINE) if doc.strip()]


def _block(block: Mapping[str, Any]) -> Iterator[_Text]:
    tasks = tuple(_lines(block.get("tasks", "")))
    for text in [*_lines(block.get("lines", "")), *_docs(block.get("docs", ""))]:
        own, body = tasks, text
        if text.startswith(">>> "):
            first, _, body = text.partition("\n")
            own = (first[4:],)
        lang = block.get("lang", "en")
        if mark := re.match(r"<(\w\w)> ", body):
            lang, body = mark[1], body[mark.end() :]
        yield _Text(
            text=body,
            view=View(block["view"]),
            family=block["family"],
            lang=lang,
            tasks=own,
            times=block.get("times", 4) if _SLOT.search(body) else 1,
            known=block.get("harms", True),
            wrap=block.get("wrap", True),
        )


def _wrapper(entry: Mapping[str, Any], text: str) -> _Wrapper:
    return _Wrapper(
        text, entry.get("form", "raw"), entry["family"], entry.get("lang", ""), tuple(_lines(entry.get("tasks", "")))
    )


def _fill(text: str, lexicon: Mapping[str, Sequence[str]], random: Random) -> str:
    """The text with its slots filled, inner ones first."""
    kept: dict[str, str] = {}

    def one(match: re.Match[str]) -> str:
        slot = str(match.group(1))
        if slot == "BODY":
            return _BODY
        if slot.startswith("@"):
            return kept[slot[1:]]
        if span := _RANGE.match(slot):
            return str(random.randint(int(span[1]), int(span[2])))
        if "|" in slot:
            return random.choice(slot.split("|"))
        name, _, keep = slot.partition("=")
        word = random.choice(lexicon[name])
        while _SLOT.search(word):
            word = _SLOT.sub(one, word)
        if keep:
            kept[keep] = word
        return word

    while _SLOT.search(text):
        text = _SLOT.sub(one, text)
    return text


def _row(item: _Text, text: str, random: Random) -> Row:
    task = random.choice(item.tasks) if item.tasks and item.view is View.CONTENT and random.random() < 0.6 else ""
    return Row(
        text=text,
        view=item.view,
        attack=False,
        family=item.family,
        source=SOURCE,
        lang=item.lang,
        task=task,
        harms=frozenset() if item.known else None,
    )


def _plain(phrases: _Phrases, random: Random) -> Iterator[Row]:
    """Each text as it stands, or as hasty writers type it."""
    for item in phrases.texts:
        for _ in range(item.times):
            text = _fill(item.text, phrases.lexicon, random)
            if item.view is View.USER and len(text) < 400 and random.random() < 0.22:
                text = _hasty(text, random)
            yield _row(item, text, random)


def _hasty(text: str, random: Random) -> str:
    """The text as typed in haste: no capitals, no stops, letters swapped, all capitals, or many signs."""
    way = random.randrange(7)
    if way <= 1:
        return text.lower()
    if way == 2:
        return re.sub(r"[.,;:!?'\"]", "", text.lower())
    if way == 3:
        return text.upper()
    if way == 4:
        return text.rstrip(".!?") + random.choice(("...", "!!", "??", "!!!", " pls", " thx", " :)", " ??"))
    if way == 5:
        return random.choice(("  ", "\n", "- ", "> ", "Q: ", "hi, ", "ok so ", "Hello!\n\n", "quick one: ")) + text
    letters = list(text)
    for _ in range(1 + len(text) // 60):
        at = random.randrange(max(1, len(letters) - 1))
        letters[at : at + 2] = reversed(letters[at : at + 2])
    return "".join(letters)


def _pool(phrases: _Phrases, keep: Callable[[_Text], bool]) -> Sequence[_Text]:
    """The texts for which `keep` holds and that may stand among others."""
    return [item for item in phrases.texts if item.wrap and keep(item)]


def _draw(pool: Sequence[_Text], random: Random) -> _Text:
    """One text. Languages other than English get their share; within a language, all texts are alike likely."""
    abroad = [item for item in pool if item.lang != "en"]
    home = [item for item in pool if item.lang == "en"]
    if not home or (abroad and random.random() < _ABROAD):
        lang = random.choice(sorted({item.lang for item in abroad}))
        return random.choice([item for item in abroad if item.lang == lang])
    return random.choice(home)


def _pasted(phrases: _Phrases, random: Random) -> Iterator[Row]:
    """A user's request with the text that it is about."""
    pool = _pool(phrases, lambda item: item.view is not View.USER or len(item.text) > 200)
    for _ in range(round(_PASTED * len(pool))):
        item = _draw(pool, random)
        request, lang = random.choice([request for request in phrases.requests if request[1] in ("en", item.lang)])
        request = _fill(request, phrases.lexicon, random)
        body = _fill(item.text, phrases.lexicon, random)[:2500]
        text = _joined(request, body, random)
        lang = lang if lang == item.lang else "mixed"
        yield _row(replace(item, view=View.USER, family="benign.pasted", lang=lang), text, random)


def _joined(request: str, body: str, random: Random) -> str:
    fences = (
        ("", ""),
        ("", ""),
        ("", ""),
        ('"', '"'),
        ('"""\n', '\n"""'),
        ("```\n", "\n```"),
        ("---\n", "\n---"),
        ("<text>\n", "\n</text>"),
    )
    left, right = random.choice(fences)
    between = random.choice(("\n\n", "\n\n", "\n", ":\n\n", " "))
    if random.random() < 0.25:
        return f"{left}{body}{right}\n\n{request}"
    return f"{request.rstrip(':.') if ':' in between else request}{between}{left}{body}{right}"


_FORMS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "raw": str,
        "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        "ascii": lambda text: json.dumps(text)[1:-1],
        "html": lambda text: "</p>\n<p>".join(html.escape(part) for part in re.split(r"\n{2,}", text)),
        "escape": html.escape,
        "quote": lambda text: text.replace("\n", "\n> "),
        "indent": lambda text: text.replace("\n", "\n    "),
        "hash": lambda text: text.replace("\n", "\n# "),
        "slash": lambda text: text.replace("\n", "\n// "),
        "star": lambda text: text.replace("\n", "\n * "),
        "plus": lambda text: text.replace("\n", "\n+"),
        "line": lambda text: " ".join(text.split()),
        "csv": lambda text: " ".join(text.split()).replace('"', '""'),
    }
)


def _wrapped(phrases: _Phrases, random: Random) -> Iterator[Row]:
    """Texts inside mails, pages, tickets and tool results, where agents meet them.

    Users' requests stay out: planted in a mail, a plain request to an assistant is an attack.
    """
    pool = _pool(phrases, lambda item: item.view is View.CONTENT)
    for _ in range(round(_WRAPPED * len(pool))):
        wrapper = random.choice(phrases.wrappers)
        item = _draw([text for text in pool if wrapper.lang in ("", text.lang)] or pool, random)
        body = _fill(item.text, phrases.lexicon, random)[:2600]
        text = _fill(wrapper.text, phrases.lexicon, random).replace(_BODY, _FORMS[wrapper.form](body))
        made = replace(item, view=View.CONTENT, family=wrapper.family, tasks=wrapper.tasks or item.tasks)
        yield _row(made, text, random)


_JOINTS: Final = (
    ("\n\n", ""),
    ("\n", "- "),
    ("\n", "{n}. "),
    ("\n\n---\n\n", ""),
    ("\n\n", "{n}) "),
    ("\n\n", "## {n}\n"),
    ("\n\n", "[{n}] "),
    ("\n</item>\n", '<item n="{n}">\n'),
    ("\n\n", "=== {n} ===\n"),
    ("\n\n", "Message {n}:\n"),
)
"""What stands between the parts of a list, and before each."""


def _long(phrases: _Phrases, random: Random) -> Iterator[Row]:
    """Several texts of one language in a row, as in digests, inboxes, search results, lists and threads."""
    pool = _pool(phrases, lambda item: item.view is not View.OUTPUT)
    for _ in range(round(_LONG * len(pool))):
        first = _draw(pool, random)
        if first.view is View.USER and random.random() < 0.5:
            continue
        alike = [item for item in pool if (item.lang, item.view) == (first.lang, first.view)]
        if first.view is View.USER or random.random() < 0.5:
            alike = [item for item in alike if item.family == first.family]
        if len(alike) < 3:
            continue
        many = random.sample(alike, min(len(alike), random.choice((2, 3, 5, 8, 12, 16, 20))))
        between, mark = random.choice(_JOINTS)
        parts = (mark.format(n=n) + _fill(item.text, phrases.lexicon, random) for n, item in enumerate(many, 1))
        kind = "benign.list" if first.view is View.USER else "benign.digest"
        yield _row(replace(first, family=kind, known=all(item.known for item in many)), between.join(parts), random)


def _turns(phrases: _Phrases, random: Random) -> Iterator[Row]:
    """A chat pasted or kept as one text: who speaks, and turns of the same language."""
    users = _pool(phrases, lambda item: item.view is View.USER and len(item.text) < 300)
    answers = _pool(phrases, lambda item: item.view is View.OUTPUT)
    speakers = (
        ("User: ", "Assistant: "),
        ("Human: ", "AI: "),
        ("Q: ", "A: "),
        ("user> ", "bot> "),
        ("**You:** ", "**Assistant:** "),
        ("<user> ", "<assistant> "),
        ("me: ", "you: "),
        ("[customer] ", "[agent] "),
    )
    for _ in range(round(_TURNS * len(answers))):
        asks, says = random.choice(speakers)
        first = _draw(answers, random)
        mine = [item for item in users if item.lang == first.lang] or users
        lines: list[str] = []
        for _turn in range(random.choice((1, 1, 2, 3))):
            lines.append(asks + _fill(_draw(mine, random).text, phrases.lexicon, random))
            lines.append(
                says
                + _fill(
                    _draw([item for item in answers if item.lang == first.lang], random).text, phrases.lexicon, random
                )
            )
        view = random.choice((View.USER, View.CONTENT))
        text = random.choice(("\n", "\n\n")).join(lines)
        made = replace(
            first,
            view=view,
            family="benign.transcript",
            known=False,
            tasks=(
                "Summarise this conversation.",
                "What did the customer want?",
                "Find where the bot answered wrongly.",
            ),
        )
        yield _row(made, text, random)
