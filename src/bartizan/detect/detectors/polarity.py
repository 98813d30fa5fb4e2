"""Texts that are strongly negative: an angry customer, an answer that has lost its manners."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.segment import Role
from bartizan.core.severity import Severity
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.detect.sentiment import negative
from bartizan.registry import Meta

_LEAST = 0.7


@dataclass(frozen=True, kw_only=True)
class Polarity(Reader):
    """A turn or an answer that is strongly negative, by the words of praise and of complaint in it."""

    meta: ClassVar[Meta] = Meta(
        id="sentiment.polarity",
        title="Strongly negative text",
        why=(
            "The text is clearly negative. An angry customer is one for a person to answer, and an assistant that "
            "answers angrily is one to look at; neither is an attack."
        ),
        severity=Severity.INFO,
        tags=("owasp-llm:2026:LLM07",),
        references=("https://doi.org/10.1162/COLI_a_00049", "https://doi.org/10.1609/icwsm.v8i1.14550"),
        false_positives=(
            "Quoted reviews, questions about such words, and angry characters in fiction. Sarcasm is missed, "
            "because its words are those of praise, and so are complaints in plain words."
        ),
        hits=(
            "This is the worst service ever. I am furious, and your support is useless.",
            "I am very disappointed. The manager was rude and the whole visit was a disaster, absolutely awful.",
            "Not helpful, not friendly, and utterly unacceptable!",
            "Das ist eine Frechheit! Der Service ist miserabel und ich bin wirklich wütend.",
            "Votre service est lamentable, c'est une honte et je suis furieux.",
            "Es un servicio pésimo, una vergüenza, y estoy muy decepcionado.",
            "Péssimo atendimento, uma vergonha, estou muito irritado.",
            "Un servizio pessimo e vergognoso, sono furioso.",
            "Это ужасный сервис, я в бешенстве, полное безобразие!",
            "服务太恶劣了，简直是垃圾，我非常失望。",
            "対応が最悪で、本当にひどい。もううんざりです。",
            "서비스가 최악이고 정말 짜증나고 실망했습니다.",
            "خدمة سيئة جدا وموظف وقح، أنا غاضب للغاية.",
            "यह सबसे घटिया सेवा है, मैं बहुत निराश और नाराज हूँ।",
        ),
        misses=(
            "How do I reset my password?",
            "The build failed with an error; what is wrong with this function?",
            "The food was good, but the wait was annoying.",
            "It is not bad at all, and the staff were not rude.",
            "Thank you, that was very helpful. I love it!",
            "Summarise the causes of the First World War and its terrible losses.",
            "Oh great, another update. Just what I needed.",
            "Der Termin ist am Montag, bitte bringen Sie den Ausweis mit.",
            "请问退款需要几天？",
            "배송은 언제 되나요?",
        ),
    )
    heeds: bool = False
    category: str = "negative_sentiment"
    roles: tuple[Role, ...] = (Role.USER, Role.ASSISTANT)

    def read(self, text: str, context: Context) -> Iterator[Sight]:  # noqa: ARG002  (a mood needs no context)
        """Yields one place, from the first word of complaint to the last, where the text is clearly negative."""
        found = negative(text)
        if found.score >= _LEAST:
            yield Sight(found.start, found.end, round(found.score, 4), f"is strongly negative, in {found.language}")
