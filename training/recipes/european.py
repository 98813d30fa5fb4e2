"""German, Spanish, French, Portuguese, Italian, Dutch, Polish, and texts that mix one of them with English.

The texts were written in their languages; they lie in `phrases/european_<lang>.toml`, one a line, `¶` for a
line end and `[[a|b]]` for a choice. Tables:

- `attack`, `benign`: what a user says, by family.
- `content_attack`, `content_benign`: mails, pages, tool results, documents, by family; `task >> ` may stand before the
  text, `⟦` and `⟧` around what was planted.
- `carrier`: the same kinds of text with a place `{X}`, which a line of `planted` or of `inserted` takes.
- `planted`: `agent` speaks to the model that reads, `request` is a plain order for which a task must be known.
- `inserted`: harmless sentences for the same places.
- `part`: sentences that grammars put together.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
import tomllib
import unicodedata
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from random import Random
from typing import Final

from training.row import Row, View

SOURCE: Final = "european"
PHRASES: Final = Path(__file__).parent.parent / "phrases"
SHARES: Final = {"de": 1.0, "es": 1.0, "fr": 1.0, "pt": 1.0, "it": 1.0, "nl": 0.45, "pl": 0.45, "mixed": 0.0}
"""How much the grammars of a language make, the large ones being 1."""

_CHOICE: Final = re.compile(r"\[\[([^\[\]]*\|[^\[\]]*)\]\]")
_ATTACKS: Final = (
    ("direct.override", ("override", "hijack")),
    ("direct.override", ("opener", "override", "forbidden")),
    ("direct.override", ("ask", "override", "hijack")),
    ("direct.override", ("context", "ask", "override", "forbidden")),
    ("direct.authority", ("authority", "override")),
    ("direct.authority", ("authority", "suppress", "forbidden")),
    ("direct.authority", ("authority", "extract")),
    ("jailbreak.fiction", ("pretext", "forbidden", "suppress")),
    ("jailbreak.fiction", ("opener", "pretext", "forbidden")),
    ("jailbreak.persona", ("persona", "suppress", "forbidden")),
    ("jailbreak.persona", ("override", "persona", "forbidden")),
    ("jailbreak.persona", ("persona", "persona_rule", "suppress", "forbidden")),
    ("direct.suppression", ("forbidden", "suppress")),
    ("direct.hijack", ("opener", "ask", "override", "hijack")),
    ("extraction.prompt", ("extract",)),
    ("extraction.prompt", ("opener", "extract")),
    ("extraction.prompt", ("ask", "extract")),
    ("extraction.prompt", ("override", "extract")),
    ("extraction.prompt", ("context", "ask", "extract", "suppress")),
    ("extraction.prompt", ("pretext", "extract")),
    ("extraction.prompt", ("authority", "context", "extract")),
    ("extraction.prompt", ("opener", "extract", "close")),
    ("extraction.prompt", ("opener", "context", "context", "ask", "constraint", "ask", "extract", "close")),
    ("jailbreak.persona", ("opener", "persona", "persona_rule", "persona_rule", "suppress", "suppress", "forbidden")),
    ("jailbreak.fiction", ("context", "pretext", "persona", "persona_rule", "suppress", "forbidden", "close")),
    ("direct.override", ("authority", "override", "override", "suppress", "suppress", "hijack", "close")),
)
_BENIGN: Final = (
    ("benign.request", ("ask",)),
    ("benign.request", ("opener", "ask")),
    ("benign.request", ("context", "ask")),
    ("benign.request", ("context", "ask", "constraint")),
    ("benign.request", ("opener", "ask", "constraint", "close")),
    ("benign.request", ("ask", "constraint", "constraint")),
    ("benign.request", ("opener", "context", "ask", "close")),
    ("benign.roleplay", ("role", "ask")),
    ("benign.roleplay", ("role", "constraint", "ask", "close")),
    ("benign.correction", ("ask", "correction")),
    ("benign.correction", ("correction", "ask", "constraint")),
    ("benign.correction", ("opener", "correction", "close")),
    ("benign.request", ("opener", "context", "context", "ask", "constraint", "ask", "constraint", "close")),
    ("benign.roleplay", ("opener", "context", "role", "constraint", "constraint", "ask", "close")),
    ("benign.roleplay", ("role", "constraint", "constraint", "constraint", "ask")),
    ("benign.correction", ("ask", "reply", "correction", "constraint", "correction", "close")),
)
_PARTS: Final = {
    "ask": "benign.request",
    "role": "benign.roleplay",
    "override": "direct.override",
    "persona": "jailbreak.persona",
    "suppress": "direct.suppression",
    "extract": "extraction.prompt",
}
"""Which texts, where they are short, are also parts."""
_SHORT: Final = 140
_NAMES: Final = ("policy", "instructions", "mode", "rules", "profile", "behavior", "notes", "config", "system")
_ENGLISH: Final = "mixed"
_BETWEEN: Final = 200
_FOLDED: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ł": "l", "Ł": "L", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"}
)
_CODES: Final[tuple[Callable[[str], str], ...]] = (
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: text.encode().hex(),
    lambda text: codecs.encode(text, "rot13"),
    lambda text: text[::-1],
    urllib.parse.quote,
    " ".join,
    lambda text: text.translate(str.maketrans("aeiostAEIOST", "431057431057")),
    lambda text: ".".join(text.replace(" ", "_")),
    lambda text: " ".join(word[::-1] for word in text.split()),
)


@dataclass(frozen=True, slots=True)
class _Content:
    text: str
    task: str


@dataclass(frozen=True, slots=True)
class _Language:
    """What was written in one language; the keys are families, or names of parts."""

    lang: str
    attack: Mapping[str, Sequence[str]]
    benign: Mapping[str, Sequence[str]]
    content_attack: Mapping[str, Sequence[_Content]]
    content_benign: Mapping[str, Sequence[_Content]]
    carrier: Mapping[str, Sequence[_Content]]
    planted: Mapping[str, Sequence[str]]
    inserted: Mapping[str, Sequence[str]]
    part: Mapping[str, Sequence[str]]


def rows(random: Random) -> Iterator[Row]:
    """All rows, no two of them alike but for case, digits and spaces."""
    seen: set[str] = set()
    read = {lang: _read(lang) for lang in SHARES if (PHRASES / f"european_{lang}.toml").exists()}
    for language in read.values():
        for row in chain(_of(language, random), _between(language, read, random)):
            key = re.sub(r"[\d\s]+", "", row.text.casefold())
            if key not in seen:
                seen.add(key)
                yield row


def _read(lang: str) -> _Language:
    table = tomllib.loads((PHRASES / f"european_{lang}.toml").read_text(encoding="utf-8"))

    def plain(name: str) -> dict[str, tuple[str, ...]]:
        return {key: tuple(_lines(text)) for key, text in table.get(name, {}).items()}

    def content(name: str) -> dict[str, tuple[_Content, ...]]:
        return {key: tuple(_content(line) for line in lines) for key, lines in plain(name).items()}

    attack, benign, part = plain("attack"), plain("benign"), plain("part")
    for name, family in _PARTS.items():
        part[name] += tuple(one for one in (attack | benign).get(family, ()) if len(one) < _SHORT)
    return _Language(
        lang=lang,
        attack=attack,
        benign=benign,
        content_attack=content("content_attack"),
        content_benign=content("content_benign"),
        carrier=content("carrier"),
        planted=plain("planted"),
        inserted=plain("inserted"),
        part=part,
    )


def _lines(text: str) -> Iterator[str]:
    return (line.strip().replace("¶", "\n") for line in text.split("\n") if line.strip())


def _content(line: str) -> _Content:
    task, mark, text = line.partition(" >> ")
    return _Content(text, task) if mark else _Content(line, "")


def _choose(text: str, random: Random) -> str:
    return _CHOICE.sub(lambda match: random.choice(match[1].split("|")), text)


def _of(language: _Language, random: Random) -> Iterator[Row]:
    yield from _written(language, random)
    yield from _written_content(language, random)
    share = SHARES[language.lang]
    for make, count in ((_sentences, 290), (_embedded, 80), (_config, 45), (_encoded, 60), (_carried, 240)):
        for attack in (True, False):
            for _ in range(round(count * share)):
                yield make(language, attack, random)


def _row(language: _Language, family: str, text: str) -> Row:
    attack = not family.startswith("benign")
    return Row(
        text=text,
        view=View.USER,
        attack=attack,
        family=family,
        source=SOURCE,
        lang=language.lang,
        harms=None if attack and not family.startswith("extraction") else frozenset(),
    )


def _written(language: _Language, random: Random) -> Iterator[Row]:
    """Each text as it was written, and once more in another dress."""
    for family, texts in chain(language.attack.items(), language.benign.items()):
        for text in texts:
            chosen = _choose(text, random)
            yield _row(language, family, chosen)
            yield _row(language, family, _dressed(language, _choose(text, random), random))


def _dressed(language: _Language, text: str, random: Random) -> str:
    """The text as another hand would have typed it: accents, case, typos, a greeting, a quote, an earlier exchange."""
    dress = random.randrange(12)
    if dress == 0:
        ask, reply = _drawn(language, "ask", random), _drawn(language, "reply", random)
        one, two = random.choice((("User", "Assistant"), ("Human", "AI"), (">", "<"), ("user", "bot"), ("Q", "A")))
        return f"{one}: {ask}\n{two}: {reply}\n{one}: {text}"
    if dress <= 3:
        said = f"{_drawn(language, 'opener', random)} {text}"
        return said if dress == 1 else f"{said} {_drawn(language, 'close', random)}"
    if dress <= 5:
        return _without_accents(text, language.lang)
    if dress <= 8:
        return _mistyped(text, random)
    if dress == 9:
        return (
            text.upper() if len(text) < 300 and random.random() < 0.5 else f"# {text}" if "\n" in text else f'"{text}"'
        )
    loose = re.sub(r"[^\w\s]", "", text.lower())
    return loose if dress == 10 else _mistyped(_without_accents(loose, language.lang), random)


def _drawn(language: _Language, part: str, random: Random) -> str:
    return _choose(random.choice(language.part[part]), random)


def _written_content(language: _Language, random: Random) -> Iterator[Row]:
    for family, texts in chain(language.content_attack.items(), language.content_benign.items()):
        for content in texts:
            before, _, rest = _choose(content.text, random).partition("⟦")
            planted, _, after = rest.partition("⟧")
            needs_task = family == "indirect.request"
            task = content.task if needs_task or random.random() < 0.6 else ""
            yield _content_row(_row(language, family, ""), _Content(f"{before}{{X}}{after}", task), planted)


def _content_row(row: Row, carrier: _Content, put: str) -> Row:
    """The row with the text of a carrier into which a text was put."""
    before, _, after = carrier.text.partition("{X}")
    spans = ((len(before), len(before) + len(put)),) if row.attack and put else ()
    return replace(row, text=before + put + after, view=View.CONTENT, task=carrier.task, spans=spans)


def _sentences(language: _Language, attack: bool, random: Random) -> Row:
    """A few sentences that a grammar puts together."""
    family, parts = random.choice(_ATTACKS if attack else _BENIGN)
    said = [_drawn(language, part, random) for part in parts]
    text = random.choice((" ", " ", " ", "\n", "\n\n")).join(said)
    return _row(language, family, _dressed(language, text, random) if random.random() < 0.35 else text)


def _any(texts: Mapping[str, Sequence[str]], random: Random) -> tuple[str, str]:
    family = random.choice(list(texts))
    return family, _choose(random.choice(texts[family]), random)


def _embedded(language: _Language, attack: bool, random: Random) -> Row:
    """Harmless requests with an attack, or with one more of their kind, at the start, in the middle or at the end."""
    family, text = _any(language.attack if attack else language.benign, random)
    others = [_any(language.benign, random)[1] for _ in range(random.randint(1, 2))]
    at = random.randint(0, len(others))
    joiner = random.choice((" ", "\n", "\n\n", "\n---\n"))
    before = "".join(one + joiner for one in others[:at])
    row = _row(language, family, joiner.join((*others[:at], text, *others[at:])))
    return replace(row, spans=((len(before), len(before) + len(text)),) if attack else ())


def _config(language: _Language, attack: bool, random: Random) -> Row:
    """Settings, system-looking blocks, policies: what they say makes the difference, not their form."""
    kinds = (
        ("override", "suppress", "persona_rule", "extract") if attack else ("constraint", "constraint", "role", "ask")
    )
    values = [_drawn(language, kind, random) for kind in random.sample(kinds, random.randint(2, 3))]
    text = _settings(values, random)
    if random.random() < 0.5:
        text += "\n\n" + _drawn(language, "forbidden" if attack else "ask", random)
    return _row(language, "direct.config" if attack else "benign.config", text)


def _settings(values: Sequence[str], random: Random) -> str:
    names = random.sample(_NAMES, len(values))
    pairs = dict(zip(names, values, strict=True))
    form = random.randrange(6)
    if form == 0:
        return json.dumps(pairs, ensure_ascii=False, indent=random.choice((None, 2)))
    if form == 1:
        return "\n".join(f"{name}: {value}" for name, value in pairs.items())
    if form == 2:
        return "\n".join(f"<{name}>{value}</{name}>" for name, value in pairs.items())
    if form == 3:
        head = random.choice(("[settings]", "[assistant]", "[chat]"))
        return "\n".join((head, *(f'{name} = "{value}"' for name, value in pairs.items())))
    if form == 4:
        head = random.choice(("### Profile", "## Rules", "**Config**"))
        return "\n".join((head, *(f"{at}. {one}" for at, one in enumerate(values, 1))))
    return "\n".join(f"- {value}" for value in values)


def _split(text: str, random: Random) -> str:
    """The text in pieces: variables, a numbered list, broken words."""
    words = text.split()
    width = random.randint(2, 4)
    pieces = [" ".join(words[at : at + width]) for at in range(0, len(words), width)]
    form = random.randrange(4)
    if form == 0:
        names = [f"{chr(97 + at % 26)}{at // 26 or ''}" for at in range(len(pieces))]
        return "\n".join((*(f'{name} = "{one}"' for name, one in zip(names, pieces, strict=True)), " + ".join(names)))
    if form == 1:
        return "\n".join(f"{at}) {one}" for at, one in enumerate(pieces, 1))
    if form == 2:
        return " | ".join(pieces)
    return " ".join(f"{word[: len(word) // 2]}-{word[len(word) // 2 :]}" if len(word) > 4 else word for word in words)


def _without_accents(text: str, lang: str) -> str:
    if lang in {"de", "pl"}:
        text = text.translate(_FOLDED)
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


def _mistyped(text: str, random: Random) -> str:
    """The text with a letter left out, doubled or swapped about every forty characters."""
    letters = list(text)
    for _ in range(1 + len(text) // 40):
        at = random.randrange(max(1, len(letters) - 1))
        if not "".join(letters[at : at + 2]).isalpha():
            continue
        kind = random.randrange(3)
        letters[at : at + 2] = (
            [letters[at + 1], letters[at]] if kind == 0 else [letters[at]] * 2 if kind == 1 else [letters[at]]
        )
    return "".join(letters)


def _encoded(language: _Language, attack: bool, random: Random) -> Row:
    """A text in an encoding or in pieces, with a sentence that says what to do with it."""
    parts = ("override", "extract", "forbidden") if attack else ("ask", "constraint", "reply")
    text = _drawn(language, random.choice(parts), random)
    said = _drawn(language, "decode_obey" if attack else "decode_read", random)
    split = random.random() < 0.4
    family = ("direct.split" if split else "direct.encoded") if attack else "benign.encoded"
    hidden = _split(text, random) if split else random.choice(_CODES)(text)
    joined = (said, hidden) if random.random() < 0.75 else (hidden, said)
    return _row(language, family, random.choice((" ", "\n", "\n\n")).join(joined))


def _carried(language: _Language, attack: bool, random: Random) -> Row:
    """A mail, page, tool result or document with something planted in it, or with a harmless sentence there."""
    kind = random.choice(list(language.carrier))
    carrier = random.choice(language.carrier[kind])
    manner = random.choice(("agent", "agent", "request"))
    put = _choose(random.choice((language.planted if attack else language.inserted)[manner]), random)
    text = _choose(carrier.text, random)
    if text.lstrip().startswith(("{", "[{")):
        put = json.dumps(put, ensure_ascii=False)[1:-1]
    if random.random() < 0.12:
        text, put = _without_accents(text, language.lang), _without_accents(put, language.lang)
    if random.random() < 0.25:
        other = _choose(
            random.choice(language.content_benign[random.choice(list(language.content_benign))]).text, random
        )
        text = random.choice((f"{text}\n\n{other}", f"{other}\n\n{text}"))
    planted_request = attack and manner == "request"
    task = carrier.task if planted_request or random.random() < 0.5 else ""
    family = ("indirect.request" if planted_request else f"indirect.{kind}") if attack else f"benign.{kind}"
    return _content_row(_row(language, family, ""), _Content(text, task), put)


def _between(mixed: _Language, read: Mapping[str, _Language], random: Random) -> Iterator[Row]:
    """Texts half English, half another language: for the table `mixed`, whose parts are English."""
    if mixed.lang != _ENGLISH:
        return
    natives = [one for lang, one in read.items() if lang != _ENGLISH]
    for attack in (True, False) * _BETWEEN:
        native = random.choice(natives)
        if random.random() < 0.3:
            planted = replace(native, lang=_ENGLISH, planted=mixed.planted, inserted=mixed.inserted)
            yield _carried(planted, attack, random)
            continue
        family, parts = random.choice(_ATTACKS if attack else _BENIGN)
        said = [_drawn(random.choice((native, mixed)), part, random) for part in parts]
        if len(said) == 1:
            said.insert(0, _drawn(mixed if said[0] in native.part[parts[0]] else native, "ask", random))
        yield _row(mixed, family, random.choice((" ", " ", "\n", "\n\n")).join(said))
