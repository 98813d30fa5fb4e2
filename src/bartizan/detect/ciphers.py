"""The ways in which an answer may say something without saying it: codes, ciphers and letters apart.

Codes are read where they stand. Ciphers are recognised by the words of the text that is looked for, enciphered: an
ordinary answer holds none of them, so that nothing is deciphered without a reason.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from string import ascii_lowercase, digits
from types import MappingProxyType
from typing import Any, NamedTuple

from bartizan.detect.automaton import compile_pattern
from bartizan.detect.encodings import ENCODINGS
from bartizan.detect.sentences import STOP, Words, words

_MIN_WORD = 5
_MIN_SIGNS = 3
_MOST_WORDS = 400
_DEPTH = 2
_MAX_RUNS = 200
_BINARY = compile_pattern(r"(?:[01]{7,8}[\s,_-]{0,2}){6,}")
_DECIMAL = compile_pattern(r"(?:\b(?:1[01]\d|12[0-6]|3[2-9]|[4-9]\d|10)[\s,;-]{1,3}){11,}\d{2,3}")
_BASE32 = compile_pattern(r"[A-Z2-7]{24,}={0,6}")
_DASHES = r"[._\-\x{b7}\x{2022}\x{2013}\x{2014}]{1,6}"
_MORSE = compile_pattern(rf"(?:{_DASHES}[ /|\n]{{1,4}}){{8,}}{_DASHES}")
_OCTAL = compile_pattern(r"(?:\\?[01][0-7]{2}[\s,]{0,2}){12,}")
_POSITIONS = compile_pattern(r"(?:\b(?:1\d|2[0-6]|[1-9])\b[-., /|\n]{1,3}){16,}(?:1\d|2[0-6]|[1-9])\b")
_PRINTABLE = compile_pattern(r"(?:=[0-9A-Fa-f]{2}){8,}")
_BASE85 = compile_pattern(r"[!-~]{60,}")
_WORDWISE = compile_pattern(r"(?:[A-Za-z0-9+/]{2,40}={0,2}[ \n]{1,2}){6,}[A-Za-z0-9+/]{2,40}={0,2}")
_MIN_PADDED = 3
_SIGNS = "\u00b7\u2022_\u2013\u2014"
_LEET = re.compile(r"[a-zA-Z][0134578@$!|+][a-zA-Z@$!|+0-9]")
_LEET_SHARE = 20
_LINE = re.compile(r"(?m)^[^\w\n]{0,20}(?:\d{1,3}[.):] )?([^\W\d_])")
_FIRST = re.compile(r"(?m)^[^\w\n]{0,20}(?:\d{1,3}[.):] )?([^\W\d_]+)")
_SENTENCE = re.compile(r"(?:^|[.!?]\s)\W{0,5}([^\W\d_])")
_LEET_SIGNS = str.maketrans("@$!|+", "asiit")
_INITIALS = 24
_NUMBERED = 4
_UPSIDE_DOWN = "\u0250q\u0254p\u01dd\u025f\u0183\u0265\u1d09\u027e\u029el\u026fuodb\u0279s\u0287n\u028c\u028dx\u028ez"
_BRAILLE = (
    "\u2801\u2803\u2809\u2819\u2811\u280b\u281b\u2813\u280a\u281a\u2805\u2807\u280d\u281d\u2815\u280f\u281f\u2817\u280e\u281e"
    "\u2825\u2827\u283a\u282d\u283d\u2835"
)
_ALPHABETS = (
    ("braille", _BRAILLE, str.maketrans(_BRAILLE, ascii_lowercase)),
    ("upside down", "\u0250\u01dd\u0287\u0279", str.maketrans(_UPSIDE_DOWN, ascii_lowercase)),
)
_ROT47_SIGNS = (" E96 ", " J@F ", " J@FC ", " 2?5 ", " H:E9 ")
_ROT47 = str.maketrans({33 + at: chr(33 + (at + 47) % 94) for at in range(94)})
_DOTS = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. "
    "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----."
)
_MORSE_CODE: Mapping[str, str] = MappingProxyType(
    dict(
        zip(
            _DOTS.split(),
            ascii_lowercase + "0123456789",
            strict=True,
        )
    )
)


class Reading(NamedTuple):
    """An answer as it may be read: its words with their places in the answer as it stands, and how they were hidden."""

    words: Words
    how: str = ""


def coded(text: str) -> Iterator[Reading]:
    """Yields what runs in a code say; every word of a run has the place of the run."""
    yield from _coded(text, None, _DEPTH)


def _coded(text: str, place: tuple[int, int] | None, depth: int) -> Iterator[Reading]:
    for count, (start, end, name, plain) in enumerate(_runs(text)):
        if count >= _MAX_RUNS:
            return
        first, last = place or (start, end)
        read = words(plain).texts
        yield Reading(Words(read, partial(_same, (first, last), len(read))), name)
        if depth > 1:
            for inner in _coded(plain, (first, last), depth - 1):
                yield Reading(inner.words, f"{name}+{inner.how}")


def _same(place: tuple[int, int], count: int) -> Sequence[tuple[int, int]]:
    return [place] * count


def _runs(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yields start, end, name and text of every run in a code."""
    for encoding in ENCODINGS:
        if encoding.runs and not (encoding.name in {"tags", "selectors"} and text.isascii()):
            for start, end, plain in encoding.found(text):
                yield start, end, encoding.name, plain
    source = text.encode() if text.isascii() else text  # RE2 counts bytes faster
    for code in _CODES:
        for match in code.runs.finditer(source) if code.is_possible(text) else ():
            start, end = match.span()
            plain = code.read(text[start:end])
            if plain:
                yield start, end, code.name, plain


