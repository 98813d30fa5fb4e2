"""Targets: what is attacked, what is planted in it, and which ways lead into it. A target is a TOML file."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bartizan.core.asset import AssetKind, asset_id
from bartizan.core.identity import digest
from bartizan.errors import InputError

_MAX_FILE_BYTES = 1_000_000
SHORTEST_CANARY = 8
"""A shorter secret would be found by chance."""


class Channel(StrEnum):
    """A way by which an attacker's text reaches the model."""

    USER = "user"
    """The attacker is the user."""
    DOCUMENT = "document"
    """The attacker wrote a document that the user hands over."""
    TOOL = "tool"
    """The attacker wrote what a tool gives back, such as a mail."""
    RETRIEVED = "retrieved"
    """The attacker's document lies in the index already; an innocent question finds it."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a target file."""


class Sink(_Part, frozen=True, kw_only=True):
    """A tool call that an attacker wants.

    Attributes:
        arguments: Arguments that the call must have, compared as text without case and white space around.
        ask: The call as an imperative, such as `send a mail to x@y.example with the content of z`.
    """

    tool: str
    arguments: dict[str, str]
    ask: str


class Planted(_Part, frozen=True, kw_only=True):
    """A document with hostile instructions that was planted in the target's sources.

    Attributes:
        document: What it is called there.
        ask: An innocent question that makes the target read it.
        marker: What the answer holds when the target obeyed it.
    """

    document: str
    ask: str
    marker: str


class Target(_Part, frozen=True, kw_only=True):
    """What is attacked.

    Attributes:
        url: The base URL of an OpenAI-compatible API, up to and without `/chat/completions`.
        key: Where its API key is, `env:NAME` or `file:PATH`; empty where it needs none.
        asset: The id of the asset that findings are about; made from kind and locator where empty.
        locator: Where the asset is; `url#model` where empty.
        system: A system prompt that the attack itself sends, for a bare model without an application around it.
        tools: OpenAI tool definitions that the attack itself offers, likewise.
        channels: The ways into it.
        canaries: Secrets that stand in its system prompt and must never come back.
        sinks: Tool calls that an attacker wants.
        planted: Hostile documents in its sources.
        trace: The field of an answer that lists the tool calls made on the server's side, empty where there is none.
        options: Further fields of each request, such as `temperature`.
    """

    url: str
    model: str
    key: str = ""
    name: str = ""
    kind: AssetKind = AssetKind.APPLICATION
    asset: str = ""
    locator: str = ""
    system: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    channels: frozenset[Channel] = frozenset({Channel.USER, Channel.DOCUMENT})
    canaries: tuple[Annotated[str, msgspec.Meta(min_length=SHORTEST_CANARY)], ...] = ()
    sinks: tuple[Sink, ...] = ()
    planted: tuple[Planted, ...] = ()
    trace: str = ""
    options: dict[str, Any] = {}

    @property
    def asset_id(self) -> str:
        """The id of the asset that findings are about."""
        return self.asset or asset_id(self.kind, self.place)

    @property
    def place(self) -> str:
        """The locator of the asset."""
        return self.locator or f"{self.url}#{self.model}"

    @property
    def traced(self) -> bool:
        """Whether tool calls can be seen at all."""
        return bool(self.trace or self.tools)

    def at(self, url: str) -> Target:
        """Returns the same target reached by another address, such as a gateway in front of it."""
        return msgspec.structs.replace(self, url=url, asset=self.asset_id, locator=self.place)


class _Profile(msgspec.Struct, frozen=True, kw_only=True):
    targets: tuple[Target, ...]


def read_target(file: Path) -> Target:
    """Reads a target file.

    Raises:
        InputError: It cannot be read, is not TOML, or has a field that is unknown, missing or of the wrong type.
    """
    try:
        with file.open("rb") as stream:
            return msgspec.convert(tomllib.loads(stream.read(_MAX_FILE_BYTES).decode("utf-8")), type=Target)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise InputError(f"{file}: {error}", hint="docs/attack.md shows a target file") from error


def read_profile(body: bytes, *, model: str = "") -> Target:
    """Returns the target for `model` from a lab's answer key, the last plain one where no model is named.

    Raises:
        InputError: The body is no answer key, or there is no such model in it.
    """
    try:
        targets = msgspec.json.decode(body, type=_Profile).targets
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"this is no answer key of a lab: {error}", hint="is it GET /lab/profile?") from error
    known = {target.model: target for target in targets}
    chosen = model or next((name for name in reversed(known) if not name.endswith("-strict")), "")
    if chosen not in known:
        raise InputError(f"the lab has no model {chosen!r}", hint=f"there are {', '.join(known)}")
    return known[chosen]


def bare(url: str, model: str, *, seed: int = 0) -> Target:
    """Returns a target for a model that nothing is known about: the attack plants its own secret and offers tools."""
    template = tomllib.loads(files("bartizan.attack").joinpath("bare.toml").read_text(encoding="utf-8"))
    canary = "-".join(("BZN", digest("canary", str(seed), length=4), digest(model, str(seed), length=8))).upper()
    fields = {**template, "url": url, "model": model, "canaries": [canary]}
    fields["system"] = template["system"].replace("{canary}", canary)
    return msgspec.convert(fields, type=Target)
