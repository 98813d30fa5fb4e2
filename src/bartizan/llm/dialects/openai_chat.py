"""OpenAI's chat completions: requests and whole answers as segments, and changed texts back. No I/O.

Source: the OpenAI API reference, "Chat completions" (October 2026). Fields that it does not name survive, and their
strings are segments like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self

import msgspec

from bartizan.core.attempt import ToolCall
from bartizan.core.segment import TRUSTED_ROLES, Role, Segment
from bartizan.errors import InputError, TargetError
from bartizan.llm import content, strict_json
from bartizan.llm.content import Path, Reading, Slot, Voice
from bartizan.llm.strict_json import MAX_DEPTH, at, expect

_ROLES: Mapping[str, Role] = MappingProxyType(
    {role.value: role for role in (Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT, Role.TOOL)}
    | {"function": Role.TOOL}
)
_ANSWER_OBJECTS = frozenset({"chat.completion", "chat.completion.chunk"})
_FINISHES = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})

MAX_MODEL_CHARS = 512
"""A model's name is recorded with each request, so it must not be a way to fill the ledger."""


class _Body:
    """A decoded body, its segments, and the original bytes for as long as nothing was changed."""

    __slots__ = ("_body", "_slots", "_tree", "opaque", "segments")

    def __init__(self, tree: dict[str, Any], body: bytes | None, reading: Reading) -> None:
        self._tree = tree
        self._body = body
        self.opaque = reading.opaque
        self.segments: tuple[Segment, ...]
        self._slots: tuple[Slot, ...]
        self.segments, self._slots = reading.finish()

    @property
    def tree(self) -> Mapping[str, Any]:
        """The decoded body, to be read only."""
        return self._tree

    def _rewritten(self, texts: Mapping[int, str]) -> dict[str, Any]:
        tree: dict[str, Any] = msgspec.json.decode(strict_json.encode(self._tree))
        content.write(tree, self._slots, texts)
        return tree


class ChatRequest(_Body):
    """A chat request.

    Attributes:
        segments: Every text in it, with its provenance.
        opaque: How many parts have content that is no text, which no detector sees.
        model: The model asked for.
        stream: Whether the answer is to be streamed.
    """

    __slots__ = ("model", "stream")

    def __init__(self, tree: dict[str, Any], body: bytes | None = None) -> None:
        self.model: str = expect(tree.get("model"), str, ("model",))
        if len(self.model) > MAX_MODEL_CHARS:
            raise InputError(f"model: the name has more than {MAX_MODEL_CHARS} characters", hint="name a model")
        self.stream: bool = expect(tree.get("stream") or False, bool, ("stream",))
        super().__init__(tree, body, _read_request(tree))

    def with_texts(self, texts: Mapping[int, str]) -> Self:
        """Returns the same request with other texts, by segment index."""
        return type(self)(self._rewritten(texts)) if texts else self

    def encode(self, *, model: str | None = None) -> bytes:
        """Returns the body: the original bytes where nothing was changed, so that unknown fields survive exactly."""
        if model is not None and model != self.model:
            return strict_json.encode({**self._tree, "model": model})
        return self._body if self._body is not None else strict_json.encode(self._tree)