def _binary(run: str) -> str:
    bits = re.sub(r"[^01]", "", run)
    size = 8 if len(bits) % 8 == 0 else 7
    return bytes(int(bits[at : at + size], 2) for at in range(0, len(bits), size)).decode("utf-8", "replace")


def _base32(run: str) -> str:
    letters = run.rstrip("=")
    letters = letters[: len(letters) - (len(letters) % 8 in {1, 3, 6})]
    try:
        return base64.b32decode(letters + "=" * (-len(letters) % 8)).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _morse(run: str) -> str:
    for sign in _SIGNS:
        run = run.replace(sign, "." if sign in "\u00b7\u2022" else "-")
    parts = re.split(r"( {2,}|\s*[/|]\s*|\n)| ", run)
    return "".join(_MORSE_CODE.get(part.strip(), " ") if part else "" for part in parts)


def _positions(run: str) -> str:
    parts = re.split(r"(\s*[/|]\s*|[ \n]+)|[-.,]+", run)
    return "".join(ascii_lowercase[int(part) - 1] if part and part.isdigit() else " " if part else "" for part in parts)


def _base85(run: str) -> str:
    for read in (base64.b85decode, base64.a85decode):
        try:
            text = read(run).decode()
        except ValueError:
            continue
        if text.isprintable() or "\n" in text:
            return text
    return ""


def _wordwise(run: str) -> str:
    """Returns what words say that are each in base64; their padding gives them away."""
    tokens = run.split()
    if sum(token.endswith("=") for token in tokens) < _MIN_PADDED:
        return ""
    read = []
    for token in tokens:
        try:
            read.append(base64.b64decode(token, validate=True).decode())
        except ValueError:
            read.append("")
    return " ".join(read)


class _Code(NamedTuple):
    """A code: its runs, how one is read, and the signs of which a text with a run has so many."""

    name: str
    runs: Any
    read: Callable[[str], str]
    signs: str
    least: int = 12

    def is_possible(self, text: str) -> bool:
        return not self.signs or sum(map(text.count, self.signs)) >= self.least


