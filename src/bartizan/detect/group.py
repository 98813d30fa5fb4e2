"""What is asked about a text, and what a text is: the names that scores, thresholds and files share."""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """What is asked about a text."""

    INJECTION = "injection"
    MODERATION = "moderation"
    LEAK = "leak"
    HIDDEN = "hidden"
    PII = "pii"
    SECRETS = "secrets"


class Kind(StrEnum):
    """What a text is."""

    USER = "user"
    DOCUMENT = "document"
    TOOL = "tool"
    OUTPUT = "output"
