r"""Attacks and harmless twins in Russian, Arabic, Hindi, Hinglish, Ukrainian, Turkish, Persian, and mixed with English.

Owns: how the phrase tables `training/phrases/eastern_*.toml` become rows. Does not own: any phrase.

A table has `[attack]` and `[benign]` (whole texts by family), `[patterns]` and `[parts]` (grammars), `[carriers]`
(documents with a place `@@`), and what is put there: `[planted]` (orders to the model, by aim), `[plain]`
(`task they are part of ||| request`) and `[harmless]`. One item a line; the two characters `\n` are a line break;
`$part` is replaced by an alternative of that part; `latin` says how people write the language in Latin letters.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from tomllib import loads
from typing import Final

from training.row import Row, View

SOURCE: Final = "eastern"
PHRASES: Final = Path(__file__).parent.parent / "phrases"
DRAWS: Final[Mapping[str, float]] = {
    "ru": 0.9,
    "ar": 0.9,
    "hi": 0.65,
    "hinglish": 0.5,
    "uk": 0.2,
    "tr": 0.3,
    "fa": 0.25,
}
"""How many rows the grammars of each table give, relative to the counts below."""
GRAMMAR, JOINED, ENCODED, PLACED, MIXED = 400, 270, 100, 400, 80
"""Draws for each label of grammars, joined texts, encodings, carriers, mixtures with English, before duplicates go."""

SLOT: Final = re.compile(r"\$([a-z]+2?)")
PLACE: Final = "@@"
EMPTY: Final = re.compile(rf"\s*{PLACE}")
EXTRACTION: Final = ("extraction.prompt", "extraction.context")
ATTACKS: Final[Mapping[str, str]] = {
    "override": "direct.override",
    "authority": "direct.authority",
    "persona": "jailbreak.persona",
    "fiction": "jailbreak.fiction",
    "suppression": "jailbreak.suppression",
    "policy": "direct.policy",
    "hijack": "direct.hijack",
    "extraction": EXTRACTION[0],
    "context": EXTRACTION[1],
    "encoded": "encoded.written",
}
BENIGN: Final[Mapping[str, str]] = {
    "ordinary": "benign.ordinary",
    "trigger": "negative.trigger_word",
    "roleplay": "benign.roleplay",
    "prompts": "negative.about_prompts",
    "security": "negative.security",
    "code": "benign.code",
    "short": "benign.short",
    "work": "benign.work",
}
CARELESS: Final[Mapping[str, Mapping[int, int | None]]] = {
    "ru": str.maketrans("ёЁ", "еЕ"),
    "uk": str.maketrans("'’ґ", "ььг"),
    "ar": str.maketrans("أإآةى", "اااهي", "ًٌٍَُِّْ"),
    "fa": str.maketrans("\u200cیک", " يك"),
    "hi": str.maketrans("।", ".", "़"),
    "tr": str.maketrans("ığüşöçİĞÜŞÖÇ", "igusocIGUSOC"),
    "hinglish": {},
    "mixed": {},
}
"""How people of each language write in haste: plain letters for marked ones, wrong but common spellings."""
HTML: Final = (
    ("<p>", "</p>"),
    ("<!-- ", " -->"),
    ('<span style="display:none">', "</span>"),
    ("<li>", "</li>"),
    ('<div class="note">', "</div>"),
)
WORDS: Final = (
    "info",
    "desk",
    "maria",
    "ops",
    "north",
    "blue",
    "office",
    "anton",
    "sales",
    "amir",
    "leyla",
    "post",
    "kedr",
)
"""Of which addresses are made."""


@dataclass(frozen=True, slots=True)
class Pack:
    """One phrase table, read."""

    name: str
    lang: str
    attack: Mapping[str, Sequence[str]]
    benign: Mapping[str, Sequence[str]]
    patterns: Mapping[str, Sequence[tuple[str, str]]]
    parts: Mapping[str, Sequence[str]]
    planted: Mapping[str, Sequence[str]]
    plain: Sequence[tuple[str, str]]
    harmless: Sequence[str]
    carriers: Mapping[str, Sequence[tuple[Sequence[str], str]]]
    latin: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Insert:
    """What is put into a carrier: the text, its family, whether it attacks, and the task that it would belong to."""

    text: str
    family: str
    attack: bool
    task: str | None = None


def lines(block: str) -> list[str]:
    """Give the items of a block: one a line, blank lines left out."""
    return [line.strip().replace("\\n", "\n") for line in block.splitlines() if line.strip()]


def pairs(block: str, mark: str) -> list[tuple[str, str]]:
    """Give the items of a block whose lines hold two things."""
    return [(first, second) for first, _, second in (line.partition(mark) for line in lines(block))]


def load(name: str) -> Pack:
    """Read one table; grammars and carriers may be absent.

    Raises:
        KeyError: A family that this recipe does not know.
    """
    data = loads((PHRASES / f"{SOURCE}_{name}.toml").read_text("utf-8"))
    return Pack(
        name=name,
        lang=data["lang"],
        attack={ATTACKS[key]: lines(block) for key, block in data["attack"].items()},
        benign={BENIGN[key]: lines(block) for key, block in data["benign"].items()},
        patterns={key: pairs(block, ": ") for key, block in data.get("patterns", {}).items()},
        # An empty line among the parts is an alternative, and their spaces at the edges count.
        parts={
            key: [part.replace("\\n", "\n") for part in block.removesuffix("\n").split("\n")]
            for key, block in data["parts"].items()
        },
        planted={f"indirect.{key}": lines(block) for key, block in data.get("planted", {}).items()},
        plain=pairs(data.get("plain", {}).get("lines", ""), " ||| "),
        harmless=lines(data.get("harmless", {}).get("lines", "")),
        carriers={
            kind: [(tasks.split(" / "), text) for tasks, text in pairs(block, " ||| ")]
            for kind, block in data.get("carriers", {}).items()
        },
        latin=dict(pair.split("=") for pair in data.get("latin", "").split()),
    )


def fill(text: str, pack: Pack, random: Random) -> str:
    """Replace each slot by an alternative; what is no part's name stays."""
    made = {
        "num": lambda: str(random.randint(12, 98765)),
        "date": lambda: f"{random.randint(1, 28)}.{random.randint(1, 12):02}.{random.choice(['2024', '2025', '2026'])}",
        "mail": lambda: (
            f"{random.choice(WORDS)}.{random.choice(WORDS)}{random.randint(1, 99)}@{random.choice(WORDS)}.example"
        ),
        "domain": lambda: f"{random.choice(WORDS)}-{random.choice(WORDS)}.example",
    }

    def pick(match: re.Match[str]) -> str:
        key = match[1]
        if key in made:
            return made[key]()
        return random.choice(pack.parts[key]) if key in pack.parts else match[0]

    for _ in range(3):
        text = SLOT.sub(pick, text)
    return text.strip()


