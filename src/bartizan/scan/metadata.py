"""Simple checks of the free text that comes with a model: metadata, descriptions, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bartizan.core.severity import Severity
from bartizan.scan.describe import printable
from bartizan.scan.note import Verdict, Weakness

_LONGEST: Final = 200_000
_MOST: Final = 20


@dataclass(frozen=True, kw_only=True)
class _Sign:
    """A pattern and what it means; a secret's text is never shown."""

    place: str
    pattern: re.Pattern[str]
    reason: str
    severity: Severity
    verdict: Verdict = Verdict.CLEAN
    secret: bool = False


_SIGNS: Final = (
    _Sign(
        place="secret",
        pattern=re.compile(
            r"\b(?:hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|AIza[\w-]{35})\b"
            r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
        ),
        reason="holds what looks like a credential",
        severity=Severity.HIGH,
        secret=True,
    ),
    _Sign(
        place="pickle",
        pattern=re.compile(r"gA[I-X][A-Za-z0-9+/]{20,}={0,2}"),
        reason="holds what looks like a pickle in base64",
        severity=Severity.HIGH,
        verdict=Verdict.MALFORMED,
    ),
    _Sign(
        place="code",
        pattern=re.compile(r"\b(?:os\.system|subprocess\.|eval\(|exec\(|__import__\(|__subclasses__|__globals__)"),
        reason="holds code",
        severity=Severity.MEDIUM,
        verdict=Verdict.UNKNOWN_CODE,
    ),
    _Sign(
        place="markup",
        pattern=re.compile(r"<script\b|javascript:|onerror\s*=", re.IGNORECASE),
        reason="holds script for a browser, which runs where a model page shows it unescaped",
        severity=Severity.MEDIUM,
    ),
    _Sign(
        place="invisible",
        pattern=re.compile("[\U000e0000-\U000e007f\u202a-\u202e\u2066-\u2069\u200b\u2060]"),
        reason="holds characters that do not show or that reorder what does",
        severity=Severity.MEDIUM,
    ),
    _Sign(
        place="instruction",
        pattern=re.compile(
            r"\b(?:ignore|disregard|forget)\b.{0,40}\b(?:previous|prior|above|earlier)\b.{0,40}\binstructions?\b",
            re.IGNORECASE,
        ),
        reason="speaks to a model that may read it",
        severity=Severity.LOW,
    ),
)


def suspicious(texts: Mapping[str, str]) -> Iterator[Weakness]:
    """Yields a note for each kind of sign in each text, at most twenty in all."""
    yielded = 0
    for key, value in texts.items():
        for sign in _SIGNS:
            match = sign.pattern.search(value[:_LONGEST])
            if match is None:
                continue
            yielded += 1
            if yielded > _MOST:
                return
            yield Weakness(
                place=f"metadata:{key[:80]}:{sign.place}",
                title=f"its metadata under {printable(key, 60)!r} {sign.reason}",
                severity=sign.severity,
                verdict=sign.verdict,
                evidence=() if sign.secret else (printable(match.group(), 100),),
                remediation="Ask the publisher what it is for; strip it before the model is used or shown.",
            )
