"""International bank account numbers: the country's own length and the check digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.registry import Meta

_COUNTRIES: Mapping[int, str] = MappingProxyType(
    {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }
)
_LENGTHS: Mapping[str, int] = MappingProxyType(
    {country: length for length, countries in _COUNTRIES.items() for country in countries.split()}
)
"""Characters of an IBAN by country (SWIFT IBAN registry, release 99)."""


def valid(account: str) -> bool:
    """Whether an IBAN without blanks has its country's length and leaves 1 modulo 97 (ISO 13616-1, ISO 7064)."""
    if len(account) != _LENGTHS.get(account[:2], -1):
        return False
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


@dataclass(frozen=True, kw_only=True)
class Iban(Detector):
    """An account number in the clear."""

    meta: ClassVar[Meta] = Meta(
        id="pii.iban",
        title="International bank account number",
        why="An account number names a person and is enough for a direct debit.",
        severity=Severity.MEDIUM,
        tags=("owasp-llm:2026:LLM02", "cwe:4:CWE-359"),
        references=("https://www.swift.com/standards/data-standards/iban-international-bank-account-number",),
        false_positives="One random string in ninety-seven of the right length and country passes.",
        hits=("Pay to DE89 3704 0044 0532 0130 00 today", "iban GB82WEST12345698765432", "NL91 ABNA 0417 1643 00"),
        misses=("DE89 3704 0044 0532 0130 01", "ZZ89370400440532013000", "Order AB12 3456 7890 1234"),
    )
    patterns: tuple[str, ...] = (
        r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b",
        r"\b[a-z]{2}\d{2}[a-z0-9]{11,30}\b",
    )
    triggers: tuple[str, ...] = (
        r"[a-z]{2}\d{2}[ -]?[a-z0-9]{4}[ -]?[a-z0-9]{4}",
        r"[a-z]{2}\d{2}[ -]?[a-z0-9]{4}[ -]?[a-z0-9]{4}",
    )
    category: str = "iban"
    score: float = 0.95

    def narrow(self, found: Found) -> Found:
        """Cuts off words in capitals that follow the number and look like more of it."""
        left = _LENGTHS.get(found.value[:2].upper(), 0)
        for place, character in enumerate(found.value):
            left -= character.isalnum()
            if not left:
                return found._replace(end=found.start + place + 1)
        return found

    def judge(self, found: Found) -> str | None:
        """Asks for the country's length and the check digits."""
        account = found.value.upper().replace(" ", "").replace("-", "")
        return "an account number with its country's length and right check digits" if valid(account) else None
