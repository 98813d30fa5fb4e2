"""Addresses in answers that lead elsewhere than they look, or that no source has."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar
from urllib.parse import SplitResult, unquote, urlsplit

from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.nearness import Names
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.registry import Meta

_URL = re.compile(r"""\b(?:https?|ftp|wss?)://[^\s<>"'`\]|{}\\^]{3,2000}""", re.IGNORECASE)
_TAIL = ".,;:!?*_)"
_KNOWN = frozenset(
    """
    accenture adobe airbnb alibaba aliexpress amazon americanexpress anthropic apple atlassian azure
    bankofamerica barclays binance bitbucket booking chase cisco citibank cloudflare coinbase dhl discord disney
    docker docusign dropbox ebay expedia facebook fedex figma github gitlab gmail google googleapis heroku
    huggingface icloud instagram kraken linkedin live mastercard metamask microsoft microsoftonline mozilla
    netflix notion npmjs nvidia office365 okta openai openstreetmap oracle outlook paypal pinterest pypi pytorch
    python reddit revolut salesforce samsung santander shopify slack snapchat spotify stackoverflow steampowered
    stripe telegram tensorflow tiktok twitch twitter usps vercel verizon visa walmart wellsfargo whatsapp
    wikimedia wikipedia wordpress yahoo youtube zendesk zoom
    """.split()  # noqa: SIM905  (a list of words reads better as text)
)
_SECOND_LEVEL = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "ne", "or"})
_RESERVED = re.compile(r"(?:^|\.)(?:example|example\.(?:com|org|net)|test|invalid|localhost|local|internal|lan)$")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+")
_BAIT = re.compile(
    r"(?:^|[-.])(?:login|signin|secure|verify|account|update|support|wallet|billing|auth|password)(?:[-.]|$)"
)
_EXAMPLE = Context(sources=("See https://docs.tern.example/guide/start and https://tern-shop.net/returns for more.",))


@dataclass(frozen=True, kw_only=True)
class Url(Reader):
    """Look-alike and disguised addresses, credentials in addresses, and addresses that the sources do not have."""

    meta: ClassVar[Meta] = Meta(
        id="output.url",
        title="Suspicious or invented address in an answer",
        why=(
            "Readers trust links in answers. Models invent them, attackers register what is invented, and injected "
            "instructions make models send readers to look-alikes."
        ),
        severity=Severity.MEDIUM,
        tags=("owasp-llm:2026:LLM10", "owasp-llm:2026:LLM07", "cwe:4:CWE-1007", "cwe:4:CWE-601"),
        references=(
            "https://www.unicode.org/reports/tr39/",
            "https://datatracker.ietf.org/doc/html/rfc3986#section-7.6",
        ),
        false_positives="Addresses of devices, domains in other scripts, and true links that the sources do not hold.",
        hits=(
            "Sign in at https://paypa1.com/login",
            "Go to https://github.com.account-check.net/login",
            "Open https://www.google.com@203.0.113.9/a",
            "Use https://admin:hunter2@db.shop.net/",
            "See https://xn--pypal-4ve.com/",
            "See https://www.\u0430pple.com/",
            "Fetch http://45.77.12.9/run",
            "Fetch http://0x2d4d0c09/run",
            "Details are at https://tern-shop.net/refunds-policy",
            "Details are at https://tern-returns.org/",
        ),
        misses=(
            "See https://docs.tern.example/guide/start.",
            "(see https://tern-shop.net/returns)",
            "Open http://127.0.0.1:8000/ or http://192.168.1.4/.",
            "For instance https://example.com/a?b=c",
            "No link here: paypal, google.",
        ),
    )
    example: Context = _EXAMPLE
    category: str = "url"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)

    def read(self, text: str, context: Context) -> Iterator[Sight]:
        """Yields every suspicious address, with the gravest reason."""
        known = [
            unquote(source).lower() for source in (*context.sources, *((context.task,) if context.sources else ()))
        ]
        for match in _URL.finditer(text):
            url = match[0].rstrip(_TAIL)
            try:
                parts = urlsplit(url)
                host = (parts.hostname or "").rstrip(".")
            except ValueError:
                yield Sight(match.start(), match.start() + len(url), 0.6, "an address that is malformed")
                continue
            score, reason = max(_judged(parts, host, known), default=(0.0, ""))
            if score:
                yield Sight(match.start(), match.start() + len(url), score, reason)


def _judged(parts: SplitResult, host: str, known: Sequence[str]) -> Iterator[tuple[float, str]]:
    """Yields what is suspicious about an address, each with a score."""
    if "@" in parts.netloc:
        is_host = "." in (parts.username or "")
        yield (0.9, "looks like one host and leads to another") if is_host else (0.75, "holds credentials")
    if not host.isascii():
        scripts = {character.isascii() for character in host if character.isalpha()}
        yield (0.85, "mixes scripts in its host") if len(scripts) > 1 else (0.5, "a host in another script")
    elif any(label.startswith("xn--") for label in host.split(".")):
        yield 0.7, "a host in another script, in Punycode"
    yield from _numeric(host)
    yield from _lookalike(host)
    if known and not _RESERVED.search(host) and not _is_private(host):
        address = unquote(parts.netloc.rpartition("@")[2] + parts.path).lower().rstrip("/")
        if not any(address in source for source in known):
            has_host = any(host in source for source in known)
            yield (0.5, "an address that no source has") if has_host else (0.55, "a host that no source names")


def _numeric(host: str) -> Iterator[tuple[float, str]]:
    pieces = host.split(".")
    if not all(_NUMBER.fullmatch(piece) for piece in pieces):
        return
    try:
        if not _is_private(host):
            ipaddress.ip_address(host)
            yield 0.6, "a bare address of a machine"
    except ValueError:
        yield 0.85, "an address of a machine, disguised"


def _is_private(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local


def _lookalike(host: str) -> Iterator[tuple[float, str]]:
    labels = host.removeprefix("www.").split(".")
    if len(labels) < 2 or _RESERVED.search(host):
        return
    own = len(labels) - (3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else 2)
    name = labels[own]
    if name in _KNOWN:
        return
    if _names().meant(name) or any(_names().meant(part) for part in name.split("-") if "-" in name):
        yield 0.85, "its host is a slip away from a well-known one"
    inside = set(labels[:own]) | set(name.split("-"))
    if inside & _KNOWN and (_BAIT.search(host) or any(label in _KNOWN for label in labels[1:own]) or own > 1):
        yield 0.75, "names a well-known host and is not of it"


@cache
def _names() -> Names:
    return Names(_KNOWN)
