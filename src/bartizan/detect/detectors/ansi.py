"""Terminal escape sequence in an answer: what an answer must not hold unmarked."""

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
        "an escape sequence",
        r"\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|\][^\x07\x1b]{0,400}(?:\x07|\x1b\\)|[PX^_][^\x1b]{0,400}\x1b\\|["
        r" -/]{1,3}[0-~]|[0-Zc\\-~=>])",
    ),
    Rule(
        0.9,
        "an escape sequence in eight bits",
        r"\x{9b}[0-?]{0,40}[@-~]|\x{9d}[^\x07\x{9c}]{0,400}(?:\x07|\x{9c})|\x{90}[^\x{9c}]{0,400}\x{9c}",
    ),
    Rule(
        0.7,
        "characters rubbed out",
        r"[^\r\n]{0,80}\x08{4,200}[^\x08\n]{0,80}",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Ansi(Ruled):
    """Escape sequences and rubbed-out characters."""

    meta: ClassVar[Meta] = Meta(
        id="output.ansi",
        title="Terminal escape sequence in an answer",
        why=(
            "A terminal obeys escapes: they hide or forge lines, write to the clipboard, link "
            "elsewhere, and leak by name lookup."
        ),
        severity=Severity.MEDIUM,
        tags=(
            "owasp-llm:2026:LLM10",
            "cwe:4:CWE-150",
        ),
        references=(
            "https://embracethered.com/blog/posts/2024/terminal-dillmas-prompt-injection-ansi-sequences/",
            "https://invisible-island.net/xterm/ctlseqs/ctlseqs.html",
        ),
        false_positives="Tools that colour their output and pass it to a model, which repeats it.",
        hits=(
            "All good \x1b[8mhidden words\x1b[0m",
            "\x1b]8;;https://evil.example\x07click\x1b]8;;\x07",
            "\x1b]52;c;Y3VybCBldmls\x07",
            "Deleting\x08\x08\x08\x08\x08\x08\x08\x08Keeping",
        ),
        misses=(
            "Use \\x1b[31m for red text.",
            "ESC [ 31 m switches to red.",
            "Tabs\tand lines\r\nare fine.",
        ),
    )
    rules: ClassVar[Sequence[Rule]] = _RULES
    category: str = "terminal_escape"
    roles: tuple[Role, ...] = (Role.ASSISTANT,)
