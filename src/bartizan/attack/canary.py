"""Finding a planted text in an answer however it was dressed, and masking it where the answer is shown."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){8,}")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}|[\w.~-]){12,}")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\ufe00-\ufe0f\U000e0000-\U000e007f]")
_GAP = r"[\W_]{0,4}"
_MASK = "[masked]"
_MOST_TOKENS = 50


class Sighting(NamedTuple):
    """A planted text in an answer: `answer[start:end]` gives it away, `how` says in which dress."""

    start: int
    end: int
    how: str


@dataclass(frozen=True)
class Needle:
    """One planted text, compiled. A loose needle also matches with spaces, dots or line breaks in it."""

    secret: str
    pattern: re.Pattern[str]

    @classmethod
    def loose(cls, secret: str) -> Needle:
        """Returns the needle of a secret that cannot occur by chance."""
        return cls(secret, _compile(secret, gap=_GAP))

    @classmethod
    def tight(cls, secret: str) -> Needle:
        """Returns the needle of a marker made of ordinary words, which must stand as it is."""
        return cls(secret, _compile(secret, gap=""))

    def find(self, answer: str) -> Sighting | None:
        """Returns the first sighting: in the clear, reversed, in ROT13, or inside something encoded."""
        match = self.pattern.search(answer)
        if match:
            return Sighting(match.start(), match.end(), _HOW[match.lastgroup or ""])
        for start, end, how, plain in _decoded(answer):
            if self.pattern.search(plain):
                return Sighting(start, end, how)
        visible = _INVISIBLE.sub("", answer)
        if visible != answer and self.pattern.search(visible):
            return Sighting(0, len(answer), "with invisible characters in between")
        return None


_HOW: Mapping[str, str] = {"plain": "in the clear", "reversed": "reversed", "rot13": "in ROT13", "": "in the clear"}


def mask(text: str, needles: tuple[Needle, ...]) -> str:
    """Returns the text with every sighting masked."""
    for needle in needles:
        text = needle.pattern.sub(_MASK, text)
        for _ in range(_MOST_TOKENS):
            seen = needle.find(text)
            if seen is None:
                break
            text = text[: seen.start] + _MASK + text[seen.end :]
    return text


def _compile(secret: str, *, gap: str) -> re.Pattern[str]:
    letters = [char for char in secret if char.isalnum()] if gap else list(secret)
    turned = codecs.encode("".join(letters), "rot13")
    ways = {"plain": letters, "reversed": letters[::-1], "rot13": list(turned)}
    return re.compile(
        "|".join(f"(?P<{name}>{gap.join(map(re.escape, way))})" for name, way in ways.items()), re.IGNORECASE
    )


def _decoded(answer: str) -> Iterator[tuple[int, int, str, str]]:
    """Yields what the encoded runs of an answer decode to, with where they stand."""
    for match in _some(_BASE64, answer):
        run = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        data = _base64(run)
        if data:
            yield match.start(), match.end(), "in Base64", data.decode("utf-8", "replace")
    for match in _some(_HEX, answer):
        digits = re.sub("[ :]", "", match[0])
        yield match.start(), match.end(), "in hexadecimal", bytes.fromhex(digits).decode("utf-8", "replace")
    if "%" in answer:
        for match in _some(_PERCENT, answer):
            yield match.start(), match.end(), "percent-encoded", unquote(match[0])


def _some(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    for count, match in enumerate(pattern.finditer(text)):
        if count >= _MOST_TOKENS:
            return
        yield match


def _base64(run: str) -> bytes:
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4), validate=True)
    except binascii.Error:
        return b""
