"""What a target answered, as far as a judge needs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from bartizan.core.attempt import ToolCall
from bartizan.llm.dialects.openai_chat import parse_response

_MOST_CALLS = 200
_MAX_REASONS = 5
_LONGEST_COMPLAINT = 200


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a target; `tool_calls` are those it proposed and those that its trace says it made."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class _Blocked(msgspec.Struct, frozen=True):
    code: Any = None
    message: Any = ""
    bartizan: Any = None


class _Refusal(msgspec.Struct, frozen=True):
    error: _Blocked


def read_answer(body: bytes, *, trace: str) -> Answer:
    """Reads the body of a chat answer.

    Args:
        body: The bytes.
        trace: The field that lists the calls made on the server's side; empty where there is none.

    Raises:
        TargetError: It is no chat answer.
    """
    response = parse_response(body)
    calls = response.tool_calls
    if trace:
        calls += _traced(response.tree.get(trace))
    return Answer(
        text=response.text,
        tool_calls=calls,
        finish=response.finish_reason,
        input_tokens=response.input_tokens,
        output_tokens=response.output_tokens,
    )


def blocked_by(body: bytes) -> str | None:
    """Returns why a guard blocked a request, None where the body is no such error."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if error.code != "blocked":
        return None
    details = error.bartizan if isinstance(error.bartizan, dict) else {}
    reasons = details.get("reasons")
    named = [_reason(reason) for reason in reasons[:_MAX_REASONS]] if isinstance(reasons, list) else []
    return ", ".join(dict.fromkeys(name for name in named if name)) or str(error.message)[:200] or "blocked"


def complaint(body: bytes) -> str:
    """Returns what a target says is wrong, in one printable line; empty where it says nothing."""
    try:
        said = str(msgspec.json.decode(body, type=_Refusal).error.message or "")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return "".join(char for char in said if char.isprintable())[:_LONGEST_COMPLAINT]


def retry_after(headers: Mapping[str, str]) -> float:
    """Returns how many seconds a target asks to wait (RFC 9110, 10.2.3), 0 where it does not say."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return 0.0
    return max(0.0, ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _reason(reason: Any) -> str:
    if isinstance(reason, dict):
        return str(reason.get("detector") or reason.get("rule") or reason.get("because") or "")[:100]
    return str(reason)[:100]


def _traced(calls: Any) -> tuple[ToolCall, ...]:
    if not isinstance(calls, list):
        return ()
    return tuple(_call(call) for call in calls[:_MOST_CALLS] if isinstance(call, dict))


def _call(call: dict[str, Any]) -> ToolCall:
    function = call.get("function")
    named: dict[str, Any] = function if isinstance(function, dict) else call
    arguments = named.get("arguments", "{}")
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode("utf-8")
    return ToolCall(name=str(named.get("name", "")), arguments=arguments)