def haste(text: str, pack: Pack, random: Random) -> str:
    """Write the text as people in a hurry do: typos, lost marks, other case and punctuation. Alike for both labels."""
    swap = random.randrange(len(text) - 1) if len(text) > 8 else 0
    ways: list[Callable[[], str]] = [
        lambda: text.translate(CARELESS[pack.name]),
        lambda: text.rstrip(".?!।؟"),
        lambda: re.sub(r"[,.!?،؛؟।]", "", text),
        lambda: text.rstrip(".") + random.choice(["!!", "...", "??", " :)", " !", "…", ")))", " 🙏", "\n", "!!!1"]),
        lambda: text[:swap] + text[swap : swap + 2][::-1] + text[swap + 2 :],
        lambda: text[:swap] + text[swap + 1 :],
        lambda: text[:swap] + text[swap : swap + 1] + text[swap:],
        lambda: text.replace(" ", "  ", 3),
        lambda: f"«{text}»" if random.random() < 0.5 else f'"{text}"',
        lambda: f"> {text}",
        lambda: f"- {text}",
        lambda: text.upper() if len(text) < 160 and random.random() < 0.4 else text.lower(),
    ]
    for _ in range(random.randint(1, 2)):
        text = random.choice(ways)()
    return text


def user(text: str, pack: Pack, family: str, *, attack: bool) -> Row:
    """Make the row of a user's turn: extraction and harmless texts do no harm, of other attacks nobody knows."""
    harms = None if attack and family not in EXTRACTION else frozenset[str]()
    return Row(text=text, view=View.USER, attack=attack, family=family, source=SOURCE, lang=pack.lang, harms=harms)


