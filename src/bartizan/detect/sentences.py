"""Texts as sentences and words with their places, and what each word weighs as evidence that two texts say the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType

from bartizan.detect.normalise import table

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+(?:['\u2019](?:t|s|re|ve|ll|d|m)\b)?")
_END = re.compile(r"""(?<![.!?])[.!?]++["'\u201d\u2019)\]*]*+(?:\s+|$)|[\u3002\uff01\uff1f\u0964\u061f]+|;\s|\n+""")
_ESCAPED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[nrt\"/\\])")
_STEM = 6
_LONG = 7
_SUFFIXES = ("ingly", "edly", "ing", "ies", "ied", "es", "ed", "ly", "e", "s")

STOP = frozenset(
    """
    a about above after again against all also am an and any are as at be because been before being below between both
    but by can could did do does doing don't down during each either else etc even few for from further had has have
    having he her here hers him his how however i i'm i'll i've if in into is isn't it it's its itself just let like
    may me might mine more most much my myself no nor not now of off on once only or other our ours out over own per
    same shall she should so some such than that that's the their theirs them then there these they they're this those
    through to too under until up upon us very via was we were what when where whether which while who whom whose why
    will with within without would yes yet you you're you'll you've your yours yourself one two
    der die das den dem des ein eine einen einem einer eines und oder ist sind nicht mit von zu im in auf fuer sie er es
    wir ihr ich du sich auch als wie wenn nur bei aus nach noch wird werden hat haben kann man
    le la les un une des du de et ou est sont ne pas avec pour dans sur au aux ce cette ces que qui il elle nous vous
    je se son sa ses leur par plus
    el los las una unos del y o es son no con por para en al lo que se su sus te tu mi como mas pero si
    il gli uno dei della e sono non con per che si da di nel
    os as um uma dos das nao com por em no na ao que seu sua voce ele
    het een van en zijn niet met op voor te dat die aan er ook
    """.split()  # noqa: SIM905  (a list of words reads better as text)
)
"""Words of no content, by which languages are told apart and which prove nothing."""
_COMMON = frozenset(
    """
    able add additional allow answer appropriate ask assist assistant available base best case change chat check choose
    clear clearly come complete consider contact content context create current customer data day describe detail
    detailed develop different easy ensure example expert explain feel find first focus follow following format free
    full get give go good great guide happy help helpful hi hello high idea identify important improve include including
    individual information instruction issue item keep key kind know language last learn level list long look made main
    make many mean message model must name need needs never new next number offer option order part people person
    please point possible prefer problem process product professional project provide question question read ready
    relevant reply request require resource respond response result review right role rule say section see select
    sentence service set share short show simple specific start step style suggest support sure system take task team
    tell text thank thanks thing think time tip today topic try type understand use user using want way welcome well
    work world write year always
    """.split()  # noqa: SIM905  (a list of words reads better as text)
)
_GROUPS = """
    never mustn't cannot can't don't doesn't won't forbidden prohibited disallowed
    reveal disclose expose divulge mention discuss
    answer reply respond response
    customer client user visitor guest shopper
    always every
    polite courteous friendly kind
    brief short concise succinct
    refuse decline reject deny
    escalate forward transfer hand pass
    discount rebate reduction voucher coupon
    maximum most limit cap
    confidential secret private internal
    password passcode passphrase
    buy purchase order
    cost price fee charge
    help assist support aid
    speak talk communicate converse
    employee staff colleague worker
    company firm business organisation organization corporation
    rule policy guideline regulation
    instruction directive order
    ask request inquire enquire
    tell inform notify
    doctor physician medic
    lawyer attorney counsel
    error mistake fault
    begin start commence
    end finish conclude
    competitor rival
    refund reimbursement repay
    approve authorise authorize permit allow
    check verify confirm validate
    provide supply give offer
    use employ utilise utilize
    write compose draft author
    make create produce generate
    suggest recommend propose advise
    only solely exclusively
    topic subject matter theme
    joke humour humor
    child kid minor
    send mail dispatch
    money cash fund payment
    illegal unlawful
    manager supervisor boss
    three 3
    two 2
    four 4
    five 5
    ten 10
"""


