"""Codes that spell a text sign by sign: bits, numbers, dots and dashes, and the rarer relatives of base64.

Each is read where it stands. A run is long enough to say something, and what it says has to look like text, so that
tables of numbers, rulers and identifiers are left alone. The triggers are signs that the pass finds at no cost: a
blank, which any text has, or common letters, in the code.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase, digits
from types import MappingProxyType

from bartizan.detect.encodings import Encoding

_MIN_PADDED = 3
_LEAST_LETTERS = 4
_MOST_UNKNOWN = 5
_MIN_PRINTABLE = 0.9
_SIGNS = "\u00b7\u2022_\u2013\u2014"
_DOTS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE_CODE: Mapping[str, str] = MappingProxyType(dict(zip(_DOTS.split(), ascii_lowercase + "0123456789", strict=True)))
_DASHES = r"[._\-\x{b7}\x{2022}\x{2013}\x{2014}]{1,6}"


@dataclass(frozen=True, kw_only=True)
class Code(Encoding):
    """An encoding whose runs cannot be in a text that has too few of its signs.

    Attributes:
        signs: Characters of which a text with a run has so many.
        least: How many.
    """

    signs: str = ""
    least: int = 12

    def is_possible(self, text: str) -> bool:
        """Whether a run can be in the text."""
        return not self.signs or sum(map(text.count, self.signs)) >= self.least


def _legible(text: str) -> str | None:
    good = sum(character.isprintable() or character in "\n\r\t" for character in text)
    return text if text and good >= _MIN_PRINTABLE * len(text) else None


def _binary(run: str) -> str | None:
    bits = re.sub(r"[^01]", "", run)
    size = 8 if len(bits) % 8 == 0 else 7
    octets = bytes(int(bits[at : at + size], 2) for at in range(0, len(bits), size))
    return _legible(octets.decode("utf-8", "replace"))


def _decimal(run: str) -> str | None:
    return "".join(map(chr, map(int, re.findall(r"\d+", run))))


def _octal(run: str) -> str | None:
    return _legible("".join(chr(int(code, 8)) for code in re.findall(r"[01][0-7]{2}", run)))


def _base32(run: str) -> str | None:
    letters = run.rstrip("=")
    letters = letters[: len(letters) - (len(letters) % 8 in {1, 3, 6})]
    try:
        return _legible(base64.b32decode(letters + "=" * (-len(letters) % 8)).decode("utf-8", "replace"))
    except binascii.Error:
        return None


def _morse(run: str) -> str | None:
    for sign in _SIGNS:
        run = run.replace(sign, "." if sign in "\u00b7\u2022" else "-")
    parts = re.split(r"( {2,}|\s*[/|]\s*|\n)| ", run)
    known = ["".join(_MORSE_CODE.get(part.strip(), " ") if part else "") for part in parts]
    signs = [part for part in parts if part and part.strip(" /|\n")]
    unknown = sum(part not in _MORSE_CODE for part in signs)
    if len(set(signs)) < _LEAST_LETTERS or unknown * _MOST_UNKNOWN > len(signs):
        return None
    return "".join(known)


def _positions(run: str) -> str | None:
    parts = re.split(r"(\s*[/|]\s*|[ \n]+)|[-.,]+", run)
    return "".join(ascii_lowercase[int(part) - 1] if part and part.isdigit() else " " if part else "" for part in parts)


def _printable(run: str) -> str | None:
    return bytes.fromhex(run.replace("=", "")).decode("utf-8", "replace")


def _base85(run: str) -> str | None:
    run = run.removeprefix("<~").removesuffix("~>")
    for read in (base64.b85decode, base64.a85decode):
        try:
            text = read(run).decode()
        except ValueError:
            continue
        if text.isprintable() or "\n" in text:
            return text
    return None


def _wordwise(run: str) -> str | None:
    """Returns what words say that are each in base64; their padding gives them away."""
    tokens = run.split()
    if sum(token.endswith("=") for token in tokens) < _MIN_PADDED:
        return None
    read = []
    for token in tokens:
        try:
            read.append(base64.b64decode(token, validate=True).decode())
        except ValueError:
            read.append("")
    return " ".join(read)


CODES: tuple[Code, ...] = (
    Code(
        name="binary",
        trigger=r"0100000|0100 0000|0010 0000",
        runs=r"(?:[01]{7,8}[\s,_-]{0,2}){6,}",
        read=_binary,
        signs="01",
        least=42,
    ),
    Code(
        name="decimal",
        trigger=r"32(?: |,|, |-|;|; )1[01][0-9]",
        runs=r"(?:\b(?:1[01]\d|12[0-6]|3[2-9]|[4-9]\d|10)[\s,;-]{1,3}){11,}\d{2,3}",
        read=_decimal,
        signs=digits,
        least=24,
    ),
    Code(
        name="octal",
        trigger=r"040(?: |, |,|\\)1[0-7][0-7]|\\40\\1",
        runs=r"(?:\\?[01][0-7]{2}[\s,]{0,2}){12,}",
        read=_octal,
        signs="01234567",
        least=36,
    ),
    Code(
        name="places in the alphabet",
        trigger=r"20[-., ]8[-., ]5[-., ]|1[-., ]12[-., ]12[-., ]|25[-., ]15[-., ]21|9[-., ]14[-., ]7",
        runs=r"(?:\b(?:1\d|2[0-6]|[1-9])\b[-., /|\n]{1,3}){16,}(?:1\d|2[0-6]|[1-9])\b",
        read=_positions,
        signs=digits,
        least=16,
    ),
    Code(
        name="quoted-printable",
        trigger=r"=20=|=65=|=69=",
        runs=r"(?:=[0-9A-Fa-f]{2}){8,}",
        read=_printable,
        signs="=",
        least=8,
    ),
    Code(
        name="base85",
        trigger=r"(?:base|ascii)[-_ ]?85",
        runs=r"[!-~]{40,}",
        read=_base85,
    ),
    Code(
        name="ascii85",
        trigger="<~",
        runs=r"<~[!-uz]{15,}~>",
        read=_base85,
        signs="~",
        least=2,
    ),
    Code(
        name="base64 word by word",
        trigger=r"= [a-z0-9+/]{2,40}= |== [a-z0-9+/]{2,40}=",
        runs=r"(?:[A-Za-z0-9+/]{2,40}={0,2}[ \n]{1,2}){6,}[A-Za-z0-9+/]{2,40}={0,2}",
        read=_wordwise,
        signs="=",
        least=_MIN_PADDED,
    ),
    Code(
        name="base32",
        trigger="[a-z2-7]={3}|base-?32",
        runs=r"[A-Z2-7]{24,}={0,6}",
        read=_base32,
        signs="ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        least=20,
    ),
    Code(
        name="morse",
        trigger=r"(?:[.\-]{1,6}[ /|]){6}"
        r"|(?:\xc2\xb7|\xe2\x80\xa2)(?:\xe2\x80[\x93\x94]|-)|(?:\xe2\x80[\x93\x94]|-)(?:\xc2\xb7|\xe2\x80\xa2)",
        runs=rf"(?:{_DASHES}[ /|\n]{{1,4}}){{8,}}{_DASHES}",
        read=_morse,
        signs="-_\u00b7\u2013\u2014",
        least=6,
    ),
)
"""The codes, in no order that matters."""
