"""Words cut up, or partly encoded, that a reader or a renderer puts together again.

Each gives a view of the whole text in which only these stretches differ, so that a phrase may be half in the clear.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote

from bartizan.detect.automaton import encode
from bartizan.detect.encodings import Encoding, compiled
from bartizan.detect.lettering import SIGNS
from bartizan.detect.normalise import View
from bartizan.detect.views import splice

_INLINE = "abbr|big|b|code|del|em|font|ins|i|label|mark|small|span|strong|s|sub|sup|tt|u|wbr|zwnj"
_WORDS = (*SIGNS, "disregard", "override", "password", "jailbreak", "bypass", "rules", "restriction")
_LONG = 8
_SEEN_GAPS = "-. "
_BETWEEN = r"[-_.~*|/\\ \n\u00b7]"
_BETWEEN_RE2 = r"[-_.~*|/\\ \n\x{b7}]"
_TAG = re.compile(
    rf"(?<=[A-Za-z])(?:<!--[^<>]{{0,200}}-->|</?(?:{_INLINE})(?:\s[^<>]{{0,200}})?/?>){{1,8}}(?=[A-Za-z])",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&#[xX]?[0-9A-Fa-f]{1,6};|&(?:nbsp|shy|zwj|zwnj|ZeroWidthSpace|Tab|NewLine|InvisibleTimes);")
_SOFT = MappingProxyType(
    {"&shy;": "", "&zwj;": "", "&zwnj;": "", "&ZeroWidthSpace;": "", "&InvisibleTimes;": "", "&nbsp;": " "}
)
_ESCAPE = re.compile(r"\\u\{?(?:00)?([0-7][0-9A-Fa-f])\}?|\\u\{([0-7][0-9A-Fa-f])\}|\\x([0-7][0-9A-Fa-f])")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_QUOTED = re.compile(r"=\r?\n|(?:=[0-9A-F]{2})+")
_UTF7 = re.compile(r"\+([A-Za-z0-9+/]{2,4000})-?")
_SUM = re.compile(r"""(?<=[A-Za-z])(["'`])\s{0,4}(?:\+|\.{1,2}|&|\|\||\\\n)?\s{0,4}\1(?=[A-Za-z])""")


@dataclass(frozen=True, kw_only=True)
class Spelled(Encoding):
    """Stretches of a text that stand for others.

    Attributes:
        stretch: What is rewritten; takes time linear in the text.
        said: What a stretch says; the stretch itself where it says nothing else.
    """

    stretch: re.Pattern[str]
    said: Callable[[str], str]

    def views(self, view: View) -> Iterator[View]:
        """Yields the text with the stretches read."""
        read = ((match, encode(self.said(match[0])).decode()) for match in self.stretch.finditer(view.text))
        yield from splice(view, self.name, ((*match.span(), said) for match, said in read if said != match[0]))


class Split(Encoding):
    """Words of attacks with something between their parts, as in `ig-no-re`; single letters are for `Spacing`."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the text with these words put together."""
        found = ((start, end, _PARTS.split(view.text[start:end])) for start, end in self._places(view.text))
        cut = ((start, end, parts) for start, end, parts in found if len(parts) > 1 and max(map(len, parts)) > 1)
        yield from splice(view, self.name, ((start, end, "".join(parts)) for start, end, parts in cut))

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        for match in compiled(self.runs).finditer(text.encode() if text.isascii() else text):
            yield match.span()


_PARTS = re.compile(f"{_BETWEEN}+")
_CUT = r"(?i)\b(?:" + "|".join(f"{_BETWEEN_RE2}{{0,2}}".join(word) for word in _WORDS) + ")"


def _cut(word: str) -> Iterator[str]:
    """Yields the ways to cut a word once, by a blank or a sign, and a short one twice, by hyphens."""
    for first in range(1, len(word)):
        for gap in _SEEN_GAPS:
            yield re.escape(f"{word[:first]}{gap}{word[first:]}")
        for second in range(first + 1, len(word) if len(word) < _LONG else 0):
            yield f"{word[:first]}-{word[first:second]}-{word[second:]}"


def _entity(run: str) -> str:
    return _SOFT.get(run, "") if run in _SOFT else html.unescape(run)


def _escape(run: str) -> str:
    return chr(int(re.sub(r"[^0-9A-Fa-f]", "", run[1:]), 16))


def _quoted(run: str) -> str:
    return "" if run[1] in "\r\n" else bytes.fromhex(run.replace("=", "")).decode("utf-8", "replace")


def _utf7(run: str) -> str:
    letters = run[1:].removesuffix("-")
    try:
        data = binascii.a2b_base64(letters + "A" * (-len(letters) % 4))
        text = data[: len(letters) * 3 // 8 * 2].decode("utf-16-be")
    except ValueError:
        return run
    return text if text.isprintable() and text.isascii() else run


SPLICINGS: tuple[Encoding, ...] = (
    *(Split(name="split words", trigger="|".join(_cut(word)), runs=_CUT) for word in SIGNS),
    Spelled(
        name="joined strings",
        trigger=r"[a-z](?:\" ?\+ ?\"|' ?\+ ?'|\"\.\"|'\.'|\"&\"|\" & \"|\"\")[a-z]",
        stretch=_SUM,
        said=lambda _: "",
    ),
    Spelled(
        name="markup",
        trigger=r"[a-z]<!--|[a-z]<wbr|[a-z]<[a-z]{1,6}></|[a-z]</(?:b|i|u|s|em|span|font|strong)>[a-z]",
        stretch=_TAG,
        said=lambda _: "",
    ),
    Spelled(
        name="entities",
        trigger="&#x6|&#x7|&#1[01][0-9];|&#9[79];|&shy;|&zwj;|&zwnj;|&nbsp;|&zerowidthspace;",
        stretch=_ENTITY,
        said=_entity,
    ),
    Spelled(
        name="escapes",
        trigger=r"\\u00[4-7][0-9a-f]|\\x[4-7][0-9a-f]|\\u\{[4-7]",
        stretch=_ESCAPE,
        said=_escape,
    ),
    Spelled(
        name="percent",
        trigger="%6[1-9a-f][a-z]|%7[0-9a][a-z]|[a-z]%6[1-9a-f]|[a-z]%7[0-9a]",
        stretch=_PERCENT,
        said=unquote,
    ),
    Spelled(
        name="quoted-printable",
        trigger=r"=20=|=65=|=69=|[a-z]=\n[a-z]|=\r\n[a-z]",
        stretch=_QUOTED,
        said=_quoted,
    ),
    Spelled(name="UTF-7", trigger=r"\+A[E-H][a-z0-9][A-]", stretch=_UTF7, said=_utf7),
)
"""The ways to cut words up."""
