"""A streamed answer on its way through the guard: upstream's bytes in, the client's bytes out. No I/O.

Every text goes through a `StreamGuard` of its own (choice by choice; content, refusal and reasoning apart) and leaves
when that releases it. Calls of tools are kept until they are complete and decided on as a whole. What leaves is written
anew from what was checked, so an unknown field, a token probability or a stray byte of the upstream never gets through.
Deltas that arrive together leave as one, which changes nothing of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bartizan.core.segment import IDENTIFIERS, Role, Segment
from bartizan.detect.reader import NOTHING_KNOWN, Context
from bartizan.errors import TargetError
from bartizan.guard.decision import Decision
from bartizan.guard.guard import Guard
from bartizan.guard.stream import StreamGuard
from bartizan.llm.content import FIXED, REDACTED
from bartizan.llm.dialects.openai_chat import ChatResponse, usage_of
from bartizan.llm.dialects.openai_stream import CHANNELS, SIDE_CHANNELS, CallPiece, ChoicePiece, Chunk, ChunkParser
from bartizan.llm.strict_json import encode

Check = Callable[[Sequence[Segment]], Decision]
_FINISHES = frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"})
_MAX_CHOICES = 128
_MAX_CALLS = 256
_END = b"data: [DONE]\n\n"


class _Call:
    """A tool call that is still arriving."""

    __slots__ = ("arguments", "id", "kind", "name")

    def __init__(self) -> None:
        self.id, self.kind, self.name = "", "", ""
        self.arguments: list[str] = []

    def add(self, piece: CallPiece) -> None:
        self.id = self.id or piece.id or ""
        self.kind = self.kind or piece.type or ""
        if piece.function is not None:
            self.name += piece.function.name or ""
            self.arguments.append(piece.function.arguments or "")

    def function(self) -> dict[str, str]:
        return {"name": self.name, "arguments": "".join(self.arguments)}

    def whole(self) -> dict[str, Any]:
        head = {"id": self.id} if self.id else {}
        return {**head, "type": "function", "function": self.function()}


class _Choice:
    """One choice of the answer."""

    __slots__ = ("begun", "calls", "finish", "finished", "function", "guards", "pending")

    def __init__(self) -> None:
        self.guards: dict[str, StreamGuard] = {}
        self.pending: dict[str, list[str]] = {}
        self.calls: dict[int, _Call] = {}
        self.function: _Call | None = None
        self.finish = ""
        self.begun = self.finished = False

    def add(self, piece: ChoicePiece) -> None:
        delta = piece.delta
        if delta is not None:
            if delta.content:
                self.pending.setdefault("content", []).append(delta.content)
            if delta.refusal or delta.reasoning or delta.reasoning_content:
                for channel in SIDE_CHANNELS:
                    text = getattr(delta, channel)
                    if text:
                        self.pending.setdefault(channel, []).append(text)
            for call in delta.tool_calls or ():
                self.calls.setdefault(call.index, _Call()).add(call)
            if delta.function_call is not None:
                self.function = self.function or _Call()
                self.function.add(CallPiece(function=delta.function_call))
            if len(self.calls) > _MAX_CALLS:
                raise TargetError(f"the answer calls more than {_MAX_CALLS} tools")
        if piece.finish_reason:
            self.finish = piece.finish_reason if piece.finish_reason in _FINISHES else "stop"


class GuardedStream:
    """One streamed answer.

    Args:
        guard: What decides on texts.
        check: What decides on whole segments, such as tool calls.
        hold_back: How many characters are held back for checking.
        request: The request's id.
        context: What is known around the answer.

    Attributes:
        held: The decision that ended the stream, None while there is none.
        failure: What the upstream did wrong, None while it did nothing; the stream ends there.
        done: Whether the upstream's end mark has come; the client's comes with `finish`.
    """

    def __init__(
        self, guard: Guard, check: Check, *, hold_back: int, request: str, context: Context = NOTHING_KNOWN
    ) -> None:
        self._guard = guard
        self._check = check
        self._hold_back = hold_back
        self._request = request
        self._context = context
        self._parser = ChunkParser()
        self._choices: dict[int, _Choice] = {}
        self._checked: list[Decision] = []
        self._due: list[StreamGuard] = []
        self._head = b""
        self.input_tokens = self.output_tokens = 0
        self.held: Decision | None = None
        self.failure: TargetError | None = None
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """Takes the upstream's next bytes and returns what may go to the client now, often nothing."""
        out: list[bytes] = []
        touched: dict[int, _Choice] = {}
        usage: dict[str, Any] | None = None
        try:
            for chunk in self._parser.feed(data):
                usage = self._take(chunk, touched) or usage
        except TargetError as error:
            self.failure = error
        for index, choice in touched.items():
            out += self._release(index, choice, usage=usage)
        if usage is not None and not touched:
            out.append(self._line(b"", usage))
        self.done = self._parser.done
        return self._end_with(out)

    @property
    def is_due(self) -> bool:
        """Whether there is text for `read`."""
        return bool(self._due)

    def read(self) -> bytes:
        """Reads what is due as a whole, and returns what the client is told where that ends the stream.

        Takes longer than `feed`; call it where nobody waits for the thread.
        """
        due, self._due = self._due, []
        for guard in due:
            guard.read()
            if guard.blocked and self.held is None:
                self.held = guard.decision
        return self._end_with([]) if self.held is not None else b""

    def finish(self) -> bytes:
        """Says that the upstream's bytes have ended, and returns the rest for the client."""
        if self.held is not None:
            return b""
        if not self.done and self.failure is None and not all(choice.finished for choice in self._choices.values()):
            self.failure = TargetError("the answer was cut off")
        return self._end_with(self._close())

    def decisions(self) -> list[Decision]:
        """Returns what was decided on each text and tool call."""
        texts = [guard.decision for choice in self._choices.values() for guard in choice.guards.values()]
        return [*self._checked, *texts]

    def _take(self, chunk: Chunk, touched: dict[int, _Choice]) -> dict[str, Any] | None:
        """Notes a chunk, and returns the usage that it tells."""
        if not self._head:
            self._head = self._introduce(chunk)
        for piece in chunk.choices or ():
            choice = self._choices.get(piece.index)
            if choice is None:
                choice = self._choices[piece.index] = _Choice()
                if len(self._choices) > _MAX_CHOICES or piece.index < 0:
                    raise TargetError(f"the answer has more than {_MAX_CHOICES} choices")
            if choice.finished:
                continue
            choice.add(piece)
            touched[piece.index] = choice
        if chunk.usage is None:
            return None
        self.input_tokens, self.output_tokens = usage_of(chunk.usage)
        return _numbers(chunk.usage)

    def _introduce(self, chunk: Chunk) -> bytes:
        """Returns the beginning of every line to the client. Names come from the upstream, so they are checked too."""
        names = {
            name: value
            for name in ("id", "model", "system_fingerprint", "service_tier")
            if (value := getattr(chunk, name))
        }
        segment = Segment(text="\n".join(names.values()), role=Role.ASSISTANT, source=IDENTIFIERS)
        decision = self._decide([segment])
        kept = decision.texts[0].split("\n") if decision.texts else list(names.values())
        names = {name: value if value in kept else REDACTED for name, value in names.items()}
        head = {"id": "", "object": "chat.completion.chunk", "created": chunk.created or 0, "model": "", **names}
        return b"data: " + encode(head)[:-1] + b',"choices":['

    def _release(self, index: int, choice: _Choice, *, usage: dict[str, Any] | None) -> list[bytes]:
        """Returns the lines for one choice: released text, and with its end the calls of tools and the finish."""
        delta: dict[str, Any] = {}
        last = bool(choice.finish)
        for channel in CHANNELS:
            text = self._text(index, choice, channel, last=last)
            if text:
                delta[channel] = text
        if last and self.held is None and (choice.calls or choice.function):
            delta |= self._calls(choice)
        if self.held is not None:
            return [self._delta(index, choice, delta)] if delta else []
        if not last:
            return [self._delta(index, choice, delta)] if delta else []
        choice.finished = True
        lines = [self._delta(index, choice, delta)] if delta or not choice.begun else []
        return [*lines, self._line(_choice(index, {}, choice.finish), usage)]

    def _text(self, index: int, choice: _Choice, channel: str, *, last: bool) -> str:
        guard = choice.guards.get(channel)
        pieces = choice.pending.pop(channel, None)
        if guard is None:
            if pieces is None:
                return ""
            source = f"choices.{index}" if channel == "content" else f"choices.{index}.{channel}"
            guard = StreamGuard(
                self._guard,
                hold_back=self._hold_back,
                request=self._request,
                source=source,
                context=self._context,
            )
            choice.guards[channel] = guard
        released = guard.feed("".join(pieces)) if pieces else ""
        if last:
            released += guard.finish()
            guard.read()
        elif guard.is_due:
            self._due.append(guard)
        if guard.blocked and self.held is None:
            self.held = guard.decision
        return released

    def _calls(self, choice: _Choice) -> dict[str, Any]:
        """Returns the part of a delta with all calls of a choice, once they are decided on."""
        message: dict[str, Any] = {"role": "assistant"}
        order = sorted(choice.calls)
        if choice.calls:
            message["tool_calls"] = [choice.calls[index].whole() for index in order]
        if choice.function is not None:
            message["function_call"] = choice.function.function()
        answer = ChatResponse({"choices": [{"message": message}]})
        decision = self._decide(answer.segments)
        if self.held is not None:
            return {}
        checked = answer.with_texts(decision.texts).tree["choices"][0]["message"]
        part: dict[str, Any] = {}
        if choice.calls:
            part["tool_calls"] = [
                {"index": index, **call} for index, call in zip(order, checked["tool_calls"], strict=True)
            ]
        if choice.function is not None:
            part["function_call"] = checked["function_call"]
        return part

    def _decide(self, segments: Sequence[Segment]) -> Decision:
        decision = self._check(segments)
        self._checked.append(decision)
        if not decision.allowed:
            self.held = self.held or decision
        return decision

    def _close(self) -> list[bytes]:
        """Returns what is left: the rest of choices that were never finished, and the end mark."""
        out: list[bytes] = []
        for index, choice in self._choices.items():
            if not choice.finished and self.held is None:
                texts = {channel: self._text(index, choice, channel, last=True) for channel in CHANNELS}
                delta = {channel: text for channel, text in texts.items() if text}
                if delta:
                    out.append(self._delta(index, choice, delta))
                choice.finished = True
        if self.failure is None and self.held is None:
            out.append(_END)
        return out

    def _end_with(self, out: list[bytes]) -> bytes:
        """Returns the lines; where the guard stops the stream, each choice that the client knows of was filtered."""
        if self.held is None:
            return b"".join(out)
        lines = [
            self._line(_choice(index, {}, "content_filter"), None)
            for index, choice in self._choices.items()
            if choice.begun and not choice.finished
        ]
        return b"".join([*out, *lines])

    def _delta(self, index: int, choice: _Choice, delta: dict[str, Any]) -> bytes:
        if not choice.begun:
            choice.begun = True
            delta = {"role": "assistant", **delta}
            if len(delta) == 1:
                delta["content"] = ""
        return self._line(_choice(index, delta, None), None)

    def _line(self, choice: bytes, usage: dict[str, Any] | None) -> bytes:
        told = b"" if usage is None else b',"usage":' + encode(usage)
        return self._head + choice + b"]" + told + b"}\n\n"


def _choice(index: int, delta: dict[str, Any], finish: str | None) -> bytes:
    return encode({"index": index, "delta": delta, "finish_reason": finish})


def _numbers(usage: dict[str, Any]) -> dict[str, Any]:
    """Returns the counts that the API defines and nothing else: an unknown name would be text of the upstream."""
    counts: dict[str, Any] = {}
    for name, value in usage.items():
        if name in FIXED and isinstance(value, int | float):
            counts[name] = value
        elif name in FIXED and isinstance(value, dict):
            counts[name] = {inner: count for inner, count in value.items() if inner in FIXED and type(count) is int}
    return counts
