"""From a JSON tree to segments, and changed texts back into the tree.

Every text of a message has a segment: what a codec does not know is content too, because an unknown field may be one
that the model or the user reads. Only the fixed words of an API (`"role"`, `"type": "function"`) are left out.
Names and ids are checked together, as one segment of `identifiers` with a line each.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec

from bartizan.core.segment import IDENTIFIERS, Role, Segment
from bartizan.llm import strict_json
from bartizan.llm.strict_json import at

Path = tuple[str | int, ...]
REDACTED = "[redacted]"
"""Stands where a whole value had to go because no part of it could be cut out."""

FIXED = frozenset(
    # members of chat requests and answers, then of JSON Schema, draft 2020-12
    """
    messages role content type text name model stream tools tool_choice tool_calls tool_call_id function functions
    function_call arguments id index object created choices message delta finish_reason usage logprobs refusal
    reasoning reasoning_content annotations audio url url_citation title image_url detail file file_data file_id
    filename input_audio data format transcript expires_at prediction response_format json_schema schema strict
    metadata user stop seed n temperature top_p top_k max_tokens max_completion_tokens presence_penalty
    frequency_penalty logit_bias top_logprobs parallel_tool_calls stream_options include_usage store service_tier
    system_fingerprint prompt_tokens completion_tokens total_tokens prompt_tokens_details verbosity
    completion_tokens_details cached_tokens audio_tokens reasoning_tokens accepted_prediction_tokens
    rejected_prediction_tokens reasoning_effort modalities safety_identifier prompt_cache_key bytes token logprob
    parameters properties required description enum items additionalProperties default const anyOf oneOf allOf not
    minimum maximum minLength maxLength minItems maxItems pattern examples $ref $defs definitions nullable
    uniqueItems exclusiveMinimum exclusiveMaximum multipleOf prefixItems patternProperties $schema
    """.split()  # noqa: SIM905  (a list of words reads best as words)
)
"""Names of members that an API or JSON Schema defines; other names are content."""
_FIXED_TYPES = frozenset(
    """
    function text image_url input_audio file refusal object string number integer boolean array null json_object
    json_schema content url_citation
    """.split()  # noqa: SIM905  (a list of words reads best as words)
)
_LONG_NUMBER = 10**8
"""From nine digits on, a number may be somebody's: a card, an account, a telephone."""
_PLAIN_NUMBERS = frozenset({("created",), ("expires_at",), ("seed",)})
_TEXT_MEDIA = ("text/", "application/json", "application/xml", "application/x-yaml", "image/svg")


class Voice(NamedTuple):
    """Who says a text, from where, and whether its author may give instructions."""

    role: Role
    source: str
    trusted: bool = False


class Slot(Protocol):
    """Where a segment's text sits in the tree."""

    def write(self, tree: Any, text: str) -> None:
        """Puts a changed text there."""


@dataclass(frozen=True, slots=True)
class TextSlot:
    """One string."""

    path: Path

    def write(self, tree: Any, text: str) -> None:
        """Replaces the string."""
        _put(tree, self.path, text)


@dataclass(frozen=True, slots=True)
class PartsSlot:
    """The text of several content parts, read in one go. A secret may begin in one part and end in the next."""

    paths: tuple[Path, ...]

    def write(self, tree: Any, text: str) -> None:
        """Puts the whole text into the first part, unless the parts' own changes amount to it already."""
        if "".join(_get(tree, path) for path in self.paths) == text:
            return
        _put(tree, self.paths[0], text)
        for path in self.paths[1:]:
            _put(tree, path, "")


@dataclass(frozen=True, slots=True)
class UnescapedSlot:
    """The arguments of a tool call as the tool will read them: with the escapes of the inner JSON undone."""

    path: Path

    def write(self, tree: Any, text: str) -> None:
        """Keeps arguments that were changed to the same effect; otherwise they become one redacted value."""
        if unescaped(_get(tree, self.path)) != text:
            _put(tree, self.path, strict_json.encode({"redacted": text}).decode())


@dataclass(frozen=True, slots=True)
class DroppedSlot:
    """Something that is dropped as a whole when a text in it must change, such as token probabilities."""

    path: Path

    def write(self, tree: Any, text: str) -> None:  # noqa: ARG002  (the interface of all slots)
        """Drops it."""
        _put(tree, self.path, None)


@dataclass(frozen=True, slots=True)
class DataUrlSlot:
    """A text document inside a `data:` URL."""

    path: Path
    head: str

    def write(self, tree: Any, text: str) -> None:
        """Encodes the changed document."""
        _put(tree, self.path, f"{self.head},{base64.b64encode(text.encode()).decode()}")


@dataclass(slots=True)
class IdentifiersSlot:
    """Names and ids, a line each: values at their paths, and names of members (`key` true)."""

    places: list[tuple[Path, bool]] = field(default_factory=list)

    def write(self, tree: Any, text: str) -> None:
        """Keeps those that are still there; other values become `redacted`, and members of other names go."""
        kept = set(text.split("\n"))
        for path, is_key in self.places:
            if not is_key and str(_get(tree, path)) not in kept:
                _put(tree, path, REDACTED)
        # The deepest first, so that what holds a member is still there when the member goes.
        for path, is_key in sorted(self.places, key=lambda place: -len(place[0])):
            if is_key and path[-1] not in kept:
                del _get(tree, path[:-1])[path[-1]]


