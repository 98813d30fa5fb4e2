"""Ciphers of letters: shifted alphabets, other alphabets, and letters in another order.

Each is recognised by words of attacks written in it, so that nothing is deciphered without a reason; a shift that the
text itself speaks of is looked for among all. Views are of the whole text, because what is in the clear around a
cipher turns into nothing that means anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType

from bartizan.detect.encodings import Encoding
from bartizan.detect.normalise import Respelled, View
from bartizan.detect.views import mirror, splice

SIGNS = ("ignore", "previous", "instruction", "forget", "reveal", "system", "prompt")
"""Words of which most attacks hold one, long enough that hardly any is a word when it is enciphered.

They are few because the pass looks for each in every cipher.
"""
_MORE_SIGNS = (*SIGNS, "disregard", "override", "assistant", "everything", "password")
_SURE = 3
_SAMPLE = 4_000
_COMMON = frozenset(
    """
    all and are before for from have how ignore instructions must not now previous prompt reveal rules say send system
    tell that the this was what with you your
    """.split()  # noqa: SIM905  (a list of words reads better as text)
)
_UPSIDE_DOWN = "\u0250q\u0254p\u01dd\u025f\u0183\u0265\u1d09\u027e\u029el\u026fuodb\u0279s\u0287n\u028c\u028dx\u028ez"
_BRAILLE = (
    "\u2801\u2803\u2809\u2819\u2811\u280b\u281b\u2813\u280a\u281a\u2805\u2807\u280d\u281d\u2815\u280f\u281f\u2817\u280e\u281e"
    "\u2825\u2827\u283a\u282d\u283d\u2835"
)
BRAILLE: Mapping[int, int | str] = MappingProxyType(str.maketrans(_BRAILLE + "\u2800", ascii_lowercase + " "))
UPSIDE_DOWN: Mapping[int, int | str] = MappingProxyType(
    str.maketrans(_UPSIDE_DOWN, ascii_lowercase) | {ord("\u0131"): "i", ord("\u0253"): "g", ord("\u1d07"): "e"}
)
ROT47: Mapping[int, int | str] = MappingProxyType({33 + at: chr(33 + (at + 47) % 94) for at in range(94)})
ATBASH: Mapping[int, int | str] = MappingProxyType(
    str.maketrans(ascii_lowercase + ascii_uppercase, ascii_lowercase[::-1] + ascii_uppercase[::-1])
)
_WORD = re.compile(r"\w+")
_LINE = re.compile(r"[^\n]+")
_LETTERS = re.compile(r"[^\W\d_]+")
_ONSET = re.compile(r"[^aeiouAEIOU]{1,3}$")


def shifted(by: int) -> Mapping[int, int | str]:
    """Returns what each letter becomes when the alphabet is shifted `by` places on."""
    lower, upper = ascii_lowercase, ascii_uppercase
    by %= len(lower)
    return MappingProxyType(str.maketrans(lower + upper, lower[by:] + lower[:by] + upper[by:] + upper[:by]))


@dataclass(frozen=True, kw_only=True)
class Alphabet(Encoding):
    """A cipher that writes each letter as another.

    Attributes:
        letters: What each becomes when it is read.
    """

    letters: Mapping[int, int | str] = field(default_factory=dict)

    def views(self, view: View) -> Iterator[View]:
        """Yields the text read, unless it was read by such a cipher before: two of them are one."""
        if not _NAMES & set(view.how):
            yield Respelled(text=view.text.translate(dict(self.letters)), how=(*view.how, self.name), parent=view)


class Spoken(Encoding):
    """A shifted alphabet of which the text speaks: the shift that gives most common words, if it is some."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the text read, unless no shift makes it say anything."""
        if _NAMES & set(view.how):
            return
        begins = range(0, len(view.text), max(_SAMPLE, len(view.text) // 4))
        words = {word for at in begins for word in _LETTERS.findall(view.text[at : at + _SAMPLE].lower())}
        found = [
            (len({word.translate(letters) for word in words} & _COMMON), name) for name, letters in _SPOKEN.items()
        ]
        count, name = max(found)
        if count >= _SURE and count > len(words & _COMMON) // 4:
            yield Respelled(text=view.text.translate(dict(_SPOKEN[name])), how=(*view.how, name), parent=view)


class Backwards(Encoding):
    """Letters in reverse order, in lines or in words, or words in reverse order in lines."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the lines backwards, with words backwards and forwards, and the words backwards."""
        if "reversed" in view.how:
            return
        lines = _spans(_LINE, view.text)
        backwards = mirror(view, self.name, lines)
        yield backwards
        yield mirror(backwards, "", _spans(_WORD, backwards.text))
        yield mirror(view, self.name, _spans(_WORD, view.text))


def _spans(pattern: re.Pattern[str], text: str) -> Sequence[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(text)]


class UpsideDown(Encoding):
    """Letters that look like others standing on their heads, which are written from the end."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the text turned, forwards and backwards."""
        if self.name not in view.how:
            how = (*view.how, self.name)
            turned = Respelled(text=view.text.translate(dict(UPSIDE_DOWN)), how=how, parent=view)
            yield turned
            yield mirror(turned, "", _spans(_LINE, turned.text))


class PigLatin(Encoding):
    """Words whose first consonants stand at their end, before `ay`."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the text with all such words put back."""
        found = ((match, unpig(match[0])) for match in _LETTERS.finditer(view.text))
        yield from splice(view, self.name, ((*match.span(), word) for match, word in found if word != match[0]))


def unpig(word: str) -> str:
    """Returns what a word says that may be in Pig Latin; of several ways to read it one that is a known word."""
    if not word.lower().endswith("ay") or len(word) < 4:
        return word
    stem = word[:-2].lower()
    onset = _ONSET.search(stem)
    candidates = [stem[:-1]] if stem[-1] in "wy" else []
    if onset:
        candidates += [stem[-size:] + stem[:-size] for size in range(1, len(onset[0]) + 1) if size < len(stem)]
    known = [one for one in candidates if one in _COMMON or one.rstrip("s") in _MORE_SIGNS]
    return (known or candidates or [word])[0]


def pig(word: str) -> str:
    """Returns a word in Pig Latin."""
    begin = re.match(r"[^aeiou]*", word)
    size = begin.end() if begin else 0
    return word[size:] + word[:size] + "ay" if size else word + "way"


def _written(letters: Mapping[int, int | str], words: Sequence[str] = _MORE_SIGNS) -> str:
    return "|".join(re.escape(word.translate(dict(letters))) for word in words)


_SPOKEN: Mapping[str, Mapping[int, int | str]] = MappingProxyType(
    {**{f"caesar {by}": shifted(-by) for by in range(1, 26)}, "atbash": ATBASH}
)
_NAMES = frozenset({*_SPOKEN, "rot13", "rot47"})


def _alphabet(name: str, letters: Mapping[int, int | str], write: Mapping[int, int | str]) -> Alphabet:
    return Alphabet(name=name, trigger=_written(write), letters=letters)


LETTERINGS: tuple[Encoding, ...] = (
    *(_alphabet(f"caesar {by}", shifted(-by), shifted(by)) for by in range(1, 26) if by != 13),
    _alphabet("atbash", ATBASH, ATBASH),
    _alphabet("rot47", ROT47, ROT47),
    Alphabet(name="braille", trigger=r"(?:\xe2[\xa0-\xa3][\x80-\xbf]){3}", letters=BRAILLE),
    Spoken(
        name="spoken",
        trigger=r"caesar (?:cipher|shift|code)|\brot-?(?:\d|1\d|2[0-5])\b|shift cipher|\batbash\b|\bshift(?:ed)? by \d",
    ),
    Backwards(
        name="reversed",
        trigger="|".join(word[::-1] for word in _MORE_SIGNS)
        + "|instructions (?:previous|prior|above|your) (?:all )?(?:ignore|disregard|forget)",
    ),
    UpsideDown(
        name="upside down", trigger=r"(?:\xc7\x9d|\xca\x87|\xc9\xb9|\xca\x8c)[^\n]{0,20}(?:\xc7\x9d|\xca\x87|\xc9\xb9)"
    ),
    PigLatin(name="pig latin", trigger="|".join(pig(word) for word in _MORE_SIGNS)),
)
"""The ciphers of letters beside rot13."""