def flat(families: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Give all (family, text)."""
    return [(family, text) for family, texts in families.items() for text in texts]


def written(pack: Pack, random: Random) -> Iterator[Row]:
    """Yield each text as it was written, and half of them once more in haste."""
    for attack, families in ((True, pack.attack), (False, pack.benign)):
        for family, text in flat(families):
            ready = fill(text, pack, random)
            yield user(ready, pack, family, attack=attack)
            if random.random() < 0.5:
                yield user(haste(ready, pack, random), pack, family, attack=attack)


def grown(pack: Pack, random: Random, count: int) -> Iterator[Row]:
    """Yield texts of the grammars."""
    for label, attack in (("attack", True), ("benign", False)):
        for _ in range(count):
            family, pattern = random.choice(pack.patterns[label])
            text = re.sub(r" {2,}", " ", fill(pattern, pack, random))
            yield user(haste(text, pack, random) if random.random() < 0.3 else text, pack, family, attack=attack)


def joined(pack: Pack, random: Random, count: int) -> Iterator[Row]:
    """Yield an attack among harmless texts, with its place; as a twin, as many harmless texts in a row."""
    harmless, attacks = flat(pack.benign), flat(pack.attack)
    for attack in (True, False):
        for _ in range(count):
            around = [fill(text, pack, random) for _, text in random.sample(harmless, random.randint(1, 3))]
            family, core = random.choice(attacks if attack else harmless)
            core, place, gap = (
                fill(core, pack, random),
                random.randint(0, len(around)),
                random.choice(["\n\n", "\n", " "]),
            )
            start = sum(len(text) + len(gap) for text in around[:place])
            row = user(gap.join([*around[:place], core, *around[place:]]), pack, family, attack=attack)
            yield replace(row, spans=((start, start + len(core)),)) if attack else row


def encoded(pack: Pack, random: Random, count: int) -> Iterator[Row]:
    """Yield texts in codes, with words around them (`wrap` orders, `unwrap` asks), and romanised without."""
    codes: dict[str, Callable[[str], str]] = {
        "encoded.base64": lambda text: b64encode(text.encode()).decode(),
        "encoded.hex": lambda text: text.encode().hex(),
        "encoded.reversed": lambda text: text[::-1],
        "encoded.spaced": lambda text: random.choice([" ", ".", "-", "_"]).join(text.replace(" ", "")),
        "encoded.split": lambda text: random.choice([" + ", " | ", " … "]).join(f'"{word}"' for word in text.split()),
        "encoded.escaped": lambda text: json.dumps(text)[1:-1],
    }
    for attack, families, part in ((True, pack.attack, "wrap"), (False, pack.benign, "unwrap")):
        short = [text for _, text in flat(families) if len(text) < 110]
        for _ in range(count):
            text = fill(random.choice(short), pack, random)
            if pack.latin and random.random() < 0.4:
                code, ready = "encoded.romanised", "".join(pack.latin.get(letter, letter) for letter in text.lower())
            else:
                code = random.choice(list(codes))
                ready = fill(random.choice(pack.parts[part]), pack, random).replace("%%", codes[code](text))
            yield user(ready, pack, code if attack else f"benign.{code}", attack=attack)


def mixtures(pack: Pack, english: Sequence[str], random: Random) -> Iterator[Row]:
    """Yield texts of the language with English beside them."""
    for attack, families in ((True, pack.attack), (False, pack.benign)):
        for family, text in random.choices(flat(families), k=int(MIXED * DRAWS[pack.name])):
            parts = [fill(text, pack, random), random.choice(english)]
            random.shuffle(parts)
            yield replace(user(random.choice([" ", "\n"]).join(parts), pack, family, attack=attack), lang="mixed")


def dressed(insert: str, carrier: str, random: Random) -> tuple[str, str, str]:
    """Give what stands before the insert, the insert as the format needs it, and what stands after."""
    if carrier.lstrip()[:1] in "{[" and '"' in carrier:
        return "", json.dumps(insert, ensure_ascii=False)[1:-1], ""
    if "</" in carrier:
        before, after = random.choice(HTML)
        return before, insert, after
    before, after = random.choice([("", "")] * 6 + [("(", ")"), ("\n\n", "\n\n"), ("** ", " **"), ("\n", "\n")])
    return before, insert, after


def place(pack: Pack, random: Random, insert: Insert | None) -> Row:
    """Make a row of a document, page, mail or tool result, with the insert in its place."""
    kind = random.choice(list(pack.carriers))
    tasks, carrier = random.choice(pack.carriers[kind])
    if insert is None:
        carrier = EMPTY.sub("", carrier)
    left, _, right = (fill(half, pack, random) if half else "" for half in carrier.partition(PLACE))
    left, right = carrier_edges(carrier, left, right)
    if kind != "json" and random.random() < 0.25:
        extra = fill(EMPTY.sub("", random.choice(pack.carriers[kind])[1]), pack, random)
        rule = "\n\n---\n\n"
        left, right = (extra + rule + left, right) if random.random() < 0.5 else (left, right + rule + extra)
    before, middle, after = dressed(insert.text, carrier, random) if insert else ("", "", "")
    start = len(left) + len(before)
    task = random.choice(tasks) if random.random() < 0.5 else ""
    if insert and insert.task is not None:
        task = random.choice(tasks) if insert.attack else insert.task
    attack = insert is not None and insert.attack
    return Row(
        text=left + before + middle + after + right,
        view=View.CONTENT,
        attack=attack,
        family=insert.family if insert and (attack or insert.task is not None) else f"benign.{kind}",
        source=SOURCE,
        lang=pack.lang,
        task=task,
        spans=((start, start + len(middle)),) if attack else (),
        harms=None if attack else frozenset(),
    )


def carrier_edges(carrier: str, left: str, right: str) -> tuple[str, str]:
    """Give both halves the white space that stood around the place, which filling strips."""
    raw_left, _, raw_right = carrier.partition(PLACE)
    return left + raw_left[len(raw_left.rstrip()) :], raw_right[: len(raw_right) - len(raw_right.lstrip())] + right


def placed(pack: Pack, random: Random, count: int) -> Iterator[Row]:
    """Yield carriers with orders to the model, requests beside the task, what belongs there, and empty ones."""
    planted = flat(pack.planted)

    def ordered() -> Insert:
        family, text = random.choice(planted)
        return Insert(fill(text, pack, random), family, attack=True)

    def requested(*, attack: bool) -> Insert:
        task, text = random.choice(pack.plain)
        family = "indirect.plain" if attack else "benign.on_task"
        return Insert(fill(text, pack, random), family, attack=attack, task=task)

    def belonging() -> Insert:
        return Insert(fill(random.choice(pack.harmless), pack, random), "", attack=False)

    makers: tuple[tuple[float, Callable[[], Insert | None]], ...] = (
        (0.75, ordered),
        (0.25, partial(requested, attack=True)),
        (0.15, partial(requested, attack=False)),
        (0.7, belonging),
        (0.2, lambda: None),
    )
    for share, maker in makers:
        for _ in range(int(share * count)):
            yield place(pack, random, maker())


def squash(text: str) -> str:
    """Give what two texts share that differ in case, digits and white space only."""
    return re.sub(r"[\d\s]+", "", text.casefold())


def rows(random: Random) -> Iterator[Row]:
    """Yield all rows, no two alike but for case, digits and white space.

    Args:
        random: All choices come from it.
    """
    seen: set[str] = set()
    mixed = load("mixed")
    streams = [written(mixed, random)]
    for name, share in DRAWS.items():
        pack = load(name)
        streams += [
            written(pack, random),
            grown(pack, random, int(GRAMMAR * share)),
            joined(pack, random, int(JOINED * share)),
            encoded(pack, random, int(ENCODED * share)),
            mixtures(pack, mixed.parts["english"], random),
            placed(pack, random, int(PLACED * share)),
        ]
    for row in (row for stream in streams for row in stream):
        key = squash(row.text)
        if key and key not in seen:
            seen.add(key)
            yield row