class ChatResponse(_Body):
    """A whole answer.

    Attributes:
        segments: Every text in it, with its provenance.
        input_tokens: What the service counted, 0 where it says nothing; likewise `output_tokens`.
    """

    __slots__ = ("input_tokens", "output_tokens")

    def __init__(self, tree: dict[str, Any], body: bytes | None = None) -> None:
        super().__init__(tree, body, _read_response(tree))
        self.input_tokens, self.output_tokens = usage_of(tree.get("usage"))

    @property
    def text(self) -> str:
        """The content of the first choice."""
        text = (self._first.get("message") or {}).get("content")
        return text if isinstance(text, str) else ""

    @property
    def finish_reason(self) -> str:
        """Why the first choice ended."""
        return str(self._first.get("finish_reason") or "")

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls of all choices."""
        return tuple(call for choice in self._tree["choices"] for call in _calls(choice.get("message") or {}))

    @property
    def _first(self) -> dict[str, Any]:
        return next(iter(self._tree["choices"]), {})

    def with_texts(self, texts: Mapping[int, str]) -> Self:
        """Returns the same answer with other texts, by segment index."""
        return type(self)(self._rewritten(texts)) if texts else self

    def encode(self) -> bytes:
        """Returns the body: the original bytes where nothing was changed."""
        return self._body if self._body is not None else strict_json.encode(self._tree)


def parse_request(body: bytes, *, max_depth: int = MAX_DEPTH) -> ChatRequest:
    """Reads the body of a chat request.

    Raises:
        LimitError: It is nested too deeply.
        InputError: It is not JSON, or a field has the wrong type; the message names the JSON path.
    """
    return ChatRequest(expect(strict_json.decode(body, max_depth=max_depth), dict, ()), body)


def parse_messages(messages: Any) -> ChatRequest:
    """Reads OpenAI-style messages that are decoded already.

    Raises:
        InputError: They are not messages; the message names the JSON path.
    """
    return ChatRequest({"model": "", "messages": messages})


def parse_response(body: bytes, *, max_depth: int = MAX_DEPTH) -> ChatResponse:
    """Reads the body of a whole answer.

    Raises:
        TargetError: It is no chat completion.
    """
    try:
        return ChatResponse(expect(strict_json.decode(body, max_depth=max_depth), dict, ()), body)
    except InputError as error:
        raise TargetError(f"the answer is no chat completion: {error.message}") from error


def usage_of(usage: Any) -> tuple[int, int]:
    """Returns the counted input and output tokens, 0 where they are missing or no counts."""
    counts = usage if isinstance(usage, dict) else {}
    found = (counts.get("prompt_tokens"), counts.get("completion_tokens"))
    return tuple(count if type(count) is int and count >= 0 else 0 for count in found)  # type: ignore[return-value]


def _read_request(tree: dict[str, Any]) -> Reading:
    reading = Reading(Role.USER)
    messages = expect(tree.get("messages"), list, ("messages",))
    if not messages:
        raise InputError("messages: expected at least one message")
    called: dict[str, str] = {}
    for index, message in enumerate(messages):
        path: Path = ("messages", index)
        expect(message, dict, path)
        name = message.get("role")
        role = _ROLES.get(name) if isinstance(name, str) else None
        if role is None:
            raise InputError(f"{at((*path, 'role'))}: expected one of {', '.join(_ROLES)}")
        source = f"tool:{_tool_name(message, called)}" if role is Role.TOOL else "messages"
        _message(reading, message, path, voice=Voice(role, source, role in TRUSTED_ROLES))
        if "tool_calls" in message:
            called |= _call_names(message)
    for name, value in tree.items():
        if name == "messages":
            continue
        if name == "model":
            reading.identifier(value, (name,))
        elif name in {"tools", "functions"}:
            _tools(reading, value, (name,))
        elif content.speaks(value):
            reading.anything(value, (name,), Voice(Role.USER, name if name in content.FIXED else "unknown"))
    reading.names(tree, ())
    return reading


def _read_response(tree: dict[str, Any]) -> Reading:
    reading = Reading(Role.ASSISTANT)
    for index, choice in enumerate(expect(tree.get("choices"), list, ("choices",))):
        path: Path = ("choices", index)
        expect(choice, dict, path)
        voice = Voice(Role.ASSISTANT, f"choices.{index}")
        for name, value in choice.items():
            if name == "message":
                expect(value, dict, (*path, name))
                _message(reading, value, (*path, name), voice=voice)
            elif name == "logprobs" and value is not None:
                reading.droppable(_token_texts(value), (*path, name), voice)
            elif content.speaks(value) and not (name == "finish_reason" and type(value) is str and value in _FINISHES):
                reading.anything(value, (*path, name), voice)
        reading.names(choice, path)
    for name, value in tree.items():
        if name in {"id", "model", "system_fingerprint", "service_tier"} and isinstance(value, str):
            reading.identifier(value, (name,))
        elif name != "choices" and content.speaks(value) and not (name == "object" and value in _ANSWER_OBJECTS):
            reading.anything(value, (name,), Voice(Role.ASSISTANT, "answer"))
    reading.names(tree, ())
    return reading


def _message(reading: Reading, message: dict[str, Any], path: Path, *, voice: Voice) -> None:
    """Reads one message of a request or an answer."""
    for name, value in message.items():
        if name == "role" or value is None:
            if name == "role" and not (isinstance(value, str) and value in _ROLES):
                raise InputError(f"{at((*path, name))}: expected one of {', '.join(_ROLES)}")
        elif name == "content":
            if type(value) is str:
                reading.text(value, (*path, name), voice)
            else:
                _parts(reading, expect(value, (str, list), (*path, name)), (*path, name), voice=voice)
        elif name == "tool_calls":
            for index, call in enumerate(expect(value, list, (*path, name))):
                _call(reading, expect(call, dict, (*path, name, index)), (*path, name, index))
        elif name == "function_call":
            _function(reading, expect(value, dict, (*path, name)), (*path, name))
        elif name == "tool_call_id" and isinstance(value, str):
            reading.identifier(value, (*path, name))
        else:
            reading.anything(value, (*path, name), voice)
    reading.names(message, path)


def _parts(reading: Reading, parts: list[Any], path: Path, *, voice: Voice) -> None:
    texts: list[tuple[str, Path]] = []
    for index, part in enumerate(parts):
        where = (*path, index)
        for name, value in expect(part, dict, where).items():
            inner = (*where, name)
            if name in {"text", "refusal"}:
                texts.append((expect(value, str, inner), inner))
            elif name == "image_url":
                url, at_url = (value.get("url"), (*inner, "url")) if isinstance(value, dict) else (value, inner)
                reading.url(expect(url, str, at_url), at_url, voice)
                if isinstance(value, dict):
                    reading.anything({key: rest for key, rest in value.items() if key != "url"}, inner, voice)
            elif name in {"file", "input_audio"} and isinstance(value, dict):
                _attachment(reading, value, inner, voice=voice)
            else:
                reading.anything(value, inner, voice)
        reading.names(part, where)
    reading.parts(texts, voice)


def _attachment(reading: Reading, attachment: dict[str, Any], path: Path, *, voice: Voice) -> None:
    """Reads a file or a recording: its name is text, its data only where it is a text document."""
    source = f"document:{attachment['filename']}" if isinstance(attachment.get("filename"), str) else voice.source
    inside = Voice(Role.DOCUMENT if voice.role is Role.USER else voice.role, source)
    for name, value in attachment.items():
        where = (*path, name)
        if name == "file_data" and isinstance(value, str):
            reading.url(value, where, inside) if value[:5].lower() == "data:" else _opaque(reading)
        elif name == "data" and isinstance(value, str):
            _opaque(reading)
        else:
            reading.anything(value, where, voice)
    reading.names(attachment, path)


def _opaque(reading: Reading) -> None:
    reading.opaque += 1


def _call(reading: Reading, call: dict[str, Any], path: Path) -> None:
    for name, value in call.items():
        where = (*path, name)
        if name == "id" and isinstance(value, str):
            reading.identifier(value, where)
        elif name in {"function", "custom"} and value is not None:
            _function(reading, expect(value, dict, where), where)
        else:
            reading.anything(value, where, Voice(Role.ASSISTANT, "tool_call:"))
    reading.names(call, path)


def _function(reading: Reading, function: dict[str, Any], path: Path) -> None:
    called = function.get("name")
    voice = Voice(Role.ASSISTANT, f"tool_call:{called if isinstance(called, str) else ''}")
    for name, value in function.items():
        where = (*path, name)
        if name == "name" and isinstance(value, str):
            reading.identifier(value, where)
        elif name in {"arguments", "input"} and isinstance(value, str):
            reading.arguments(value, where, voice)
        else:
            reading.anything(value, where, voice)
    reading.names(function, path)


def _tools(reading: Reading, tools: Any, path: Path) -> None:
    """Reads tool definitions. Their words often come from a third party's server, so they are not trusted."""
    for index, tool in enumerate(expect([] if tools is None else tools, list, path)):
        expect(tool, dict, (*path, index))
        inner = tool.get("function")
        name = (inner if isinstance(inner, dict) else tool).get("name")
        source = f"tool_definition:{name if isinstance(name, str) else ''}"
        reading.anything(tool, (*path, index), Voice(Role.TOOL, source))