@dataclass(frozen=True)
class Words:
    """The words of a text, in small Latin letters where they look like them.

    Attributes:
        texts: The words; one of characters that fold to nothing is empty.
        locate: Returns begin and end of each in the text, in characters; called only where something was found.
    """

    texts: Sequence[str]
    locate: Callable[[], Sequence[tuple[int, int]]]

    @cached_property
    def places(self) -> Sequence[tuple[int, int]]:
        """Begin and end of each word in the text, in characters."""
        return self.locate()

    def become(self, texts: Sequence[str]) -> Words:
        """Returns other words in the places of these."""
        return Words(texts, lambda: self.places)

    def __len__(self) -> int:
        return len(self.texts)


def words(text: str) -> Words:
    """Returns the words of a text; an ideograph is one, and what JSON escapes is not."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda match: " " * len(match[0]), text)
    found: list[str] = _WORD.findall(text.lower() if text.isascii() else text)
    if not text.isascii():
        folding = table()
        found = [word.lower() if word.isascii() else word.translate(folding).lower() for word in found]
    return Words(found, lambda: [match.span() for match in _WORD.finditer(text)])


def sentences(text: str) -> list[tuple[int, int]]:
    """Returns begin and end of every sentence, a line being one too; those without a word are left out."""
    spans = []
    begin = 0
    for match in _END.finditer(text):
        if match.end() > begin and not text[begin : match.start()].isspace() and match.start() > begin:
            spans.append((begin, match.end()))
        begin = match.end()
    if begin < len(text) and not text[begin:].isspace():
        spans.append((begin, len(text)))
    return [(start, end) for start, end in spans if any(map(str.isalnum, text[start:end]))]


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Returns what inflected forms and, for words of instructions, synonyms of a word share; an estimate."""
    return _synonyms().get(word) or _synonyms().get(_cut(word)) or _cut(word)


def _cut(word: str) -> str:
    if len(word) > 4 and word.isalpha():
        for suffix in _SUFFIXES:
            if word.endswith(suffix) and len(word) - len(suffix) >= 3:
                word = word[: -len(suffix)]
                break
    return word[:_STEM] if word.isalpha() else word


@lru_cache(maxsize=1)
def _synonyms() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in _GROUPS.strip().splitlines():
        first, *others = line.split()
        for word in (first, *others):
            found.setdefault(word, _cut(first))
            found.setdefault(_cut(word), _cut(first))
    return MappingProxyType(found)


@lru_cache(maxsize=20_000)
def weight(word: str) -> float:
    """Returns how much a word that two texts share says, from 0; rarer words say more.

    There is no corpus to count in: a word of the lists above is common, and of others the long ones and those with
    digits are the rare ones.
    """
    if word in STOP or (len(word) == 1 and word.isascii()):
        return 0.0
    if any(map(str.isdigit, word)):
        return 1.5
    if word in _COMMON or _cut(word) in _common_stems():
        return 0.35
    if len(word) == 1:
        return 0.5
    return 1.4 if len(word) >= _LONG else 1.0


@lru_cache(maxsize=1)
def _common_stems() -> frozenset[str]:
    return frozenset(map(_cut, _COMMON))


def content(found: Sequence[str]) -> dict[str, float]:
    """Returns the stems of the words that say something, with their weights."""
    weighed: dict[str, float] = {}
    for word in found:
        key, value = _weighed(word)
        if value and value > weighed.get(key, 0.0):
            weighed[key] = value
    return weighed


@lru_cache(maxsize=20_000)
def _weighed(word: str) -> tuple[str, float]:
    value = weight(word)
    return (stem(word) if value else "", value)
