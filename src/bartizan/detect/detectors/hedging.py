"""Answers that are not sure of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.rules import Rule, Ruled
from bartizan.registry import Meta

_RULES: Sequence[Rule] = (
    Rule(
        0.7,
        "says that it does not know, in English",
        r"(?i)\bI(?:'m| am)(?: \w+)? (?:not (?:\w+ )?(?:sure|certain|confident|aware)|unsure|uncertain)\b|\bI (?:do"
        r" not|don['\x{2019}]t) (?:\w+ )?(?:know|have (?:\w+ ){0,3}(?:information|access|data|details|knowledge))\b"
        r"|\bto the best of my knowledge\b|\bas of my (?:last|latest|knowledge)|\bmy (?:knowledge|training)(?: data"
        r")? (?:cut-?off|ends|only goes)",
    ),
    Rule(
        0.55,
        "says that it may be wrong, in English",
        r"(?i)\bI (?:may|might|could) be (?:wrong|mistaken)|\bI (?:think|believe|guess|suppose|assume),? (?:that )?"
        r"(?:it|this|the|they|you)|\b(?:it is|it's) (?:possible|likely|hard to say|unclear|difficult to say)|\bplea"
        r"se (?:verify|double-check|check with)|\b(?:might|may|could) (?:not )?be (?:accurate|correct|outdated|inco"
        r"rrect|wrong)|\bif I (?:remember|recall)",
    ),
    Rule(
        0.6,
        "is not sure, in German, French, Spanish, Italian, Portuguese or Dutch",
        r"(?i)\bich bin (?:mir )?(?:nicht|un)\s?sicher|\bich wei\x{df} (?:es )?nicht|\bsoweit ich wei\x{df}|\bje ne"
        r" suis pas (?:s\x{fb}re?|certaine?)|\bje ne sais pas|\b\x{e0} ma connaissance|\bno estoy segur[oa]|\bno lo"
        r" s\x{e9}|\bhasta donde s\x{e9}|\bnon sono sicur[oa]|\bnon lo so\b|\bn\x{e3}o tenho certeza|\bn\x{e3}o sei"
        r"\b|\bik weet (?:het )?niet|\bik ben (?:er )?niet zeker",
    ),
    Rule(
        0.6,
        "is not sure, in Russian, Chinese, Japanese or Korean",
        r"я не (?:уверен|знаю)|насколько (?:мне известно|я знаю)|我不(?:确定|確定|太清楚|知道)|据我所知|(?:確か|確"
        r"信)ではありません|わかりません|かもしれません|확실하지 않|잘 모르겠|모르겠습니다",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Hedging(Ruled):
    """An answer in which the model says that it is not sure."""

    meta: ClassVar[Meta] = Meta(
        id="quality.hedging",
        title="Answer that is not sure of itself",
        why="Where a model hedges, it is wrong more often; such answers are the ones for people to look at.",
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM07",),
        references=("https://arxiv.org/abs/2302.13439", "https://arxiv.org/abs/2205.14334"),
        false_positives="Politeness, and caution that is right, such as advice to see a doctor.",
        hits=(
            "I'm not sure about that.",
            "As of my last update, the price was 9 EUR.",
            "I might be wrong, but it opened in 1971.",
            "Ich bin mir nicht sicher.",
            "Je ne suis pas s\u00fbr de la date.",
            "No estoy seguro de eso.",
            "我不确定这个日期。",
        ),
        misses=(
            "The bridge opened in 1971.",
            "Make sure that the lid is closed.",
            "You may enter now.",
            "Sie sind hier sicher.",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "hedging"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)