_CODES: tuple[_Code, ...] = (
    _Code("binary", _BINARY, _binary, "01", 42),
    _Code("decimal", _DECIMAL, lambda run: "".join(map(chr, map(int, re.findall(r"\d+", run)))), digits, 24),
    _Code(
        "octal",
        _OCTAL,
        lambda run: "".join(chr(int(code, 8)) for code in re.findall(r"[01][0-7]{2}", run)),
        "01234567",
        36,
    ),
    _Code("places in the alphabet", _POSITIONS, _positions, digits, 16),
    _Code(
        "quoted-printable", _PRINTABLE, lambda run: bytes.fromhex(run.replace("=", "")).decode("utf-8", "replace"), "="
    ),
    _Code("base85", _BASE85, _base85, ""),
    _Code("base64 word by word", _WORDWISE, _wordwise, "=", _MIN_PADDED),
    _Code("base32", _BASE32, _base32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", 20),
    _Code("morse", _MORSE, _morse, "-_\u00b7\u2013\u2014", 6),
)


def apart(text: str, plain: Words) -> Iterator[Reading]:
    """Yields the readings in which letters, not words, are what counts, and the one backwards.

    Args:
        text: The answer.
        plain: Its words.
    """
    texts = plain.texts
    yield Reading(_backwards(plain), "reversed")
    yield Reading(Words(texts[::-1], lambda: plain.places[::-1]), "words in reverse order")
    if len(texts) >= _INITIALS:
        yield Reading(plain.become([word[:1] for word in texts]), "first letters of words")
    yield from _lines(text)
    letters = sum(len(word) == 1 for word in texts)
    if letters >= _INITIALS and 2 * letters > len(texts):
        for name, read in _DECIPHER.items():
            yield Reading(plain.become([read(word) for word in texts]), f"{name}, letter by letter")
    if sum(map(str.isdigit, texts)) * _NUMBERED > len(texts):
        yield Reading(plain.become(["" if word.isdigit() else word for word in texts]), "numbered")
    for name, signs, letters_of in _ALPHABETS:
        if sum(map(text.count, signs)) >= _INITIALS:
            turned = words(text.translate(letters_of))
            yield Reading(turned, name)
            yield Reading(_backwards(turned), f"{name}, reversed")
    if any(sign in text for sign in _ROT47_SIGNS):
        yield Reading(words(text.translate(_ROT47)), "rot47")
    if len(_LEET.findall(text)) >= max(_MIN_SIGNS, len(texts) / _LEET_SHARE):
        yield Reading(words(text.translate(_LEET_SIGNS)), "leetspeak")


def _backwards(plain: Words) -> Words:
    return Words([word[::-1] for word in reversed(plain.texts)], lambda: plain.places[::-1])


def _lines(text: str) -> Iterator[Reading]:
    for name, pattern in (("letters of lines", _LINE), ("letters of sentences", _SENTENCE), ("words of lines", _FIRST)):
        found: list[str] = pattern.findall(text)
        if len(found) >= _INITIALS:
            places = partial(_spans, pattern, text)
            yield Reading(Words([one.lower() for one in found], places), f"first {name}")


def _spans(pattern: re.Pattern[str], text: str) -> Sequence[tuple[int, int]]:
    return [match.span(1) for match in pattern.finditer(text)]


def _shift(by: int) -> Callable[[str], str]:
    return _translating(ascii_lowercase[by:] + ascii_lowercase[:by])


def _translating(letters: str) -> Callable[[str], str]:
    mapping = str.maketrans(ascii_lowercase, letters)
    return lambda word: word.translate(mapping)


_ATBASH = _translating(ascii_lowercase[::-1])
_VOWELS = str.maketrans("", "", "aeiou")


def _pig_latin(word: str) -> str:
    begin = re.match(r"[^aeiou]*", word)
    size = begin.end() if begin else 0
    return word[size:] + word[:size] + "ay" if size else word + "way"


@dataclass(frozen=True)
class Vocabulary:
    """The words of a text in every cipher, by which a text in one of them is recognised."""

    words: Collection[str]

    @cached_property
    def _signs(self) -> Mapping[str, str]:
        """The name of the cipher in which a word is one of this text; a word in the clear is in none."""
        known = sorted(word for word in set(self.words) if len(word) >= _MIN_WORD and word.isascii() and word.isalpha())
        signs: dict[str, str] = {}
        for word in known[:_MOST_WORDS]:
            for name, write in _CIPHERS.items():
                signs.setdefault(write(word), name)
        for word in (*known, *STOP):
            signs.pop(word, None)
        return signs

    @cached_property
    def _originals(self) -> Mapping[str, Mapping[str, str]]:
        return {name: {_CIPHERS[name](word): word for word in self.words} for name in _BY_WORD}

    def deciphered(self, plain: Words) -> Iterator[Reading]:
        """Yields the answer in the clear for every cipher of which it holds at least three different words."""
        hits = Counter(self._signs[word] for word in self._signs.keys() & set(plain.texts))
        for name, count in hits.items():
            if count >= _MIN_SIGNS:
                known = self._originals.get(name)
                read = (lambda word, known=known: known.get(word, word)) if known else _DECIPHER[name]
                yield Reading(plain.become([read(word) for word in plain.texts]), name)


_CIPHERS: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **{f"caesar {by}": _shift(by) for by in range(1, 26)},
        "atbash": _ATBASH,
        "letters reversed": lambda word: word[::-1],
        "without vowels": lambda word: word.translate(_VOWELS) if len(word) >= 7 else word,
        "pig latin": _pig_latin,
    }
)
_BY_WORD = ("without vowels", "pig latin")
_DECIPHER: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {
        **{f"caesar {by}": _shift(26 - by) for by in range(1, 26)},
        "atbash": _ATBASH,
        "letters reversed": lambda word: word[::-1],
    }
)
