"""Encodings that hide text from a filter and not from a model, each with how a run of it is found and read."""

from __future__ import annotations

import binascii
import codecs
import html
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from bartizan.detect.automaton import compile_pattern, encode
from bartizan.detect.normalise import Decoded, Respelled, View
from bartizan.errors import LimitError

_LONG_RUN = "[A-Za-z0-9+/_-]{20}"
_SPACED_HEX = r"(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ :,]?){11,}(?:\\x|0x)?[0-9A-Fa-f]{2}"
_MIN_LETTERS = 6
_MIN_PRINTABLE = 0.9
_CUT = 3
_CONTROLS = bytes({*range(32), 127} - {9, 10, 13})
_STANDARD = bytes.maketrans(b"-_", b"+/")
_HEX_NOISE = re.compile(r"\\x|0x|[ :,]")
_PACKED = (b"\x1f\x8b\x08", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
"""How gzip and zlib data begin."""
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_MOST_UNPACKED = 1_000_000
_SHORT = (0xFE00, 0xFE0F)
_LONG_FIRST = 0xE0100
_TAG_FIRST, _TAG_LAST, _TAG_PLANE = 0xE0020, 0xE007E, 0xE0000


_ROT13_WORDS = (
    r"(?:gur|lbh|lbhe|naq|jvgu|gung|guvf|sebz|unir|zhfg|jvyy|fubhyq|jub|nyy|jung|jura|orsber|nafjre|erfcbafr)\b"
    r"|vtaber|qvfertneq|sbetrg|birevqr|vafgehpgvba|cerivbhf|cebzcg|flfgrz|erirny|cnffjbeq|wnvyoernx|erfgevpgvba"
)
"""Common words and words of attacks, in rot13; hardly any of them is a word of a language."""


class ExcessError(LimitError):
    """A run unpacks to more than is read.

    Args:
        text: Its beginning.
    """

    def __init__(self, text: str) -> None:
        super().__init__(f"compressed text of more than {_MOST_UNPACKED:,} bytes")
        self.text = text


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """One way to write text.

    Attributes:
        name: What `Signal.decoded` calls it.
        trigger: What the pass looks for.
        runs: The RE2 pattern of a run, empty where the whole text is one.
        read: Returns the text of a run, or None where it holds none.
        apart: Whether the pass is faster when it looks for the trigger by itself.
        mark: What every run holds, so that texts without it need not be searched; empty for nothing in particular.
    """

    name: str
    trigger: str
    runs: str = ""
    read: Callable[[str], str | None] = str
    apart: bool = False
    mark: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others; those that differ in their triggers only read the same."""
        return type(self).__name__, self.name, self.runs

    def views(self, view: View) -> Iterator[View]:
        """Yields what the text says when it is read."""
        how = (*view.how, self.name)
        for start, end, text in self.found(view.text):
            clean = encode(text).decode()
            if self.runs:
                yield Decoded(text=clean, how=how, parent=view, start=start, end=end)
            else:
                yield Respelled(text=clean, how=how, parent=view)

    def found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Yields start, end and decoded text of every run.

        Raises:
            LimitError: A run unpacks to more than is read; its beginning was yielded.
        """
        if not self.runs:
            decoded = self.read(text)
            if decoded is not None:
                yield 0, len(text), decoded
            return
        runs = compiled(self.runs)
        for match in runs.finditer(text.encode() if text.isascii() else text):  # RE2 counts bytes faster
            start, end = match.span()
            try:
                decoded = self.read(text[start:end])
            except ExcessError as error:
                yield start, end, error.text
                raise
            if decoded is not None:
                yield start, end, decoded


@cache
def compiled(pattern: str) -> Any:
    """Returns an RE2 pattern, compiled once."""
    return compile_pattern(pattern)


def tags_text(text: str) -> str:
    """Returns the ASCII text that Unicode tag characters spell, without anything else."""
    return "".join(chr(ord(letter) - _TAG_PLANE) for letter in text if _TAG_FIRST <= ord(letter) <= _TAG_LAST)


def selectors_text(text: str) -> str:
    """Returns what variation selectors spell: VS1 to VS16 are the bytes 0 to 15, VS17 to VS256 are 16 to 255."""
    codes = [ord(letter) for letter in text]
    data = bytes(code - _SHORT[0] if code <= _SHORT[1] else code - _LONG_FIRST + 16 for code in codes)
    return data.decode("utf-8", "replace")


def _unpacked(data: bytes) -> str | None:
    """Returns what gzip or zlib data says, or None where it says nothing; the end may be missing.

    Raises:
        ExcessError: There is more than is read.
    """
    unpack = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        plain = unpack.decompress(data, _MOST_UNPACKED)
    except zlib.error:
        return None
    if unpack.unconsumed_tail:
        raise ExcessError(_readable(plain) or "")
    return _readable(plain)


def _text(data: bytes) -> str | None:
    """Returns what bytes say as they are or, where they are compressed, unpacked."""
    unpacked = _unpacked(data) if data.startswith(_PACKED) else None
    return _readable(data) if unpacked is None else unpacked


def _readable(data: bytes) -> str | None:
    """Returns bytes as text, or None where they are none: random bytes are hardly ever printable UTF-8."""
    if len(data.translate(None, _CONTROLS)) < _MIN_PRINTABLE * len(data):
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if error.start < len(data) - _CUT:
            return None
        text = data[: error.start].decode()
    if text.isascii():  # then the controls are all that is not printable, and they have been counted
        return text if len(text) >= _MIN_LETTERS else None
    good = sum(character.isprintable() or character in "\n\r\t" for character in text)
    return text if len(text) >= _MIN_LETTERS and good >= _MIN_PRINTABLE * len(text) else None


def _read_base64(run: str) -> str | None:
    if run.islower() or run.isupper():  # no text of twenty characters is encoded in letters of one case
        return None
    letters = run.encode().translate(_STANDARD, b"\r\n=")
    for skip in range(4):
        size = len(letters) - skip
        padding = b"=" * (-size % 4)
        part = letters[skip : len(letters) - 1] if len(padding) == 3 else letters[skip:] + padding
        text = _text(binascii.a2b_base64(part))
        if text is not None:
            return text
    return None


def _read_hex(run: str) -> str | None:
    digits = _HEX_NOISE.sub("", run)
    return _text(bytes.fromhex(digits[: len(digits) - len(digits) % 2]))


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
        trigger=_LONG_RUN,
        runs=r"(?:[A-Za-z0-9+/]{60,76}\r?\n)*[A-Za-z0-9+/_-]{20,}={0,2}",
        read=_read_base64,
        apart=True,
    ),
    Encoding(
        name="hex",
        trigger=_LONG_RUN,
        runs=_SPACED_HEX,
        read=_read_hex,
        apart=True,
    ),
    Encoding(
        name="hex",
        trigger=r"(?:[4-7][0-9a-f][ :,]){3}",
        runs=_SPACED_HEX,
        read=_read_hex,
        apart=True,
    ),
    Encoding(
        name="hex",
        trigger=r"(?:\\x[0-9a-f]{2}){3}|0x[0-9a-f]{2}[ :,]0x",
        runs=_SPACED_HEX,
        read=_read_hex,
    ),
    Encoding(
        name="percent",
        mark="%",
        trigger=r"%[0-9a-f]{2}",
        runs=r"[^\s\"'<>()]*%[0-9A-Fa-f]{2}[^\s\"'<>()%]*%[0-9A-Fa-f]{2}[^\s\"'<>()]*",
        read=_changed(unquote_plus),
    ),
    Encoding(
        name="escapes",
        mark="\\u",
        trigger=r"(?:\\u\{?[0-9a-f]{4,6}\}?){4}",
        runs=r"(?:\\u\{?[0-9A-Fa-f]{4,6}\}?[ ]?){4,}",
        read=_read_escapes,
    ),
    Encoding(
        name="entities",
        mark="&#",
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
