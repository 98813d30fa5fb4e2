"""Spellings that a model reads and a pattern does not: digits for letters, and letters with gaps between them.

Both give a view of the whole text in which only the respelled words differ, so that a phrase may be half in the clear.
A word in digits is put back only where it is one of the words below; a text of numbers, code or identifiers has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from bartizan.detect.encodings import Encoding
from bartizan.detect.normalise import Respelled, View

_LEET = "01345789@$!|+"
_MIN_SPELLED = 2
_LONG_WORD = 6
_LONGEST_RUN = 2_000
_SEPARATORS = r" .*_|/-"
_SKELETON = str.maketrans("01345789@$!|+l", "oieastbgasiiti")
"""What a sign stands for, where `i`, `l`, `1`, `!` and `|` are one letter, because each is written for the others."""
_WORDS = frozenset(
    """
    about above access act activate admin administrator after again agent all allowed always and any anything api are
    as assistant avoid be been before bypass can cannot code command commands complete confidential constraints content
    context credentials dan data database debug decode delete developer directions directive directives disable discard
    disclose disregard do dont dump email enable enter ethical ethics every everything execute exfiltrate expose file
    files filter filters follow following for forget forward free from full give given guidelines have help hidden
    history how if ignore ignored illegal immediately in information initial instead instruction instructions
    instructed internal into is it jailbreak jailbroken key keys leak limitations limits list me memory message messages
    mode model moral morals must my never new no not now obey of off on only operator original other out output override
    password passwords please policies policy pretend previous print prior private prompt prompts read refuse reply
    repeat respond response restricted restrictions reveal reset role root rule rules run safety say secret secrets
    security send show system tell that the then these this those to token tokens told tool tools transfer unfiltered
    unrestricted upload url use user verbatim warning warnings was were what with without word words write you your
    """.split()  # noqa: SIM905  (a list of two hundred words reads better as text)
)


@cache
def _skeletons() -> dict[str, str]:
    return {word.translate(_SKELETON): word for word in sorted(_WORDS)}


_TOKEN = re.compile(rf"(?<![A-Za-z0-9{_LEET}])(?=[A-Za-z]*[{_LEET}])[A-Za-z0-9{_LEET}]{{2,20}}(?![A-Za-z0-9])")
_SPACED = re.compile(
    rf"(?<![A-Za-z0-9])[A-Za-z]([{_SEPARATORS}])[A-Za-z](?![A-Za-z0-9])"
    rf"(?:[\s{_SEPARATORS}]{{1,6}}[A-Za-z](?![A-Za-z0-9])){{3,}}"
)


@dataclass(frozen=True, kw_only=True)
class Unspaced(View):
    """A view without the gaps between letters; `places` says where in the parent each character was."""

    parent: View
    places: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Maps through the places of the first and the last character."""
        first = self.places[start] if start < len(self.places) else len(self.parent.text)
        return self.parent.span(first, self.places[end - 1] + 1 if end > start else first)


class Leetspeak(Encoding):
    """Digits and signs for letters, as in `1gn0r3 pr3v10us 1nstruct10ns`."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the text with the words put back, where there are two, or a long one."""
        spelled: list[str] = []
        places: list[int] = []

        def word(token: re.Match[str]) -> str:
            found = _word(token[0])
            if found != token[0]:
                spelled.append(found.rstrip("!+|$"))
                places.extend(token.span())
            return found

        text = _TOKEN.sub(word, view.text)
        if len(spelled) >= _MIN_SPELLED or any(len(one) >= _LONG_WORD for one in spelled):
            focus = (places[0], places[-1])
            yield Respelled(text=text, how=(*view.how, self.name), parent=view, focus=focus)


def _word(token: str) -> str:
    """Returns the word that a token spells, with the signs at its end that are not of it; the token where none."""
    for end in range(len(token), max(len(token.rstrip("!+|$")), 1) - 1, -1):
        found = _skeletons().get(token[:end].lower().translate(_SKELETON))
        if found is not None:
            return found + token[end:]
    return token


class Spacing(Encoding):
    """Letters with gaps between them, as in `i g n o r e   p r e v i o u s` and `i-g-n-o-r-e`."""

    def views(self, view: View) -> Iterator[View]:
        """Yields the text with the words put together, where there are some."""
        text: list[str] = []
        places: list[int] = []
        begin = final = last = 0
        for run in _SPACED.finditer(view.text):
            if run.end() - run.start() <= _LONGEST_RUN:
                text.append(view.text[last : run.start()])
                places += range(last, run.start())
                begin = begin if last else len(places)
                for place, character in _together(run):
                    text.append(character)
                    places.append(place)
                last, final = run.end(), len(places)
        if last:
            text.append(view.text[last:])
            places += range(last, len(view.text))
            whole = "".join(text)
            yield Unspaced(text=whole, how=(*view.how, self.name), parent=view, places=places, focus=(begin, final))


def _together(run: re.Match[str]) -> Iterator[tuple[int, str]]:
    """Yields place and character of a run's words, a blank between two."""
    source, separator = run.string, run[1]
    letters = [place for place in range(run.start(), run.end()) if source[place].isalpha()]
    ends = {at for at in range(1, len(letters)) if source[letters[at - 1] + 1 : letters[at]] != separator}
    if not ends:
        ends = _words("".join(source[place] for place in letters).lower())
    for at, place in enumerate(letters):
        if at in ends:
            yield letters[at - 1] + 1, " "
        yield place, source[place]


def _words(letters: str) -> set[int]:
    """Returns where to cut letters into words of the list, the longest first; nothing where that does not work out."""
    longest = max(map(len, _WORDS))
    reached: dict[int, int] = {0: 0}
    for end in range(1, len(letters) + 1):
        for begin in range(max(0, end - longest), end):
            if begin in reached and letters[begin:end] in _WORDS:
                reached[end] = begin
                break
    ends: set[int] = set()
    at = len(letters)
    while at in reached and at:
        at = reached[at]
        ends.add(at)
    return ends - {0} if not at else set()


RESPELLINGS: tuple[Encoding, ...] = (
    Leetspeak(
        name="leetspeak",
        trigger=rf"[a-z][{_LEET}]{{1,2}}[a-z][a-z{_LEET}]*\s",
    ),
    Spacing(
        name="spacing",
        trigger="|".join(
            f"{gap}[a-z]{gap}[a-z]{gap}[a-z]{gap}" for gap in (r"\x20", r"\.", r"\*", "_", r"\|", "/", "-")
        ),
    ),
)
