"""How the simulated model sees through disguises: it reads a text as it stands and each way it can be unwrapped."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_MAX_CHARS = 20_000
_MAX_RUNS = 8
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_HEX = re.compile(r"\b(?:[0-9a-fA-F]{2}){12,}\b")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
_WORD = re.compile(r"[a-z]+")
_RUN = re.compile(r"[A-Za-z0134578@$]+")
_LEET = str.maketrans("0134578@$", "oleastbas")
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһԛԝαοικνρτυ", "aeopcyxijsdhqwaoiknptu")
_PIECE = re.compile(r"(\w{1,12})\s*=\s*[\"“]([^\"”]{1,2000})[\"”]")
_SUM = re.compile(r"\b\w{1,12}(?:\s*\+\s*\w{1,12})+\b")
_COMMON = frozenset(
    {
        "the",
        "and",
        "of",
        "to",
        "your",
        "you",
        "all",
        "with",
        "a",
        "in",
        "is",
        "for",
        "that",
        "above",
        "this",
        "it",
        "reply",
    }
)
_ENOUGH_COMMON = 2


class View(NamedTuple):
    """One reading of a text; `disguise` says what was unwrapped, empty for the text as it stands."""

    text: str
    disguise: str


def views(text: str) -> Iterator[View]:
    """Yields the text as it stands, then every reading of it that differs and makes sense."""
    text = text[:_MAX_CHARS]
    yield View(text, "")
    visible = _INVISIBLE.sub("", text)
    if visible != text:
        yield View(visible, "zero-width")
    folded = unicodedata.normalize("NFKC", visible).translate(_LOOKALIKES)
    if folded != unicodedata.normalize("NFKC", visible):
        yield View(folded, "homoglyphs")
    straight = _RUN.sub(_straightened, visible)
    if straight != visible and _common(straight) > _common(visible):
        yield View(straight, "leetspeak")
    turned = codecs.encode(visible, "rot13")
    if _common(turned) >= _ENOUGH_COMMON and _common(turned) > _common(visible):
        yield View(turned, "rot13")
    else:
        yield from _turned_lines(visible)
    yield from _decoded(visible)
    pieces = {match[1]: match[2] for match in _PIECE.finditer(visible)}
    for match in list(_SUM.finditer(visible))[:_MAX_RUNS]:
        names = [name.strip() for name in match[0].split("+")]
        if all(name in pieces for name in names):
            yield View("".join(pieces[name] for name in names), "split")


def _straightened(run: re.Match[str]) -> str:
    """Reads digits as letters where they stand among letters."""
    word = run[0]
    mixed = word.translate(_LEET) != word and any(char.isalpha() for char in word)
    return word.translate(_LEET) if mixed else word


def _turned_lines(text: str) -> Iterator[View]:
    """Yields the lines that read better after ROT13: a frame in clear around a message that is not."""
    for line in text.splitlines():
        turned = codecs.encode(line, "rot13")
        if _common(turned) >= _ENOUGH_COMMON and _common(turned) > _common(line):
            yield View(turned, "rot13")


def _decoded(text: str) -> Iterator[View]:
    for match in list(_HEX.finditer(text))[:_MAX_RUNS]:
        plain = _readable(bytes.fromhex(match[0]))
        if plain:
            yield View(plain, "hex")
    for match in list(_BASE64.finditer(text))[:_MAX_RUNS]:
        run = match[0].rstrip("=")
        try:
            plain = _readable(base64.b64decode(run + "=" * (-len(run) % 4), validate=True))
        except binascii.Error:
            continue
        if plain:
            yield View(plain, "base64")


def _readable(data: bytes) -> str:
    """Returns the bytes as text where they are text, otherwise nothing."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if all(char.isprintable() or char in "\r\n\t" for char in text) else ""


def _common(text: str) -> int:
    return sum(word in _COMMON for word in _WORD.findall(text.lower()))
