"""Payment card numbers: the right length and prefix for an issuer, and a right check digit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.detect.validators import luhn
from bartizan.registry import Meta

_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[68]\d|9\d)\d{11}"  # Diners Club
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:5018|5020|5038|5893|6304|6759|676[123])\d{8,15}"  # Maestro
)


@dataclass(frozen=True, kw_only=True)
class PaymentCard(Detector):
    """A primary account number in the clear."""

    meta: ClassVar[Meta] = Meta(
        id="pii.payment_card",
        title="Payment card number",
        why="A card number in a prompt or an answer is a PCI DSS incident and can be used for fraud.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM02", "cwe:4:CWE-359"),
        references=("https://www.pcisecuritystandards.org/", "https://www.iso.org/standard/70484.html"),
        false_positives="One random number in ten has a right check digit; issuer prefix and length leave few of them.",
        hits=("Card: 4111 1111 1111 1111, thanks", "5500-0000-0000-0004", "amex 378282246310005"),
        misses=("Order 4111 1111 1111 1112", "Tracking 1234567890123456", "1111111111111117 items"),
    )
    patterns: tuple[str, ...] = (r"\b(?:\d{4}[ -]\d{6}[ -]\d{5}|\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{3})?|\d{12,19})\b",)
    triggers: tuple[str, ...] = (r"\d{4}[ -]?\d{4}[ -]?\d",)
    category: str = "payment_card"
    score: float = 0.95

    def judge(self, found: Found) -> str | None:
        """Asks for an issuer's prefix and length, and for the Luhn check digit."""
        digits = found.value.replace(" ", "").replace("-", "")
        if not _ISSUER.fullmatch(digits) or not luhn(digits) or len(set(digits)) == 1:
            return None
        return f"a card number of {len(digits)} digits with an issuer's prefix and a right check digit"
