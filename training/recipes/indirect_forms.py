"""How a line gets into a text, and which forms and envelopes tools give to what they return.

A line is marked when it is put in, so that quoting and escaping act on it as on everything else.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any, Final

OPEN, CLOSE = "\ue000", "\ue001"
"""What stands around the line until its place in the final text is known."""
_GONE = "\ue002"
_LEAD: Final = re.compile(r"(?:^|\n)([ \t]*(?:#|//|\*|--|>|;|%)?[ \t]*)$")
_EMPTY_LINE: Final = re.compile(rf"(?m)^[ \t]*(?:#|//|\*|--|>|-|;|%)?[ \t]*{_GONE}[ \t]*\n?")
_HTML: Final = (
    "<p>%s</p>",
    "<p>%s</p>",
    "<div>%s</div>",
    "<!-- %s -->",
    "<!--%s-->",
    '<div style="display:none">%s</div>',
    '<span style="font-size:0px;color:#ffffff">%s</span>',
    '<p style="color:white;font-size:1px">%s</p>',
    '<img src="/img/spacer.png" alt="%s">',
    '<meta name="description" content="%s">',
    '<span class="sr-only">%s</span>',
    '<div hidden aria-hidden="true">%s</div>',
    '<blockquote class="comment">%s</blockquote>',
    '<a href="/more" title="%s">more</a>',
    '<input type="hidden" name="note" value="%s">',
    "<small>%s</small>",
    "<li>%s</li>",
    "<noscript>%s</noscript>",
    '<script type="application/ld+json">{"description": "%s"}</script>',
    '<div style="position:absolute;left:-9999px">%s</div>',
)


def flat(text: str) -> str:
    return re.sub(r"\s*\n\s*", " ", text)


def place(random: Random, text: str, line: str | None, *, shape: str) -> str:
    """The carrier's text with the line, marked, in one of its places and the other places closed."""
    ends = 0.2 if shape == "text" else 0.0
    if random.random() < ends:
        text = "@@\n\n" + text.replace("@@", _GONE) if random.random() < 0.4 else text.replace("@@", _GONE) + "\n\n@@"
    parts = text.split("@@")
    pick = random.randrange(len(parts) - 1) if len(parts) > 1 else -1
    out = parts[0]
    for number, part in enumerate(parts[1:]):
        lead = _LEAD.search(out)
        if number != pick or line is None:
            put = _GONE
        elif shape == "html" and lead and (not part or part.startswith("\n")):
            wrap = random.choice(_HTML)
            put = wrap.replace("%s", f"{OPEN}{line if '--' in wrap else html.escape(flat(line))}{CLOSE}")
        elif shape == "html":
            put = f"{OPEN}{html.escape(flat(line))}{CLOSE}"
        elif lead:
            put = f"{OPEN}{line.replace(chr(10), chr(10) + lead[1])}{CLOSE}"
        else:
            put = f"{OPEN}{flat(line)}{CLOSE}"
        out += put + part
    out = _EMPTY_LINE.sub("", out)
    return re.sub(r"\n{3,}", "\n\n", re.sub(f" ?{_GONE}", "", out)).strip()


def render(random: Random, items: list[dict[str, str]], root: str) -> str:
    """The records in one of the forms in which tools answer."""
    form = random.choice(
        ("json", "json", "compact", "repr", "repr", "yaml", "csv", "xml", "table", "lines", "lines", "jsonl")
    )
    whole: Any = items[0] if len(items) == 1 and random.random() < 0.5 else items
    if random.random() < 0.6:
        whole = random.choice(
            ({root: whole}, {"status": "ok", root: whole}, {"count": len(items), root: whole, "next": None})
        )
    if form in ("json", "compact"):
        text = json.dumps(
            whole, ensure_ascii=random.random() < 0.1, indent=random.choice((2, 4)) if form == "json" else None
        )
    elif form == "repr":
        text = repr(whole)
    elif form == "jsonl":
        text = "\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    elif form == "csv":
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(items[0]), delimiter=random.choice(",;\t"), lineterminator="\n")
        writer.writeheader()
        writer.writerows(items)
        text = buffer.getvalue()
    elif form == "xml":
        rows = ("".join(f"\n    <{k}>{html.escape(v, quote=False)}</{k}>" for k, v in item.items()) for item in items)
        text = f"<{root}>" + "".join(f"\n  <item>{row}\n  </item>" for row in rows) + f"\n</{root}>"
    elif form == "table":
        rows = (" | ".join(flat(value).replace("|", "/") for value in item.values()) for item in items)
        text = f"| {' | '.join(items[0])} |\n|{' --- |' * len(items[0])}\n" + "\n".join(f"| {row} |" for row in rows)
    else:
        start = "- " if form == "yaml" else ""
        quote: Callable[[str], str] = (lambda v: json.dumps(v, ensure_ascii=False)) if form == "yaml" else flat
        blocks = (
            "\n".join(f"{'  ' if start and n else start}{k}: {quote(v)}" for n, (k, v) in enumerate(item.items()))
            for item in items
        )
        text = ("\n" if start else "\n\n").join(blocks)
    return text


def envelope(random: Random, text: str, fill: Callable[[str], str]) -> str:
    """What a tool puts around a text: nothing mostly, or JSON, tags, a fence, a heading."""
    if random.random() < 0.7:
        return text
    name = random.choice(("content", "text", "body", "result", "output", "page_content", "data"))
    if random.random() < 0.5:
        keys = {
            "url": fill("{url}"),
            "retrieved": fill("{date}T{time}"),
            "id": fill("{hex}"),
            "status": "200",
        }
        chosen = {key: keys[key] for key in random.sample(list(keys), k=random.randint(0, 3))}
        return json.dumps(chosen | {name: text}, ensure_ascii=False, indent=random.choice((None, 2)))
    tag = random.choice(("tool_output", "document", "file", "result", "context", "function_results", "page"))
    return random.choice(
        (
            f"<{tag}>\n{text}\n</{tag}>",
            f"```\n{text}\n```",
            f"Observation: {text}",
            f"{name}:\n{text}",
            f"--- {fill('{file}')} ---\n{text}",
            f"[1] {text}",
        )
    )


def unmark(text: str) -> tuple[str, tuple[int, int] | None]:
    """The text without marks, and from where to where the line stands in it; None where there is none."""
    text = text.replace("\\ue000", OPEN).replace("\\ue001", CLOSE)
    start, end = text.find(OPEN), text.find(CLOSE) - 1
    return text.replace(OPEN, "").replace(CLOSE, ""), (start, end) if start >= 0 else None
