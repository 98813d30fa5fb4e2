"""The lab's side of the OpenAI chat API: requests in, answers, streams and errors out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.core.identity import digest
from bartizan.errors import InputError
from bartizan.lab.model import Answer
from bartizan.lab.profile import TRACE
from bartizan.lab.skills import SIMULATOR

_CREATED = 1_767_225_600
_MOST_MESSAGES = 500
_CHARS_PER_TOKEN = 4


class _Part(msgspec.Struct, frozen=True):
    """A part of a message's content; only text counts here."""

    type: str = "text"
    text: str = ""


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True):
    """What the lab reads of a request; other fields are accepted and ignored."""

    model: str
    messages: list[_Message]
    stream: bool | None = False
    stream_options: _StreamOptions | None = None
    seed: int | None = None
    temperature: float | None = None

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Role and text of each message."""
        return [(message.role, _text(message.content)) for message in self.messages]

    @property
    def salt(self) -> str:
        """What makes a repetition another trial: the seed, except at temperature 0 where nothing is left to chance."""
        return "" if self.seed is None or self.temperature == 0 else str(self.seed)


_DECODER = msgspec.json.Decoder(ChatRequest)


def parse(body: bytes) -> ChatRequest:
    """Reads a request.

    Raises:
        InputError: It is not JSON, nests too deep, has wrong types, or holds no message or too many.
    """
    try:
        request = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"the request is not a chat request: {error}", hint="send model and messages") from error
    if not 0 < len(request.messages) <= _MOST_MESSAGES:
        raise InputError(f"there must be 1 to {_MOST_MESSAGES} messages", hint="send at least one message")
    return request


def whole(request: ChatRequest, answer: Answer) -> dict[str, Any]:
    """Returns the body of a plain answer."""
    return {
        **_head(request, answer, "chat.completion"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": answer.text}, "finish_reason": "stop"}],
        "usage": usage(request, answer),
        TRACE: trace(answer),
    }


def streamed(request: ChatRequest, answer: Answer) -> Iterator[bytes]:
    """Yields the events of a streamed answer, a word each; the trace rides on the last one."""
    head = _head(request, answer, "chat.completion.chunk")
    yield _event({**head, "choices": [_choice({"role": "assistant", "content": ""})]})
    for word in answer.text.replace(" ", " \x00").split("\x00"):
        yield _event({**head, "choices": [_choice({"content": word})]})
    yield _event({**head, "choices": [_choice({}, "stop")], TRACE: trace(answer)})
    if request.stream_options and request.stream_options.include_usage:
        yield _event({**head, "choices": [], "usage": usage(request, answer)})
    yield b"data: [DONE]\n\n"


def usage(request: ChatRequest, answer: Answer) -> dict[str, int]:
    """Returns token counts as the simulator counts them: four characters a token."""
    asked = sum(len(text) for _, text in request.turns) // _CHARS_PER_TOKEN + 1
    given = len(answer.text) // _CHARS_PER_TOKEN + 1
    return {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given}


def trace(answer: Answer) -> list[dict[str, str]]:
    """Returns the tool calls that the application made, in order."""
    return [{"name": call.name, "arguments": call.arguments} for call in answer.trace]


def failure(message: str, code: str) -> dict[str, Any]:
    """Returns an OpenAI error object."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def _head(request: ChatRequest, answer: Answer, kind: str) -> dict[str, Any]:
    number = digest(answer.text, request.salt, length=12)
    return {
        "id": f"chatcmpl-lab-{number}",
        "object": kind,
        "created": _CREATED,
        "model": request.model,
        "system_fingerprint": SIMULATOR,
    }


def _choice(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"


def _text(content: str | list[_Part] | None) -> str:
    if content is None:
        return ""
    return content if isinstance(content, str) else "\n".join(part.text for part in content)
