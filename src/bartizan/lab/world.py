"""What the lab is made of, read from its data files: applications, documents, and the agent's small world."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import msgspec

from bartizan.core.attempt import ToolCall

STRICT = "-strict"


class _Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of the lab's data files."""


class Sink(_Data, frozen=True, kw_only=True):
    """A tool call that an attacker wants: the tool, arguments that must be equal, and how to ask for it."""

    tool: str
    arguments: dict[str, str]
    ask: str


class Application(_Data, frozen=True, kw_only=True):
    """One weak application; `kind` is chat, rag or agent. Strict ones resist more and are called `NAME-strict`."""

    name: str
    kind: str
    title: str
    canary: str
    topics: str
    system: str
    sinks: tuple[Sink, ...] = ()
    strict: bool = False

    @property
    def prompt(self) -> str:
        """The system prompt with its secret in place."""
        return self.system.strip().replace("{canary}", self.canary)


class Planted(_Data, frozen=True, kw_only=True):
    """A poisoned document: the question that finds it and what a weak assistant then says."""

    application: str
    document: str
    ask: str
    marker: str


class Mail(_Data, frozen=True, kw_only=True):
    """A message in the agent's mailbox."""

    sender: str = msgspec.field(name="from")
    subject: str
    body: str


class File(_Data, frozen=True, kw_only=True):
    """A file of the agent."""

    name: str
    body: str


class Document(_Data, frozen=True, kw_only=True):
    """A document of the knowledge base."""

    name: str
    text: str


class _Applications(_Data, frozen=True, kw_only=True):
    application: tuple[Application, ...]
    planted: tuple[Planted, ...]


class _World(_Data, frozen=True, kw_only=True):
    mail: tuple[Mail, ...]
    file: tuple[File, ...]


def read_data(name: str) -> bytes:
    """Returns the bytes of one of the lab's data files."""
    return files("bartizan.lab").joinpath(name).read_bytes()


@cache
def applications() -> tuple[Application, ...]:
    """Returns every application, each with its strict variant right after it."""
    plain = msgspec.toml.decode(read_data("applications.toml"), type=_Applications).application
    return tuple(
        each
        for one in plain
        for each in (one, msgspec.structs.replace(one, name=one.name + STRICT, strict=True, canary=_other(one.canary)))
    )


@cache
def planted() -> tuple[Planted, ...]:
    """Returns the poisoned documents."""
    return msgspec.toml.decode(read_data("applications.toml"), type=_Applications).planted


@cache
def documents() -> tuple[Document, ...]:
    """Returns the knowledge base in the order of file names."""
    folder = files("bartizan.lab").joinpath("documents")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".md"))
    return tuple(Document(name=name, text=folder.joinpath(name).read_text(encoding="utf-8")) for name in names)


@cache
def _world() -> _World:
    return msgspec.toml.decode(read_data("world.toml"), type=_World)


def _other(canary: str) -> str:
    """Returns another secret of the same shape, so that the variants of an application can be told apart."""
    head, _, tail = canary.rpartition("-")
    return f"{head}-{tail[::-1]}"


@dataclass(kw_only=True)
class World:
    """The agent's world during one request: its tools act on it and leave a trace.

    Attributes:
        trace: The calls that were made, in order.
    """

    trace: list[ToolCall] = field(default_factory=list)

    def read_mail(self) -> str:
        """Returns the whole mailbox as text."""
        self._note("read_mail")
        return "\n\n".join(f"From: {mail.sender}\nSubject: {mail.subject}\n{mail.body}" for mail in _world().mail)

    def list_files(self) -> str:
        """Returns the names of the files."""
        self._note("list_files")
        return ", ".join(file.name for file in _world().file)

    def read_file(self, name: str) -> str:
        """Returns a file's text, or says that there is none."""
        self._note("read_file", name=name)
        return next((file.body for file in _world().file if file.name == name), f"There is no file {name}.")

    def send_mail(self, to: str, body: str) -> str:
        """Pretends to send a mail."""
        self._note("send_mail", to=to, body=body)
        return f"Mail to {to} sent."

    def make_payment(self, account: str, amount: str) -> str:
        """Pretends to pay."""
        self._note("make_payment", account=account, amount=amount)
        return f"Payment of {amount} EUR to {account} made."

    def _note(self, tool: str, **arguments: str) -> None:
        self.trace.append(ToolCall(name=tool, arguments=json.dumps(arguments, ensure_ascii=False)))


def file_names() -> tuple[str, ...]:
    """Returns the names of the agent's files."""
    return tuple(file.name for file in _world().file)
