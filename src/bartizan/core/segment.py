"""Segments: pieces of content with their provenance. Instruction space and content space never mix."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Direction(StrEnum):
    """Which way content travels through the guard."""

    INPUT = "input"
    OUTPUT = "output"


class Role(StrEnum):
    """Who speaks in a segment."""

    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    DOCUMENT = "document"
    MEMORY = "memory"


TRUSTED_ROLES = frozenset({Role.SYSTEM, Role.DEVELOPER})
"""Roles that the operator of an application writes, and may therefore give instructions."""


IDENTIFIERS = "identifiers"
"""The source of segments that hold names and ids; what reads language does not look at them."""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of content.

    Attributes:
        text: The content.
        role: Who speaks.
        source: Where it came from: `messages`, `tool:read_mail`, `tool_call:send_mail`, `document:invoice.pdf`.
        trusted: Whether its author may give the model instructions.
        path: Where it sits in its message, so that a redaction can be written back (`messages.2.content.0.text`).
    """

    text: str
    role: Role
    source: str = "messages"
    trusted: bool = False
    path: str = ""
