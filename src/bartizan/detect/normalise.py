"""The text behind the text: views in which lookalikes are letters, invisible characters are gone and runs are decoded.

A view knows where each of its characters came from, so that a hit in it has an exact span in the segment. The table of
lookalikes is derived from Python's Unicode database (compatibility forms, accents) and, for letters of other scripts
that look Latin, from a short list of our own; it keeps to what a reader takes for a Latin letter at first sight.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import MappingProxyType

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_BLOCKS = (
    (0x00A0, 0x024F),  # Latin with accents
    (0x02B0, 0x02FF),  # modifier letters
    (0x0370, 0x03FF),  # Greek (accented forms)
    (0x1D00, 0x1DBF),  # phonetic extensions
    (0x1E00, 0x1FFF),  # Latin and Greek, extended
    (0x2000, 0x206F),  # general punctuation
    (0x2070, 0x214F),  # superscripts, letterlike
    (0x2150, 0x218F),  # number forms
    (0x2460, 0x24FF),  # enclosed
    (0x2C60, 0x2C7F),  # Latin extended C
    (0xA720, 0xA7FF),  # Latin extended D
    (0xFB00, 0xFB06),  # ligatures
    (0xFF00, 0xFFEF),  # full and half width
    (0x1D400, 0x1D7FF),  # mathematical letters
    (0x1F100, 0x1F189),  # enclosed and squared
)
_LOOKALIKES = (
    # Cyrillic
    "АAВBЕEЅSІIЈJКKМMНHОOРPСCТTУYХXаaеeѕsіiјjоoрpсcуyхxһhԁdԛqԝwӏlвBкkмmнhтtьbԌGԍgѴVѵvҮYүyҺHѓrґrӨOөoєeэeяRиn"
    # Greek
    "ΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXαaβbγyεeηnιiκkνvοoρpτtυuχxωwϲcϹCϳjσoϱp"
    # Armenian, Cherokee, Coptic, Lisu and others
    "օoհhոnսuցgքfԱUՏSՕOաwեtզqցgᎪAᏴBᏟCᎠDᎬEᏀGᎻHᎥiᎫJᏦKᏞLᎷMᏃZᎡRᏚSᎢTᏙVᎳWᏒRᏎSᎩYᏢPᲿOⲞOⲟoⲤCⲥcⲢPⲣp"
    # Lisu
    "ꓐBꓑPꓓDꓔTꓖGꓗKꓙJꓚCꓜZꓝFꓟMꓠNꓡLꓢSꓣRꓦVꓧHꓪWꓫXꓬYꓮAꓰEꓲIꓳOꓴU"
    # Latin letters and phonetic signs beyond ASCII
    "ǝeɹrʇtᴉiʞkꞁlᴎNᴙRᴣzᴢZꜲAꟻFꝚRꝹDƂbƄbƐEƖlƗIƘKƝNƟOƤPƬTƲVƳYƵZǀlɅA"
    "ıiȷjɑaɐaɓbƈcɗdđdɛeəeɡgɠgɢGɦhħhɨiɩiɪIɫlɭlłlɬlɱmɯmɲnɳnŋnɴNøoɔoɵoƥpʠqɾrɽrʀRɍrʂsƨsȿsƭtŧtʈtʉuʊuʋvʌvɯwʍwɣyʏYʐzƶz"
    "ᴀAʙBᴄCᴅDᴇEꜰFʜHᴊJᴋKʟLᴍMᴏOᴘPꞯQꜱSᴛTᴜUᴠVᴡWᴢZ"
    # punctuation that stands for ASCII punctuation
    '‐-‑-‒-–-—-―-−-‘\'’\'‚,‛\'“"”"„"‟"′\'″"‹<›>⁄/∕/∶:։:׃:ꓽ:˸:ǃ!'
)
_ALPHABETS = (
    (0x249C, "a"),  # in parentheses
    (0x1F110, "A"),  # in parentheses
    (0x1F150, "A"),  # in black circles
    (0x1F170, "A"),  # in black squares
    (0x1F1E6, "A"),  # of flags
)
"""Alphabets that have no compatibility form of one letter."""
_FRAYED = 128
"""As far from where a text was cut, in characters, what a pattern needs beside its match may be missing."""
_INVISIBLE = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
    (0x1D173, 0x1D17A), (0xE0000, 0xE007F), (0xE0100, 0xE01EF),
)  # fmt: skip


@cache
def table() -> Mapping[int, str]:
    """Returns what each character that folds becomes: ASCII letters and punctuation, or nothing."""
    folded: dict[int, str] = {}
    for first, last in _BLOCKS:
        for code in range(first, last + 1):
            plain = _plain(chr(code))
            if plain is not None:
                folded[code] = plain
    folded.update({ord(_LOOKALIKES[place]): _LOOKALIKES[place + 1] for place in range(0, len(_LOOKALIKES), 2)})
    for first, last in _INVISIBLE:
        folded.update(dict.fromkeys(range(first, last + 1), ""))
    for block, letter in _ALPHABETS:
        folded.update({block + place: chr(ord(letter) + place) for place in range(26)})
    return folded  # a plain dict, which str.translate reads several times faster than a read-only view of one


def _plain(character: str) -> str | None:
    """Returns the ASCII that a compatibility form or an accented letter stands for, or None."""
    spread = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", character))
    bare = "".join(_LATIN.get(letter, letter) for letter in spread if not unicodedata.combining(letter))
    return bare if bare and bare.isascii() and bare != character else None


_LATIN: Mapping[str, str] = MappingProxyType(
    {_LOOKALIKES[place]: _LOOKALIKES[place + 1] for place in range(0, len(_LOOKALIKES), 2)}
)


@cache
def invisible() -> Mapping[int, str]:
    """Returns the part of the table that takes characters away, which leaves every script as it is."""
    return {code: plain for code, plain in table().items() if not plain}


def triggers() -> tuple[str, str]:
    """Returns the pattern of what folds to nothing, and of what folds to letters, or to punctuation between words."""
    return _any_of(invisible()), _any_of(table().keys() - invisible().keys())


def _any_of(codes: Iterable[int]) -> str:
    ranges: list[list[int]] = []
    for code in sorted(codes):
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in ranges) + "]"


@dataclass(frozen=True, kw_only=True)
class View:
    """The text of a segment, or a window of it, that begins at `base`.

    Attributes:
        text: What it says.
        base: Where it begins in the segment.
        how: How it was hidden, outermost first.
        focus: The stretch of `text` beyond which it is the same as its parent; None where that is all of it.
    """

    text: str
    base: int = 0
    how: tuple[str, ...] = ()
    focus: tuple[int, int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns where `text[start:end]` is in the segment."""
        return self.base + start, self.base + end

    def decoded(self, start: int, end: int) -> str:  # noqa: ARG002  (a folded view looks at the span)
        """Returns how what stands at `text[start:end]` was hidden, outermost first, empty where it was not."""
        return "+".join(self.how)


