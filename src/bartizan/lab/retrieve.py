"""The lab's retrieval: BM25 over its documents (Robertson and Zaragoza, Probabilistic Relevance Framework, 2009)."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

from bartizan.lab.world import Document, documents

_K1, _B = 1.2, 0.75
_WORD = re.compile(r"\w+")
_STOP = re.compile(
    r"a|an|and|are|as|at|be|by|can|do|does|for|from|how|i|in|is|it|me|my"
    r"|of|on|or|the|to|what|when|where|which|who|with|you|your"
)


def words(text: str) -> list[str]:
    """Returns the words of a text that carry meaning, with a plural `s` taken off."""
    return [word.removesuffix("s") for word in _WORD.findall(text.lower()) if not _STOP.fullmatch(word)]


@cache
def _index() -> tuple[tuple[Document, Counter[str]], ...]:
    return tuple((document, Counter(words(f"{document.name} {document.text}"))) for document in documents())


def retrieve(question: str, *, most: int = 2) -> list[Document]:
    """Returns the documents that fit the question best, best first; none where no word of it occurs."""
    index = _index()
    average = sum(sum(counts.values()) for _, counts in index) / len(index)
    scored: list[tuple[float, Document]] = []
    for document, counts in index:
        length = sum(counts.values())
        score = 0.0
        for word in set(words(question)):
            holders = sum(word in other for _, other in index)
            rarity = math.log(1 + (len(index) - holders + 0.5) / (holders + 0.5))
            frequency = counts[word]
            score += rarity * frequency * (_K1 + 1) / (frequency + _K1 * (1 - _B + _B * length / average))
        if score > 0:
            scored.append((score, document))
    return [document for _, document in sorted(scored, key=lambda pair: (-pair[0], pair[1].name))[:most]]


def best_sentences(question: str, text: str, *, most: int = 2) -> str:
    """Returns the sentences of a text that share the most words with a question, in reading order."""
    wanted = set(words(question))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+", body) if part.strip()]
    ranked = sorted(range(len(sentences)), key=lambda i: (-len(wanted & set(words(sentences[i]))), i))[:most]
    return " ".join(sentences[i] for i in sorted(ranked))