def _token_texts(logprobs: Any) -> list[str]:
    """Returns the texts that token probabilities spell: the chosen tokens, and the alternatives of each rank."""
    texts: list[str] = []
    for tokens in (logprobs if isinstance(logprobs, dict) else {"": logprobs}).values():
        ranks: dict[int, list[str]] = {}
        for token in tokens if isinstance(tokens, list) else [tokens]:
            entry = token if isinstance(token, dict) else {"token": str(token or "")}
            others = entry.get("top_logprobs")
            for rank, one in enumerate([entry, *(others if isinstance(others, list) else [])]):
                spelled = one if isinstance(one, dict) else {"token": str(one)}
                ranks.setdefault(2 * rank, []).append(str(spelled.get("token", "")))
                ranks.setdefault(2 * rank + 1, []).append(_bytes_text(spelled.get("bytes")))
        texts += dict.fromkeys("".join(pieces) for pieces in ranks.values())
    return texts


def _bytes_text(data: Any) -> str:
    if not isinstance(data, list):
        return ""
    return "".join(chr(byte) for byte in data if type(byte) is int and 0 <= byte < 128)


def _tool_name(message: Mapping[str, Any], called: Mapping[str, str]) -> str:
    name, call = message.get("name"), message.get("tool_call_id")
    if isinstance(name, str) and name:
        return name
    return called.get(call, "unknown") if isinstance(call, str) else "unknown"


def _call_names(message: Mapping[str, Any]) -> dict[str, str]:
    names: dict[str, str] = {}
    for call in message["tool_calls"] or ():
        function = call.get("function") or call.get("custom") or {}
        if isinstance(call.get("id"), str) and isinstance(function.get("name"), str):
            names[call["id"]] = function["name"]
    return names


def _calls(message: Mapping[str, Any]) -> list[ToolCall]:
    functions = [call.get("function") or call.get("custom") or {} for call in message.get("tool_calls") or ()]
    functions += [message["function_call"]] if message.get("function_call") else []
    return [ToolCall(name=str(function.get("name") or ""), arguments=_as_text(function)) for function in functions]


def _as_text(function: Mapping[str, Any]) -> str:
    arguments = function.get("arguments", function.get("input", ""))
    return arguments if isinstance(arguments, str) else strict_json.encode(arguments).decode()
