"""What a probe is: an objective, the channel it travels by, the wordings that are tried, and how it is judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from bartizan.attack import probes
from bartizan.attack.target import Channel, Target
from bartizan.errors import PluginError
from bartizan.registry import Meta, Shelf, scan

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Goal(StrEnum):
    """What the attacker wants."""

    SAY = "say"
    """A text that only obedience makes: two words of the prompt, joined."""
    REVEAL = "reveal"
    """A secret of the system prompt."""
    CALL = "call"
    """A tool call that the user never asked for."""
    PLANTED = "planted"
    """What a planted document wants said."""


ALLOWED: Mapping[Goal, frozenset[str]] = {
    Goal.SAY: frozenset({"say"}),
    Goal.REVEAL: frozenset(),
    Goal.CALL: frozenset({"do"}),
    Goal.PLANTED: frozenset({"ask"}),
}
"""The placeholders that the templates of each goal may hold."""


class Carrier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The harmless content around a payload.

    Attributes:
        task: What the user asks, innocently.
        name: The document's name, or the tool that gave the content back.
        text: The content, with `{payload}` where the payload stands.
    """

    task: str
    name: str
    text: str


class Probe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to attack, read from a TOML record.

    Attributes:
        templates: The wordings; `{say}`, `{do}` and `{ask}` are filled in from the goal.
        carrier: What surrounds the payload, for the channels document and tool.
        mutable: Whether mutators may disguise the payload.
    """

    meta: Meta
    goal: Goal
    channel: Channel
    judge: str
    driver: str
    templates: tuple[str, ...]
    remediation: str
    carrier: Carrier | None = None
    mutable: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Probe:
        """Makes a probe from a TOML record.

        Raises:
            PluginError: A field is missing, unknown or wrong, or carrier and channel do not fit.
        """
        probe = msgspec.convert(record, type=cls)
        needs_carrier = probe.channel in {Channel.DOCUMENT, Channel.TOOL}
        if needs_carrier != (probe.carrier is not None) or (probe.carrier and "{payload}" not in probe.carrier.text):
            raise PluginError(f"{probe.meta.id}: the carrier does not fit the channel {probe.channel}")
        used = {name for template in probe.templates for name in _PLACEHOLDER.findall(template)}
        if not probe.templates or used - ALLOWED[probe.goal]:
            raise PluginError(
                f"{probe.meta.id}: its templates may hold {sorted(ALLOWED[probe.goal])} and no other name"
            )
        return probe

    def unfit(self, target: Target) -> str:
        """Returns why the probe cannot be tried on a target; empty where it can."""
        if self.channel not in target.channels:
            return f"the target has no channel {self.channel}"
        if self.goal is Goal.REVEAL and not target.canaries:
            return "no canary is known in the target, so a leak could not be told"
        if self.goal is Goal.CALL and not target.sinks:
            return "no sink is named, so a wrong call could not be told"
        if self.goal is Goal.PLANTED and not target.planted:
            return "no planted document is named"
        return ""


def shelf() -> Shelf[Probe]:
    """Returns every probe by its id."""
    return scan(probes, Probe)
