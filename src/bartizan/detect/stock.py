"""Instructions of which nothing is given away by their words: short ones, and those that are like everybody's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from bartizan.detect.sentences import weight, words

_FEWEST = 8
_LEAST = 2.0
"""What the words of instructions say, at least, that are not in everybody's; about two words of their own."""
_COMMON = 0.35
_ROOT = 5
_ROOTS = """
    accurate assistant careful clear concise correct courteous detailed friendly harmless helpful honest knowledgeable
    artificial chatbot conversation intelligence kind language large natural polite possible professional respectful
    safe short step thinking trained truthful useful virtual
    hilfreich hilfsbereit assistent höflich freundlich beantworte antworte frage fragen nutzer benutzer deutsch bist
    deine aufgabe stets immer ehrlich knapp kurz
    utile assistant serviable réponds répondez question poliment utilisateur français toujours courtois
    útil asistente servicial responde preguntas usuario español siempre cortés amable
    assistente prestativo responda perguntas usuário português sempre educado educada
    disponibile rispondi domande utente italiano cortese gentile
    полезный помощник отвечай отвечайте вопросы пользователя вежливо всегда русском ассистент являешься
    당신은 유용한 도움이 도우미 도우미입니다 어시스턴트 친절한 질문에 한국어로 답하세요 답변하세요 사용자의
"""
_SIGNS = frozenset(
    "你您是一个個位名的有帮幫助于於乐樂人能智用户戶请請中文回答问問题題和并並礼禮貌友好善简簡洁潔"
    "あなたは親切役に立つ優秀アシスタントでする質日本語えてくだ下さい丁寧の手を者利し"
)
_YOU = re.compile(
    r"(?i)\W*(?:(?:you|your|you're|du|dein\w*|sie|ihr|tu|vous|eres|usted|t\u00fa|voc\u00ea|sei|lei|jij?|je|u|ты|вы)\b|你|您|あなた|당신)"
)


def is_curt(found: Sequence[str]) -> bool:
    """Whether instructions are so short that an answer may hold all their words by chance; two ideographs are a word.

    Args:
        found: Their words, as `sentences.words` gives them.
    """
    return sum(0.5 if len(word) == 1 and not word.isascii() else 1.0 for word in found) < _FEWEST


def is_stock(found: Sequence[str]) -> bool:
    """Whether words are those of everybody's instructions (`You are a helpful assistant`), with few of their own."""
    own = (word for word in set(found) if word not in _SIGNS and word[:_ROOT] not in _roots())
    return sum(value for value in map(weight, own) if value > _COMMON) < _LEAST


def addresses(text: str) -> bool:
    """Whether a text begins by speaking to somebody: `You are`, which an honest answer repeats as `I am`."""
    return _YOU.match(text) is not None


@cache
def _roots() -> frozenset[str]:
    return frozenset(word[:_ROOT] for word in words(_ROOTS).texts)
