"""How the simulated model finds instructions in a text: by verb and object, sentence by sentence, in five languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import NamedTuple

import msgspec

from bartizan.core.segment import Role
from bartizan.lab.perceive import View, views
from bartizan.lab.world import file_names, read_data


class Intent(StrEnum):
    """What an instruction asks for."""

    REVEAL = "reveal"
    SAY = "say"
    SEND_MAIL = "send_mail"
    PAY = "pay"
    READ_MAIL = "read_mail"
    LIST_FILES = "list_files"
    READ_FILE = "read_file"


class Instruction(NamedTuple):
    """An imperative that was found.

    Attributes:
        argument: What to say, whom to write to, which account or file; by name.
        role: Who wrote the text in which it stands.
        disguise: How it was hidden, empty where it stood in the clear.
        signs: The techniques of persuasion around it: names of `temper.toml`.
    """

    intent: Intent
    argument: Mapping[str, str]
    role: Role
    disguise: str
    signs: frozenset[str]


class _Lexicon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    verbs: dict[str, tuple[str, ...]]
    objects: dict[str, tuple[str, ...]]
    signs: dict[str, tuple[str, ...]]
    tongues: dict[str, tuple[str, ...]]


_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[.!?][\"”])\s+|\n+")
_NEGATED = re.compile(r"(?i)\b(?:never|do not|don't|must not|nobody should)\s+(?:\w+\s+)?$")
_QUOTED = re.compile(r"[\"“«„]([^\"”»“]{1,400})[\"”»“]")
_JOINED = re.compile(
    r"[\"'“«„]([^\"'”»“]{1,80})[\"'”»“]\s+(?:and|und|et|y|e)\s+[\"'“«„]([^\"'”»“]{1,80})[\"'”»“],?\s+(?:joined|connected|verbunden|reliés|unidos|uniti)\b(.{0,40})"
)
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
_ACCOUNT = re.compile(r"\b[A-Z]{2}\d{2}(?: ?\d{2,4}){2,7}\b")
_AMOUNT = re.compile(r"\b(\d{1,9}(?:[.,]\d{1,2})?) ?(?:EUR|euros?|€)", re.IGNORECASE)
_MAILBOX = re.compile(
    r"(?i)\b(?:read|check|open|summari[sz]e|look at|go through|what)\b.{0,40}\b(?:mails?|e-?mails?|inbox|mailbox)\b"
)
_LISTING = re.compile(r"(?i)\b(?:list|which|show|what)\b.{0,20}\bfiles\b")
_ENOUGH_FOREIGN = 2


@cache
def _lexicon() -> _Lexicon:
    return msgspec.toml.decode(read_data("lexicon.toml"), type=_Lexicon)


@cache
def _words(group: str, name: str) -> re.Pattern[str]:
    """Returns a pattern for the phrases of one entry of the lexicon, whole words only."""
    phrases = getattr(_lexicon(), group)[name]
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, phrases)) + r")(?!\w)", re.IGNORECASE)


def instructions(text: str, role: Role) -> list[Instruction]:
    """Returns every instruction in the text, in reading order, those in disguise after those in the clear."""
    return [found for view in views(text) for found in _in_view(view, role)]


def signs(text: str) -> frozenset[str]:
    """Returns which techniques of persuasion a text uses."""
    found = {name for name in _lexicon().signs if _words("signs", name).search(text)}
    foreign = any(
        len({match.group().lower() for match in _words("tongues", tongue).finditer(text)}) >= _ENOUGH_FOREIGN
        for tongue in _lexicon().tongues
    )
    return frozenset(found | {"tongue"} if foreign else found)


def _in_view(view: View, role: Role) -> Iterator[Instruction]:
    around = signs(view.text)
    for sentence in _SENTENCE.split(view.text):
        for intent, argument, manner in _in_sentence(sentence):
            yield Instruction(intent, argument, role, view.disguise, around | manner)


def _in_sentence(sentence: str) -> Iterator[tuple[Intent, dict[str, str], set[str]]]:
    address, account = _ADDRESS.search(sentence), _ACCOUNT.search(sentence)
    if address and _asks(sentence, "send"):
        yield Intent.SEND_MAIL, {"to": address[0], "file": _file_in(sentence), "body": sentence.strip()}, set()
    elif account and _asks(sentence, "pay"):
        amount = _AMOUNT.search(sentence)
        yield Intent.PAY, {"account": account[0], "amount": amount[1] if amount else "100"}, set()
    elif _words("objects", "hidden").search(sentence) and (manner := _reveals(sentence)):
        yield Intent.REVEAL, {"form": _form(sentence)}, {manner}
    elif _asks(sentence, "say") and (said := _said(sentence)):
        yield Intent.SAY, {"text": said}, set()
    elif _MAILBOX.search(sentence):
        yield Intent.READ_MAIL, {}, set()
    elif _LISTING.search(sentence):
        yield Intent.LIST_FILES, {}, set()
    elif name := _file_in(sentence):
        yield Intent.READ_FILE, {"name": name}, set()


def _asks(sentence: str, verb: str) -> bool:
    match = _words("verbs", verb).search(sentence)
    return match is not None and not _NEGATED.search(sentence[: match.start()])


def _reveals(sentence: str) -> str:
    """Returns how a sentence asks for what is hidden: sideways (by transforming it), overtly, or not at all."""
    if _asks(sentence, "transform"):
        return "sideways"
    return "overt" if _asks(sentence, "reveal") else ""


def _form(sentence: str) -> str:
    """Returns in which form a text was asked for."""
    lowered = sentence.lower()
    for form, words in (
        ("base64", ("base64",)),
        ("hex", ("hex",)),
        ("rot13", ("rot13",)),
        ("reversed", ("backwards", "reverse")),
        ("spaced", ("spell", "letter by letter", "hyphens between", "spaces between")),
        ("reworded", ("own words",)),
        ("french", ("french", "französisch", "français")),
        ("summary", ("summar", "résum", "resume", "zusammen", "bullet")),
    ):
        if any(word in lowered for word in words):
            return form
    return "verbatim"


def _said(sentence: str) -> str:
    joined = _JOINED.search(sentence)
    if joined:
        tail = joined[3].lower()
        mark = "_" if "underscore" in tail or "unterstrich" in tail else "" if "nothing" in tail else "-"
        return f"{joined[1]}{mark}{joined[2]}"
    quoted = _QUOTED.findall(sentence)
    return quoted[-1] if quoted else ""


def _file_in(sentence: str) -> str:
    return next((name for name in file_names() if name in sentence), "")