class Reading:
    """Collects the segments of one tree, each with the slot that its text came from.

    Attributes:
        opaque: How many parts have content that is no text (pictures, sound), which the detectors do not see.
    """

    def __init__(self, role: Role) -> None:
        self._role = role
        self.segments: list[Segment] = []
        self.slots: list[Slot] = []
        self.opaque = 0
        self._names: list[str] = []
        self._identifiers = IdentifiersSlot()

    def text(self, text: str, path: Path, voice: Voice) -> None:
        """Notes one string."""
        if text:
            self._note(text, TextSlot(path), voice)

    def identifier(self, name: str, path: Path) -> None:
        """Notes a name or id; in its own right where it has several lines."""
        if "\n" in name:
            self._note(name, TextSlot(path), Voice(self._role, IDENTIFIERS))
        elif name:
            self._names.append(name)
            self._identifiers.places.append((path, False))

    def parts(self, texts: Sequence[tuple[str, Path]], voice: Voice) -> None:
        """Notes the text parts of one message, each for itself and all in one go."""
        for text, path in texts:
            self.text(text, path, voice)
        if len(texts) > 1:
            self._note("".join(text for text, _ in texts), PartsSlot(tuple(path for _, path in texts)), voice)

    def arguments(self, text: str, path: Path, voice: Voice) -> None:
        """Notes the arguments of a tool call, which are JSON inside a string, as written and as they will be read."""
        self.text(text, path, voice)
        if "\\" in text:
            self._note(unescaped(text), UnescapedSlot(path), voice)

    def droppable(self, texts: Iterable[str], path: Path, voice: Voice) -> None:
        """Notes texts of which none can change without dropping what is at `path`."""
        for text in texts:
            if text:
                self._note(text, DroppedSlot(path), voice)

    def url(self, text: str, path: Path, voice: Voice) -> None:
        """Notes a URL; the document in it where it is a `data:` URL of text."""
        head, comma, payload = text.partition(",")
        if not comma or text[:5].lower() != "data:":
            self.text(text, path, voice)
            return
        self.text(head, path, voice)
        if not head.lower().endswith(";base64"):
            self.text(text, path, voice)
        elif head[5:].lower().startswith(_TEXT_MEDIA):
            try:
                document = base64.b64decode(payload, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError, ValueError):
                self.text(text, path, voice)
            else:
                self._note(document, DataUrlSlot(path, head), voice)
        else:
            self.opaque += 1

    def anything(self, value: Any, path: Path, voice: Voice) -> None:
        """Notes every string and long number in `value`, and every name of a member that no API defines."""
        stack: list[tuple[Any, Path]] = [(value, path)]
        while stack:
            node, where = stack.pop()
            kind = type(node)
            if kind is str:
                if not (where[-1:] == ("type",) and node in _FIXED_TYPES):
                    self.text(node, where, voice)
            elif kind is int or kind is float:
                if abs(node) >= _LONG_NUMBER and where[-1:] not in _PLAIN_NUMBERS:
                    self._names.append(str(node))
                    self._identifiers.places.append((where, False))
            elif kind is list:
                stack.extend([(inner, (*where, index)) for index, inner in enumerate(node) if speaks(inner)][::-1])
            elif kind is dict:
                self.names(node, where)
                stack.extend([(inner, (*where, name)) for name, inner in node.items() if speaks(inner)][::-1])

    def names(self, node: Mapping[str, Any], path: Path) -> None:
        """Notes the names of members that no API defines."""
        if node.keys() <= FIXED:
            return
        for name in node:
            if name not in FIXED and name:
                self._names.extend(name.split("\n"))
                self._identifiers.places.append(((*path, name), True))

    def finish(self) -> tuple[tuple[Segment, ...], tuple[Slot, ...]]:
        """Returns all segments and their slots."""
        if self._names:
            self._note("\n".join(self._names), self._identifiers, Voice(self._role, IDENTIFIERS))
        return tuple(self.segments), tuple(self.slots)

    def _note(self, text: str, slot: Slot, voice: Voice) -> None:
        path = getattr(slot, "path", None)
        self.segments.append(
            Segment(
                text=text,
                role=voice.role,
                source=voice.source,
                trusted=voice.trusted,
                path=voice.source if path is None else at(path),
            )
        )
        self.slots.append(slot)


def write(tree: Any, slots: Sequence[Slot], texts: Mapping[int, str]) -> None:
    """Puts changed texts, by segment index, into the tree they came from.

    Raises:
        IndexError: There is no such segment.
    """
    for index in sorted(texts):
        slots[index].write(tree, texts[index])


def speaks(value: Any) -> bool:
    """Whether there can be content in a value: not in a small number, a truth or nothing."""
    kind = type(value)
    return kind is str or kind is dict or kind is list or (kind is not bool and value and abs(value) >= _LONG_NUMBER)


def unescaped(arguments: str) -> str:
    """Returns JSON text with the escapes inside its strings undone, as a reader of the values would see them.

    Text that is no JSON is returned as it is.
    """
    try:
        msgspec.json.decode(arguments.encode())
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return arguments
    pieces: list[str] = []
    position = 0
    while (start := arguments.find('"', position)) >= 0:
        end = _string_end(arguments, start)
        pieces += (arguments[position : start + 1], msgspec.json.decode(arguments[start:end].encode()), '"')
        position = end
    return "".join([*pieces, arguments[position:]])


def _string_end(text: str, start: int) -> int:
    position = start + 1
    while text[position] != '"':
        position += 2 if text[position] == "\\" else 1
    return position + 1


def _get(tree: Any, path: Path) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def _put(tree: Any, path: Path, value: Any) -> None:
    _get(tree, path[:-1])[path[-1]] = value
