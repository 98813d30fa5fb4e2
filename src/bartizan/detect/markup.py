"""Text that a page or a document carries and its reader does not see: comments, hidden elements, titles of links."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from typing import Final

from bartizan.detect.encodings import Encoding
from bartizan.detect.normalise import Part, View
from bartizan.detect.views import join

_MOST: Final = 4_000
_MOST_PARTS: Final = 2_000
_COMMENT = re.compile(r"<!--")
_OPENING = re.compile(r"<([a-zA-Z][a-zA-Z0-9]{0,15})\b([^<>]{0,600})>")
_UNSEEN = re.compile(
    r"""display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}(?:hidden|collapse)|opacity\s{0,3}:\s{0,3}0(?:\.0{1,3})?\s{0,3}(?:[;"'!]|$)
    |font-size\s{0,3}:\s{0,3}(?:0|0?\.\d|1px|1pt)(?![\d.])|(?:max-)?(?:height|width)\s{0,3}:\s{0,3}[01](?:px)?\s{0,3}(?:[;"'!]|$)
    |(?:left|top|right|text-indent|margin-left)\s{0,3}:\s{0,3}-\d{3,5}|clip(?:-path)?\s{0,3}:
    |(?<![-\w])color\s{0,3}:\s{0,3}(?:white|\#fff(?:fff)?\b|transparent|rgba\([^)]{0,30},\s{0,3}0\))
    |\s(?:hidden(?:\s|=|$)|aria-hidden\s{0,2}=)|size\s{0,2}=\s{0,2}["']?[01]["'\s]""",
    re.IGNORECASE | re.VERBOSE,
)
_UNSEEN_ELEMENTS: Final = frozenset({"noscript", "template", "noframes"})
_REFERENCE = re.compile(
    r"""^[ ]{0,3}\[[^\]\n]{1,80}\]:[ \t]{0,8}\S{1,500}[ \t]{1,8}
        (?:"([^"\n]{1,2000})"|'([^'\n]{1,2000})'|\(([^)\n]{1,2000})\))
    |\]\([^()\s]{1,500}[ \t]{1,8}(?:"([^"\n]{1,2000})"|'([^'\n]{1,2000})')[ \t]{0,8}\)
    |!\[([^\]\n]{16,2000})\]\(""",
    re.MULTILINE | re.VERBOSE,
)


class Unseen(Encoding):
    """Parts of a text that are shown to nobody, one below the other in one view."""

    def views(self, view: View) -> Iterator[View]:
        """Yields what the parts say, where there are some."""
        how = (*view.how, self.name)
        parts = [
            Part(text=view.text[start:end], how=how, parent=view, at=start)
            for _, (start, end) in zip(range(_MOST_PARTS), self._parts(view.text), strict=False)
            if view.text[start:end].strip()
        ]
        if parts and not UNSEEN & set(view.how):
            yield join(how, parts)

    @abstractmethod
    def _parts(self, text: str) -> Iterator[tuple[int, int]]:
        """Yields where each part begins and ends."""


class Comments(Unseen):
    """Comments of HTML and XML, up to the end of the text where one is not closed."""

    def _parts(self, text: str) -> Iterator[tuple[int, int]]:
        at = text.find("<!--")
        while at >= 0:
            start = at + len("<!--")
            end = text.find("-->", start, start + _MOST)
            end = min(len(text), start + _MOST) if end < 0 else end
            yield start, end
            at = text.find("<!--", end)


class Elements(Unseen):
    """Elements that are hidden, of no size, without contrast, or off the page."""

    def _parts(self, text: str) -> Iterator[tuple[int, int]]:
        reached = 0
        for tag in _OPENING.finditer(text):
            if tag.start() < reached or not (tag[1].lower() in _UNSEEN_ELEMENTS or _UNSEEN.search(tag[2])):
                continue
            end = text.find(f"</{tag[1]}", tag.end(), tag.end() + _MOST)
            reached = min(len(text), tag.end() + _MOST) if end < 0 else end
            yield tag.end(), reached


class Titles(Unseen):
    """Comments of Markdown, which are references that nothing refers to, titles of links, and words for images."""

    def _parts(self, text: str) -> Iterator[tuple[int, int]]:
        for match in _REFERENCE.finditer(text):
            yield match.span(match.lastindex or 0)


UNSEEN: Final = frozenset({"comments", "hidden elements", "titles"})
"""The names of these layers: what is in them is content, whoever sends it."""

MARKUPS: tuple[Encoding, ...] = (
    Comments(name="comments", trigger="<!--"),
    Elements(
        name="hidden elements",
        trigger=r"display:\s?none|visibility:\s?hidden|font-size:\s?[01.]|opacity:\s?0|text-indent:\s?-|(?:left|top):\s?-\d{3}"
        r"|color:\s?(?:white|#fff|transparent|rgba)|clip:|clip-path:|hidden>|hidden=|hidden style|aria-hidden"
        "|<noscript|<template|<font",
    ),
    Titles(name="titles", trigger=r"\[//\]|\[comment\]|\]: # |\]: <> |\) \"|[a-z/] \"[^\"\n]{9,200}\"\)|!\["),
)
"""The layers that nobody sees."""
