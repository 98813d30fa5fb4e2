"""Attacks and their harmless twins in Chinese, Japanese, Korean, Vietnamese, Indonesian, Thai, and mixed with English.

Every language has two phrase tables: `asian_<lang>.toml` with user turns (whole texts, and grammars with their
slots) and `asian_<lang>_content.toml` with mails, pages and tool results, places in them (`@@`) and what may stand
there. In whole contents the planted part stands between `⟦` and `⟧`, and `task ⟹ content` names the task.
"""

from __future__ import annotations

import base64
import html
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from training.row import Row, View

SOURCE: Final = "asian"
SIZES: Final = {"zh": 2500, "ja": 2500, "ko": 2500, "vi": 1150, "id": 1150, "th": 900, "mixed": 1200}
"""Rows of each language, at most; what its tables cannot fill without repeating themselves is left out."""

_PHRASES: Final = Path(__file__).parent.parent / "phrases"
_SLOT: Final = re.compile(r"\{([a-z0-9_]+)\}")
_PLACE: Final = "@@"
_PATIENCE: Final = 12
_NO_HARM: Final[frozenset[str]] = frozenset()


def rows(random: Random) -> Iterator[Row]:
    """Yield the rows of all languages, those written whole first, then composed ones up to the size of each."""
    for lang, size in SIZES.items():
        yield from _rows_of(random, _load(lang), size)


def _rows_of(random: Random, book: _Book, size: int) -> Iterator[Row]:
    seen: set[str] = set()
    written = [row for row in book.whole(random) if _fresh(seen, row.text)]
    yield from written
    for view, attack, share in ((v, a, s) for v, s in ((View.USER, 0.27), (View.CONTENT, 0.23)) for a in (True, False)):
        # A few more harmless rows than attacks, because ordinary text is the more varied of the two.
        quota = int(size * share * (0.96 if attack else 1.04))
        quota -= sum(row.view is view and row.attack is attack for row in written)
        makers, weights = book.makers(view)
        for _ in range(quota * _PATIENCE):
            if quota <= 0:
                break
            row = random.choices(makers, weights)[0](random, attack)
            if row is not None and _fresh(seen, row.text):
                quota -= 1
                yield row


def _fresh(seen: set[str], text: str) -> bool:
    key = re.sub(r"[\d\s]", "", text.casefold())
    if key in seen:
        return False
    seen.add(key)
    return True


def _load(lang: str) -> _Book:
    shared, user, content = (
        tomllib.loads((_PHRASES / f"{name}.toml").read_text("utf-8"))
        for name in ("asian", f"asian_{lang}", f"asian_{lang}_content")
    )
    return _Book(lang=lang, user=user, content=content, slots=shared["slots"] | user["slots"] | content["slots"])


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, list[str]]:
    """Nested tables as one: {"direct": {"override": [...]}} becomes {"direct.override": [...]}."""
    flat: dict[str, list[str]] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _expand(random: Random, slots: Mapping[str, list[str]], pattern: str) -> str:
    """Fill the `{slot}` marks from the outside in; `{n}` and `{nn}` are numbers; a mark without a list stays."""

    def fill(match: re.Match[str]) -> str:
        if match[1] == "n":
            return str(random.randint(2, 60))
        if match[1] == "nn":
            return str(random.randint(100, 9999))
        options = slots.get(match[1])
        return _expand(random, slots, random.choice(options)) if options else match[0]

    return _SLOT.sub(fill, pattern)


