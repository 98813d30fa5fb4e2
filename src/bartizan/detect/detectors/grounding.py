"""Sentences of an answer that its sources do not support."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.detect.support import ready
from bartizan.registry import Meta

_LEAST = 0.55
_EXAMPLE = Context(
    sources=(
        (
            "The Fernhill ferry runs from Oban to Kerrera every 40 minutes between 07:00 and 19:30. A return ticket "
            "costs 8.50 GBP. Bicycles travel free. Dogs are not allowed in the cabin."
        ),
        "Since 2019 the ferry has been operated by Loch Line Ltd.",
    )
)


@dataclass(frozen=True, kw_only=True)
class Grounding(Reader):
    """Claims that no source makes, that turn a source round, or that change its numbers."""

    meta: ClassVar[Meta] = Meta(
        id="quality.grounding",
        title="Claim that the sources do not support",
        why=(
            "An answer that should rest on documents and does not is made up, or was put there by an instruction in "
            "one of them."
        ),
        severity=Severity.LOW,
        tags=("owasp-llm:2026:LLM07",),
        references=("https://arxiv.org/abs/2303.08896", "https://arxiv.org/abs/2112.12870"),
        false_positives=(
            "Sentences that say what a source says in words of their own, sums and conclusions, general knowledge, and "
            "answers in another language than the sources."
        ),
        hits=(
            "The ferry was built in Gdansk by a family of shipwrights.",
            "A return ticket costs 12.50 GBP.",
            "Dogs are allowed in the cabin.",
            "The Fernhill ferry runs from Oban to Kerrera every 25 minutes.",
        ),
        misses=(
            "A return ticket costs 8.50 GBP, and bicycles travel free.",
            "The ferry from Oban to Kerrera runs every 40 minutes.",
            "Dogs are not allowed in the cabin.",
            "Loch Line Ltd has operated the ferry since 2019.",
            "Hello! How can I help you today?",
        ),
    )
    example: Context = _EXAMPLE
    category: str = "unsupported"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)

    def read(self, text: str, context: Context) -> Iterator[Sight]:
        """Yields unsupported claims, with how unsupported they are; none where there are no sources."""
        if not any(source.strip() for source in context.sources):
            return
        for claim in ready(context.sources).claims(text):
            doubt = round(1 - claim.support, 4)
            if doubt >= _LEAST:
                yield Sight(claim.start, claim.end, doubt, claim.reason)
