"""Reading what a target answered: calls of the model and of the trace, and a guard that blocked."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from bartizan.attack.answer import blocked_by, complaint, read_answer, retry_after
from bartizan.errors import TargetError


def body(message: dict[str, Any], **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", "choices": [choice], **more}).encode()


def test_calls_of_the_model_and_of_the_trace_are_both_seen() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "proposed", "arguments": "{}"}}
    trace = [{"name": "made", "arguments": {"a": 1}}, {"function": {"name": "nested", "arguments": "{}"}}, "odd", 5]
    answer = read_answer(body({"content": None, "tool_calls": [call]}, steps=trace), trace="steps")
    assert [each.name for each in answer.tool_calls] == ["proposed", "made", "nested"]
    assert json.loads(answer.tool_calls[1].arguments) == {"a": 1}
    assert answer.text == ""


@pytest.mark.parametrize("trace", [None, 5, "text", {}, {"name": "x"}])
def test_an_odd_trace_is_none(trace: Any) -> None:
    assert read_answer(body({"content": "hi"}, steps=trace), trace="steps").tool_calls == ()


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"choices": 5}'])
def test_what_is_no_answer_is_an_error(content: bytes) -> None:
    with pytest.raises(TargetError):
        read_answer(content, trace="")


def test_only_a_guard_blocks() -> None:
    error = {"code": "blocked", "message": "m", "bartizan": {"reasons": [{"detector": "a.b"}, "c", 5]}}
    assert blocked_by(json.dumps({"error": error}).encode()) == "a.b, c, 5"
    assert blocked_by(b'{"error": {"code": "blocked", "message": "because"}}') == "because"
    for other in (b"", b"{}", b'{"error": "blocked"}', b'{"error": {"code": "other"}}', b"[" * 100_000, b"\xff"):
        assert blocked_by(other) is None


def test_a_complaint_is_one_printable_line() -> None:
    body = json.dumps({"error": {"message": "no such\x1b[31m model\n" + "x" * 1_000, "code": "y"}}).encode()
    assert complaint(body).startswith("no such[31m model")
    assert len(complaint(body)) == 200
    for other in (b"", b"{}", b"[" * 100_000, b'{"error": {"message": null}}'):
        assert complaint(other) == ""


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after({"retry-after": "1.5"}) == 1.5
    assert retry_after({}) == retry_after({"retry-after": "soon"}) == retry_after({"retry-after": "-3"}) == 0
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 20 < retry_after({"retry-after": later}) <= 31
