"""OpenAI's streamed chat completions, push style: bytes in, chunks out. No I/O.

Source: the OpenAI API reference, "Chat completions: streaming" (October 2026), and what compatible services add to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from bartizan.errors import TargetError
from bartizan.llm.sse import MAX_EVENT_BYTES, EventParser

CHANNELS = ("reasoning_content", "reasoning", "content", "refusal")
"""The members of a delta whose text goes on from chunk to chunk."""
SIDE_CHANNELS = ("reasoning_content", "reasoning", "refusal")
"""Those that are seldom there."""
_DONE = b"[DONE]"


class FunctionPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a function call."""

    name: str | None = None
    arguments: str | None = None


class CallPiece(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the tool call at `index`."""

    index: int = 0
    id: str | None = None
    type: str | None = None
    function: FunctionPiece | None = None


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a chunk adds to a message."""

    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[CallPiece] | None = None
    function_call: FunctionPiece | None = None


class ChoicePiece(msgspec.Struct, frozen=True):
    """What a chunk adds to the choice at `index`."""

    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct, frozen=True):
    """One chunk of a stream; members that it does not name are left out."""

    id: str | None = None
    created: int | float | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    choices: list[ChoicePiece] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class ChunkParser:
    """Parses one streamed answer.

    Attributes:
        done: Whether the end mark has come; what follows it is ignored.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._events = EventParser(max_event_bytes=max_event_bytes)
        self._decode = msgspec.json.Decoder(Chunk).decode
        self.done = False

    def feed(self, data: bytes) -> Iterator[Chunk]:
        """Takes the next bytes and yields the chunks that they complete; to be exhausted.

        Raises:
            TargetError: An event is no chunk, or the service reports an error in the stream.
        """
        for event in self._events.feed(data):
            if self.done or event.strip() == _DONE:
                self.done = True
                continue
            try:
                chunk = self._decode(event)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise TargetError("the stream holds something else than chunks of a chat completion") from None
            if chunk.error is not None:
                raise TargetError("the service reported an error in mid-stream")
            yield chunk