@dataclass(frozen=True, kw_only=True)
class Part(View):
    """A stretch of its parent that begins at `at`."""

    parent: View
    at: int

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the same place in the parent."""
        return self.parent.span(self.at + start, self.at + end)


@dataclass(frozen=True, kw_only=True)
class Folded(View):
    """A view without lookalikes and invisible characters."""

    parent: View
    table: Mapping[int, str]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Maps through the places that the characters came from; an empty span maps to an empty one."""
        first = self._place(start)
        return self.parent.span(first, self._place(end - 1) + 1 if end > start else first)

    def decoded(self, start: int, end: int) -> str:
        """Says whether letters were replaced or only characters taken away."""
        source = self.parent.text[self._place(start) : self._place(end - 1) + 1]
        kinds = {bool(self.table[ord(character)]) for character in source if ord(character) in self.table}
        name = "homoglyphs" if True in kinds else "invisible" if kinds else ""
        return "+".join((*self.how, name) if name else self.how)

    def is_frayed(self, start: int, end: int) -> bool:
        """Whether `text[start:end]` may be a match only because the text was cut there, and shows nothing hidden."""
        parent = self.parent
        if not isinstance(parent, Part) or self.decoded(start, end) != "+".join(self.how):
            return False
        is_cut = parent.at + len(parent.text) < len(parent.parent.text)
        return (parent.at > 0 and start < _FRAYED) or (is_cut and end > len(self.text) - _FRAYED)

    def _place(self, at: int) -> int:
        """Returns where in the parent the character at `at` came from; the parent's length for the end."""
        if at >= len(self.text):
            return len(self.parent.text)
        begins, sources = self._runs
        run = bisect_right(begins, at) - 1
        source, is_plain = sources[run]
        return source + at - begins[run] if is_plain else source

    @cached_property
    def _runs(self) -> tuple[list[int], list[tuple[int, bool]]]:
        """Where runs begin here, and where in the parent, with whether they are a run of ASCII or one character."""
        begins: list[int] = []
        sources: list[tuple[int, bool]] = []
        at = last = 0
        for match in _BEYOND_ASCII.finditer(self.parent.text):
            first, end = match.span()
            begins.append(at)
            sources.append((last, True))
            at += first - last
            for place, character in enumerate(match[0], first):
                begins.append(at)
                sources.append((place, False))
                at += len(self.table.get(ord(character), character))
            last = end
        return [*begins, at], [*sources, (last, True)]


@dataclass(frozen=True, kw_only=True)
class Decoded(View):
    """A view of what one run of its parent says; a hit anywhere in it covers the run."""

    parent: View
    start: int
    end: int

    def span(self, start: int, end: int) -> tuple[int, int]:  # noqa: ARG002  (the run is one thing)
        """Returns where the run is."""
        return self.parent.span(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class Respelled(View):
    """A view of the same length as its parent, letter by letter."""

    parent: View

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the same place in the parent."""
        return self.parent.span(start, end)


def around(view: View, data: bytes, stretches: Iterable[tuple[int, int]]) -> Iterator[View]:
    """Yields parts of a view, given in bytes of its text `data` and widened to whole characters."""
    octets = characters = 0
    for first, last in stretches:
        begin, end = first, last
        while begin and data[begin] & 0xC0 == 0x80:
            begin -= 1
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
        if end - begin == len(data):
            yield view
            return
        characters += len(data[octets:begin].decode())
        octets = begin
        yield Part(text=data[begin:end].decode(), how=view.how, parent=view, at=characters)


def fold(view: View, folding: Mapping[int, str]) -> Folded:
    """Returns the view with each character of the table `folding` as what it folds to."""
    text = _BEYOND_ASCII.sub(partial(_folded, folding), view.text)
    return Folded(text=text, parent=view, how=view.how, table=folding)


def _folded(folding: Mapping[int, str], run: re.Match[str]) -> str:
    return run[0].translate(folding)


def windows(text: str, size: int, overlap: int) -> Iterator[View]:
    """Yields the text in pieces of at most `size` characters, each beginning `overlap` before the last one's end."""
    step = max(1, size - overlap)
    for base in range(0, max(1, len(text) - overlap), step):
        yield View(text=text[base : base + size], base=base)
