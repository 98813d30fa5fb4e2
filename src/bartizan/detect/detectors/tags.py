"""Text written in Unicode's tag characters, which no screen shows and every tokenizer reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.detect.detector import Detector, Found
from bartizan.detect.encodings import tags_text
from bartizan.registry import Meta

_BLACK_FLAG = "\U0001f3f4"
_CANCEL = "\U000e007f"
_FLAG_TAGS = 7


@dataclass(frozen=True, kw_only=True)
class Tags(Detector):
    """A run of tag characters that is not the flag of a region."""

    meta: ClassVar[Meta] = Meta(
        id="unicode.tags",
        title="Invisible text in tag characters",
        why="Tag characters carry whole instructions past human eyes; models read them as plain letters.",
        severity=Severity.CRITICAL,
        tags=("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0068", "cwe:4:CWE-1007"),
        references=(
            "https://embracethered.com/blog/posts/2024/hiding-and-finding-text-with-unicode-tags/",
            "https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences",
        ),
        false_positives="Flags of regions (England, Scotland, Wales) are made of tags; they are let through.",
        hits=("hello\U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065", "\U000e0001\U000e0041 text"),
        misses=("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f go England", "plain text"),
    )
    patterns: tuple[str, ...] = (r"[\x{E0000}-\x{E007F}]+",)
    triggers: tuple[str, ...] = (r"\xf3\xa0[\x80\x81]",)
    category: str = "hidden_text"
    score: float = 0.99

    def judge(self, found: Found) -> str | None:
        """Lets the flags of regions through and says how much text was hidden."""
        value = found.value
        region = found.text[found.start - 1 : found.start] == _BLACK_FLAG and value.endswith(_CANCEL)
        if region and len(value) <= _FLAG_TAGS and value[:-1].count(_CANCEL) == 0:
            return None
        hidden = tags_text(value)
        return f"{len(value)} invisible tag characters, which spell {len(hidden)} letters: {hidden[:200]!r}"