def _unmark(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text without its `⟦⟧` marks, and the spans that they enclosed, in characters."""
    out, spans, start = "", [], 0
    for part in re.split(r"([⟦⟧])", text):
        if part == "⟦":
            start = len(out)
        elif part == "⟧":
            spans.append((start, len(out)))
        else:
            out += part
    return out, tuple(spans)


_Maker: TypeAlias = Callable[[Random, bool], Row | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Book:
    """The phrase tables of one language, and the ways to put rows together from them."""

    lang: str
    user: Mapping[str, Any]
    content: Mapping[str, Any]
    slots: Mapping[str, list[str]]

    def makers(self, view: View) -> tuple[list[_Maker], list[int]]:
        """The ways to compose a row of this view, and how often to use each."""
        if view is View.CONTENT:
            return [self.placed], [1]
        return [self.spoken, self.joined, self.restyled, self.encoded], [48, 28, 12, 12]

    def whole(self, random: Random) -> Iterator[Row]:
        """The texts that were written whole, as they stand."""
        for attack, name in ((True, "attack"), (False, "benign")):
            for family, texts in _flat(self.user[name]).items():
                for text in texts:
                    yield self._row(self._expanded(random, text), attack, family)
            for family, texts in _flat(self.content[name]).items():
                for text in texts:
                    task, _, body = self._expanded(random, text).rpartition("⟹")
                    body, spans = _unmark(body.strip())
                    yield self._row(body, attack, family, view=View.CONTENT, task=task.strip(), spans=spans)

    def spoken(self, random: Random, attack: bool) -> Row:
        """A user's turn from a grammar."""
        family, patterns = _weighted(random, _flat(self.user["grammar"]["attack" if attack else "benign"]))
        return self._row(self._styled(random, self._expanded(random, random.choice(patterns))), attack, family)

    def joined(self, random: Random, attack: bool) -> Row:
        """An ordinary request beside another one, which may be the attack: before, behind or around it."""
        family, text = self._drawn(random, attack)
        parts = [(self._styled(random, text), True), (self._drawn(random, False)[1], False)]
        if random.random() < 0.2:
            parts.append((self._drawn(random, False)[1], False))
        random.shuffle(parts)
        if random.random() < 0.4:
            parts.sort(key=lambda part: part[1])
        marked = [f"⟦{part}⟧" if attack and chosen else part for part, chosen in parts]
        joint = random.choice(self.user["style"]["joints"])
        body, spans = _unmark(joint.join(marked))
        return self._row(body, attack, family if attack else "several", spans=spans)

    def restyled(self, random: Random, attack: bool) -> Row:
        """A text written whole, typed by somebody else: with a greeting, an aside, slips and other punctuation."""
        family, text = self._drawn(random, attack)
        style = self.user["style"]
        head = random.choice(style["heads"]) if random.random() < 0.6 else ""
        tail = random.choice(style["tails"]) if random.random() < 0.6 else ""
        return self._row(self._styled(random, head + text + tail, 0.7), attack, family)

    def encoded(self, random: Random, attack: bool) -> Row | None:
        """A short text behind an encoding or split up, with a word on what to do with it."""
        text = self._drawn(random, attack)[1]
        if len(text) > 160:
            return None
        name, encode = random.choice(_ENCODINGS)
        code = encode(text)
        if code == text:
            return None
        wraps = self.user["style"]["wraps_attack" if attack else "wraps_benign"]
        bare = name == "" and random.random() < 0.7
        body = code if bare else self._expanded(random, random.choice(wraps))
        body = body.replace("{code}", code).replace("{method}", name or random.choice(self.user["style"]["unnamed"]))
        return self._row(body, attack, "obfuscated.encoded" if attack else "encoded")

    def placed(self, random: Random, attack: bool) -> Row:
        """A mail, page, document or tool result with something planted in it, or with an ordinary remark there."""
        carrier = random.choice(self.content["carrier"])
        plain = attack and random.random() < 0.3
        kind = "plain" if plain else "addressed" if attack else "ordinary"
        said = self._expanded(random, random.choice(self.content["plant"][kind])).strip()
        if not attack and random.random() < 0.25:
            said = ""
        if not carrier.get("json"):
            said = self._styled(random, said, 0.1)
        # What the carrier is about is the same in all of it, and in what the user asks.
        about = dict(self.slots) | {name: [random.choice(self.slots[name])] for name in ("company", "product", "city")}
        body = _expand(random, about, self._cropped(random, carrier))
        if carrier.get("json"):
            said = json.dumps(said, ensure_ascii=False)[1:-1]
        body, spans = _unmark(body.replace(_PLACE, f"⟦{said}⟧", 1).strip())
        # Plain requests need the task to be seen as foreign to it; harmless rows have one as often as attacks do.
        told = plain or random.random() < (0.5 if attack else 0.66)
        task = _expand(random, about, random.choice(carrier["tasks"])) if told else ""
        where = carrier["kind"]
        family = f"planted.{where}" if plain else f"indirect.{where}" if attack else f"content.{where}"
        return self._row(body, attack, family, view=View.CONTENT, task=task, spans=spans if attack else ())

    def _row(self, text: str, attack: bool, family: str, **more: Any) -> Row:
        family = family if attack else f"benign.{family}"
        harms = None if attack and not family.startswith("extraction") else _NO_HARM
        values: dict[str, Any] = {"view": View.USER, "harms": harms} | more
        return Row(text=text, attack=attack, family=family, source=SOURCE, lang=self.lang, **values)

    def _drawn(self, random: Random, attack: bool) -> tuple[str, str]:
        family, texts = _weighted(random, _flat(self.user["attack" if attack else "benign"]))
        return family, self._expanded(random, random.choice(texts))

    def _expanded(self, random: Random, pattern: str) -> str:
        return _expand(random, self.slots, pattern)

    def _cropped(self, random: Random, carrier: Mapping[str, Any]) -> str:
        """The carrier with some of its lines left out, so that the same one does not come back whole each time."""
        text: str = carrier["text"].strip()
        if carrier.get("json") or carrier.get("fixed"):
            return text
        lines = text.split("\n")
        return "\n".join(line for line in lines if _PLACE in line or not line.strip() or random.random() > 0.15)

    def _styled(self, random: Random, text: str, chance: float = 0.25) -> str:
        """The text as it stands, or with one of the habits of people who type fast in this language."""
        if self.lang == "zh" and random.random() < 0.18:
            text = _traditional(text, self.user["style"]["traditional"])
        if random.random() > chance:
            return text
        if random.random() < 0.12:
            return _abbreviated(self.user["style"].get("short", {}), random, text)
        return random.choice(_HABITS)(random, text)


def _weighted(random: Random, families: Mapping[str, list[str]]) -> tuple[str, list[str]]:
    """One family and its texts; extraction twice as often, since it is a quarter of what assistants meet."""
    return random.choices(list(families.items()), [1 + name.startswith("extraction") for name in families])[0]


def _traditional(text: str, pairs: str) -> str:
    return text.translate({ord(pairs[i]): pairs[i + 1] for i in range(0, len(pairs) - 1, 2)})


def _abbreviated(short: Mapping[str, str], random: Random, text: str) -> str:
    """Internet short forms of the language, each used or not."""
    for word, form in short.items():
        if random.random() < 0.8:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)" if word.isascii() else re.escape(word), form, text)
    return text


