"""Encodings that hide text from a filter and not from a model, each with how a run of it is found and read."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from bartizan.detect.automaton import compile_pattern

_MIN_LETTERS = 6
_MIN_PRINTABLE = 0.9
_CUT = 3
_CONTROLS = bytes({*range(32), 127} - {9, 10, 13})
_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEX_NOISE = re.compile(r"\\x|0x|[ :,]")
_SHORT = (0xFE00, 0xFE0F)
_LONG_FIRST = 0xE0100
_TAG_FIRST, _TAG_LAST, _TAG_PLANE = 0xE0020, 0xE007E, 0xE0000


_ROT13_WORDS = (
    r"(?:gur|lbh|lbhe|naq|jvgu|gung|guvf|sebz|unir|zhfg|jvyy|fubhyq|jub|nyy|jung|jura|orsber|nafjre|erfcbafr)\b"
    r"|vtaber|qvfertneq|sbetrg|birevqr|vafgehpgvba|cerivbhf|cebzcg|flfgrz|erirny|cnffjbeq|wnvyoernx|erfgevpgvba"
)
"""Common words and words of attacks, in rot13; hardly any of them is a word of a language."""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """One way to write text.

    Attributes:
        name: What `Signal.decoded` calls it.
        trigger: What the pass looks for.
        runs: The RE2 pattern of a run, empty where the whole text is one.
        read: Returns the text of a run, or None where it holds none.
    """

    name: str
    trigger: str
    runs: str
    read: Callable[[str], str | None]

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yields start, end and decoded text of every run."""
        if not self.runs:
            decoded = self.read(text)
            if decoded is not None:
                yield 0, len(text), decoded
            return
        for match in _compiled(self.runs).finditer(text):
            start, end = match.span()
            decoded = self.read(text[start:end])
            if decoded is not None:
                yield start, end, decoded


@cache
def _compiled(pattern: str) -> Any:
    return compile_pattern(pattern)


def tags_text(text: str) -> str:
    """Returns the ASCII text that Unicode tag characters spell, without anything else."""
    return "".join(chr(ord(letter) - _TAG_PLANE) for letter in text if _TAG_FIRST <= ord(letter) <= _TAG_LAST)


def selectors_text(text: str) -> str:
    """Returns what variation selectors spell: VS1 to VS16 are the bytes 0 to 15, VS17 to VS256 are 16 to 255."""
    codes = [ord(letter) for letter in text]
    data = bytes(code - _SHORT[0] if code <= _SHORT[1] else code - _LONG_FIRST + 16 for code in codes)
    return data.decode("utf-8", "replace")


def _readable(data: bytes) -> str | None:
    """Returns bytes as text, or None where they are none: random bytes are hardly ever printable UTF-8."""
    if len(data.translate(None, _CONTROLS)) < _MIN_PRINTABLE * len(data):
        return None
    for cut in range(_CUT + 1):
        try:
            text = data[: len(data) - cut].decode()
        except UnicodeDecodeError:
            continue
        good = sum(character.isprintable() or character in "\n\r\t" for character in text)
        return text if len(text) >= _MIN_LETTERS and good >= _MIN_PRINTABLE * len(text) else None
    return None


def _read_base64(run: str) -> str | None:
    letters = run.encode().translate(_STANDARD, b"\r\n=")
    for skip in range(4):
        part = letters[skip:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        try:
            text = _readable(base64.b64decode(part + b"=" * (-len(part) % 4), validate=True))
        except (binascii.Error, ValueError):
            continue
        if text is not None:
            return text
    return None


def _read_hex(run: str) -> str | None:
    digits = _HEX_NOISE.sub("", run)
    return _readable(bytes.fromhex(digits[: len(digits) - len(digits) % 2]))


def _read_escapes(run: str) -> str | None:
    codes = re.findall(r"u\{?([0-9A-Fa-f]{4,6})", run)
    return "".join(chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else " " for code in codes)


def _changed(read: Callable[[str], str]) -> Callable[[str], str | None]:
    def reader(run: str) -> str | None:
        text = read(run)
        return text if text and text != run else None

    return reader


ENCODINGS: tuple[Encoding, ...] = (
    Encoding(
        name="base64",
        trigger=r"[A-Za-z0-9+/_-]{20}",
        runs=r"(?:[A-Za-z0-9+/]{60,76}\r?\n)*[A-Za-z0-9+/_-]{20,}={0,2}",
        read=_read_base64,
    ),
    Encoding(
        name="hex",
        trigger=r"[0-9a-f]{24}|(?:\\x[0-9a-f]{2}){3}|0x[0-9a-f]{2}[ :,]0x|(?:[4-7][0-9a-f][ :,]){3}",
        runs=r"(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ :,]?){11,}(?:\\x|0x)?[0-9A-Fa-f]{2}",
        read=_read_hex,
    ),
    Encoding(
        name="percent",
        trigger=r"%[0-9a-f]{2}",
        runs=r"[^\s\"'<>()]*%[0-9A-Fa-f]{2}[^\s\"'<>()%]*%[0-9A-Fa-f]{2}[^\s\"'<>()]*",
        read=_changed(unquote_plus),
    ),
    Encoding(
        name="escapes",
        trigger=r"(?:\\u\{?[0-9a-f]{4,6}\}?){4}",
        runs=r"(?:\\u\{?[0-9A-Fa-f]{4,6}\}?[ ]?){4,}",
        read=_read_escapes,
    ),
    Encoding(
        name="entities",
        trigger=r"(?:&#x?[0-9a-f]{1,6};[ ]?){4}",
        runs=r"(?:&#[xX]?[0-9A-Fa-f]{1,6};[ ]?){4,}",
        read=_changed(html.unescape),
    ),
    Encoding(
        name="rot13",
        trigger=rf"\b(?:{_ROT13_WORDS})",
        runs="",
        read=_changed(lambda text: codecs.encode(text, "rot13")),
    ),
    Encoding(
        name="tags",
        trigger=r"(?:\xf3\xa0[\x80\x81][\x80-\xbf]){6}",
        runs=r"[\x{E0000}-\x{E007F}]{6,}",
        read=_changed(tags_text),
    ),
    Encoding(
        name="selectors",
        trigger=r"(?:\xef\xb8[\x80-\x8f]|\xf3\xa0[\x84-\x87][\x80-\xbf]){6}",
        runs=r"[\x{FE00}-\x{FE0F}\x{E0100}-\x{E01EF}]{6,}",
        read=_changed(selectors_text),
    ),
)
"""All that the normaliser unwraps. A run is long enough to say something, so that ordinary words are left alone."""
