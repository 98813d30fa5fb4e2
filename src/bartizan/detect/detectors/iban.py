"""International bank account numbers: the country's own length and the check digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.registry import Meta

_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        country: int(length)
        for country, length in (
            entry.split(":")
            for entry in (
                "AD:24 AE:23 AL:28 AT:20 AZ:28 BA:20 BE:16 BG:22 BH:22 BI:27 BR:29 BY:28 CH:21 CR:22 CY:28 CZ:24 DE:22 "
                "DJ:27 DK:18 DO:28 EE:20 EG:29 ES:24 FI:18 FK:18 FO:18 FR:27 GB:22 GE:22 GI:23 GL:18 GR:27 GT:28 HR:21 "
                "HU:28 IE:22 IL:23 IQ:23 IS:26 IT:27 JO:30 KW:30 KZ:20 LB:28 LC:32 LI:21 LT:20 LU:20 LV:21 LY:25 MC:27 "
                "MD:24 ME:22 MK:19 MN:20 MR:27 MT:31 MU:30 NI:28 NL:18 NO:15 OM:23 PK:24 PL:28 PS:29 PT:25 QA:29 RO:24 "
                "RS:22 RU:33 SA:24 SC:31 SD:18 SE:24 SI:19 SK:24 SM:27 SO:23 ST:25 SV:28 TL:23 TN:24 TR:26 UA:29 VA:22 "
                "VG:24 XK:20 YE:30"
            ).split()
        )
    }
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
