"""What a training example is, whichever file or recipe it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class View(StrEnum):
    """From where a text reaches the model; each has a head of its own, because the same words mean different things."""

    USER = "user"
    CONTENT = "content"
    OUTPUT = "output"


HARMS: Final = (
    "hate",
    "harassment",
    "violence",
    "self_harm",
    "sexual",
    "weapons",
    "drugs",
    "crime",
    "cyber",
    "misinformation",
    "profanity",
)
"""The moderation categories that models learn. Sexual content about minors is none of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One example.

    Attributes:
        text: The text as a detector would get it.
        view: What it is: a user's turn; a document, mail, page or tool result; a model's answer.
        attack: Whether it attacks the model: injection, jailbreak or extraction of hidden instructions. None where
            nobody knows.
        family: How it attacks, or what kind of harmless text it is: `direct.override`, `jailbreak.persona`,
            `extraction.verbatim`, `indirect.mail`, `benign.mail`, `negative.trigger_word`.
        source: The file of the shared data or the recipe that it comes from; whole sources are held out.
        lang: Its language (ISO 639-1), `mixed` where there are several.
        task: What the user asked for when this content came back, where that is known; of a user's turn, what the
            operator had told the assistant.
        spans: Where the attack stands in the text, in characters; empty where it is all of it, or unknown.
        harms: The moderation categories that apply, empty for none. None where nobody knows.
    """

    text: str
    view: View
    attack: bool | None
    family: str
    source: str
    lang: str = "en"
    task: str = ""
    spans: tuple[tuple[int, int], ...] = ()
    harms: frozenset[str] | None = None
