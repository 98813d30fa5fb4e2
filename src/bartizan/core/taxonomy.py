"""Tags into public taxonomies, always with the edition, because the same number means another thing a year later.

A tag is written `framework:edition:id`, for example `owasp-llm:2026:LLM01`.

Sources: OWASP Top 10 for LLM Applications 2026 and for Agentic Applications 2026 (genai.owasp.org, CC BY-SA 4.0),
MITRE ATLAS data v2026.09 (atlas.mitre.org), CWE (cwe.mitre.org).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from bartizan.errors import PluginError

OWASP_LLM_2026: Mapping[str, str] = MappingProxyType(
    {
        "LLM01": "Prompt Injection",
        "LLM02": "Sensitive Information Disclosure",
        "LLM03": "Excessive Agency",
        "LLM04": "Supply Chain",
        "LLM05": "Data and Model Poisoning",
        "LLM06": "Unbounded Consumption",
        "LLM07": "Misinformation",
        "LLM08": "Hidden Context Exposure",
        "LLM09": "Vector and Embedding Weaknesses",
        "LLM10": "Improper Output Handling",
    }
)
OWASP_AGENTIC_2026: Mapping[str, str] = MappingProxyType(
    {
        "ASI01": "Agent Goal Hijack",
        "ASI02": "Tool Misuse",
        "ASI03": "Identity and Privilege Abuse",
        "ASI04": "Agentic Supply Chain",
        "ASI05": "Unexpected Code Execution",
        "ASI06": "Memory and Context Poisoning",
        "ASI07": "Insecure Inter-Agent Communication",
        "ASI08": "Cascading Failures",
        "ASI09": "Human-Agent Trust Exploitation",
        "ASI10": "Rogue Agents",
    }
)
_LISTED: Mapping[tuple[str, str], Mapping[str, str]] = MappingProxyType(
    {("owasp-llm", "2026"): OWASP_LLM_2026, ("owasp-agentic", "2026"): OWASP_AGENTIC_2026}
)
_SHAPED: Mapping[tuple[str, str], re.Pattern[str]] = MappingProxyType(
    {
        ("atlas", "2026.09"): re.compile(r"AML\.T\d{4}(\.\d{3})?"),
        ("cwe", "4"): re.compile(r"CWE-\d{1,4}"),
    }
)


class Tag(msgspec.Struct, frozen=True):
    """A reference to one entry of one edition of one framework."""

    framework: str
    edition: str
    entry: str

    def __str__(self) -> str:
        return f"{self.framework}:{self.edition}:{self.entry}"

    @property
    def title(self) -> str:
        """The entry's name where we ship the list, otherwise its id."""
        return _LISTED.get((self.framework, self.edition), {}).get(self.entry, self.entry)


def parse_tag(text: str) -> Tag:
    """Parses `framework:edition:id`.

    Raises:
        PluginError: The framework, its edition or the entry is not one that we know.
    """
    framework, _, rest = text.partition(":")
    edition, _, entry = rest.partition(":")
    listed = _LISTED.get((framework, edition))
    shaped = _SHAPED.get((framework, edition))
    if (listed and entry in listed) or (shaped and shaped.fullmatch(entry)):
        return Tag(framework, edition, entry)
    known = ", ".join(f"{name}:{year}" for name, year in sorted([*_LISTED, *_SHAPED]))
    raise PluginError(f"unknown taxonomy tag {text!r}", hint=f"write framework:edition:id with one of {known}")