def _half_width(random: Random, text: str) -> str:
    del random
    # Normal forms would take the single letters of Korean slang apart.
    return (
        text
        if re.search("[ㄱ-ㅣ]", text)
        else unicodedata.normalize("NFKC", text).replace("。", ".").replace("、", ",")
    )


def _bare(random: Random, text: str) -> str:
    """No punctuation, or blanks instead of it."""
    return re.sub(r"[，。！？、；,.!?;]+(?=\s|\w|$)", random.choice((" ", "", " ")), text).strip()


def _swapped(random: Random, text: str) -> str:
    """Two neighbouring characters typed in the wrong order."""
    if len(text) < 12:
        return text
    at = random.randrange(2, len(text) - 3)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _dropped(random: Random, text: str) -> str:
    at = random.randrange(len(text)) if len(text) > 12 else len(text)
    return text[:at] + text[at + 1 :]


def _loud(random: Random, text: str) -> str:
    mark = random.choice(("!!!", "…", "~", "...", "!!", *(("！！", "。。。") if "。" in text else ())))
    return re.sub(r"[。.!！]+$", "", text) + mark


def _unspaced(random: Random, text: str) -> str:
    """Korean as it is typed in haste, with many of its blanks left out."""
    return re.sub(r"(?<=[가-힣]) (?=[가-힣])", lambda _: random.choice(("", "", " ")), text)


def _flattened(random: Random, text: str) -> str:
    """All on one line and in lower case."""
    del random
    return " ".join(text.lower().split())


def _toneless(random: Random, text: str) -> str:
    """Latin letters without their marks, as Vietnamese is often typed; other scripts stay."""
    del random
    if not re.search(r"[đươăâêô]", text):
        return text
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in parts if unicodedata.category(c) != "Mn")


_HABITS: Final[Sequence[Callable[[Random, str], str]]] = (
    _half_width,
    _bare,
    _swapped,
    _dropped,
    _loud,
    _unspaced,
    _flattened,
    _toneless,
)


def _percent(text: str) -> str:
    return quote(text)


def _entities(text: str) -> str:
    return "".join(f"&#{ord(c)};" for c in html.unescape(text))


def _escapes(text: str) -> str:
    return json.dumps(text)[1:-1]


def _chained(mark: str, text: str) -> str:
    return mark.join(text.replace(" ", ""))


_ENCODINGS: Final[Sequence[tuple[str, Callable[[str], str]]]] = (
    ("base64", lambda text: base64.b64encode(text.encode()).decode()),
    ("Base64", lambda text: base64.b64encode(text.encode()).decode()),
    ("hex", lambda text: text.encode().hex()),
    ("URL encode", _percent),
    ("HTML entities", _entities),
    ("unicode escape", _escapes),
    ("", lambda text: text[::-1]),
    ("", partial(_chained, " ")),
    ("", partial(_chained, ".")),
    ("", partial(_chained, "-")),
    ("", partial(_chained, "\u200b")),
    ("", partial(_chained, "/")),
)
