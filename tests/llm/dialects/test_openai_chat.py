from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.core.segment import Role, Segment
from bartizan.errors import InputError, TargetError
from bartizan.llm.dialects.openai_chat import (
    MAX_MODEL_CHARS,
    ChatRequest,
    parse_messages,
    parse_request,
    parse_response,
)

CALL = {"id": "id_mark", "type": "function", "function": {"name": "send", "arguments": '{"to": "arguments_mark"}'}}
REQUEST: dict[str, Any] = {
    "model": "model_mark",
    "messages": [
        {"role": "system", "content": "system_mark", "name": "name_mark"},
        {"role": "developer", "content": "developer_mark"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "part_mark"},
                {"type": "image_url", "image_url": {"url": "https://image_mark/", "detail": "detail_mark"}},
                {
                    "type": "file",
                    "file": {"filename": "filename_mark", "file_data": "data:application/pdf;base64,AAAA"},
                },
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "format_mark"}},
                {"type": "odd", "odd": {"deep": ["unknown_part_mark"]}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": "refusal_mark",
            "tool_calls": [CALL],
            "reasoning_content": "reasoning_mark",
        },
        {"role": "tool", "tool_call_id": "id_mark", "content": "result_mark"},
        {"role": "function", "name": "legacy", "content": "legacy_mark"},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "function_call_mark"}},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "send",
                "description": "description_mark",
                "parameters": {
                    "type": "object",
                    "properties": {"property_mark": {"type": "string", "enum": ["enum_mark"]}},
                },
            },
        }
    ],
    "functions": [{"name": "f", "description": "legacy_description_mark"}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "schema_mark", "description": "format_description_mark"},
    },
    "prediction": {"type": "content", "content": "prediction_mark"},
    "metadata": {"key_mark": "value_mark"},
    "stop": ["stop_mark"],
    "user": "user_mark",
    "unknown_key_mark": {"x": [{"y": "unknown_mark"}]},
    "Messages": [{"role": "user", "content": "other_case_mark"}],
}
RESPONSE: dict[str, Any] = {
    "id": "id_mark",
    "object": "chat.completion",
    "created": 1,
    "model": "model_mark",
    "system_fingerprint": "fingerprint_mark",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "content_mark", "reasoning": "reasoning_mark"},
            "finish_reason": "stop",
        },
        {
            "index": 1,
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "list_mark"}],
                "refusal": "refusal_mark",
                "tool_calls": [CALL],
                "annotations": [
                    {"type": "url_citation", "url_citation": {"url": "citation_mark", "title": "title_mark"}}
                ],
                "audio": {"transcript": "transcript_mark"},
            },
            "finish_reason": "odd_finish_mark",
            "logprobs": {
                "content": [
                    {"token": "tok", "bytes": [98, 121], "top_logprobs": [{"token": "alt"}]},
                    {"token": "en_mark", "bytes": [95, 109]},
                ]
            },
        },
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
    "unknown": "unknown_mark",
}


def encode(tree: Any) -> bytes:
    return msgspec.json.encode(tree)


def marks(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if "mark" in value else set()
    if isinstance(value, dict):
        return {name for name in value if "mark" in name} | {mark for inner in value.values() for mark in marks(inner)}
    return {mark for inner in value for mark in marks(inner)} if isinstance(value, list) else set()


def of(segments: tuple[Segment, ...], text: str) -> Segment:
    return next(segment for segment in segments if segment.text == text)


def test_every_text_of_a_request_is_a_segment() -> None:
    texts = "\x00".join(segment.text for segment in parse_request(encode(REQUEST)).segments)
    assert {mark for mark in marks(REQUEST) if mark not in texts} == set()


def test_every_text_of_an_answer_is_a_segment() -> None:
    response = parse_response(encode(RESPONSE))
    texts = "\x00".join(segment.text for segment in response.segments)
    assert {mark for mark in marks(RESPONSE) if mark not in texts} == set()
    assert "token_mark" in texts, "tokens are read in one go"
    assert "by_m" in texts, "and so are their bytes"
    assert (response.input_tokens, response.output_tokens) == (3, 2)
    assert response.text == "content_mark"
    assert [call.name for call in response.tool_calls] == ["send"]


def test_provenance_says_who_speaks_and_whom_to_trust() -> None:
    segments = parse_request(encode(REQUEST)).segments
    assert of(segments, "system_mark").trusted
    assert of(segments, "developer_mark").trusted
    assert not of(segments, "part_mark").trusted
    assert (of(segments, "result_mark").role, of(segments, "result_mark").source) == (Role.TOOL, "tool:send")
    assert of(segments, "legacy_mark").source == "tool:legacy"
    assert of(segments, '{"to": "arguments_mark"}').source == "tool_call:send"
    assert of(segments, "description_mark").source == "tool_definition:send"
    assert not of(segments, "description_mark").trusted
    assert of(segments, "part_mark").path == "messages.2.content.0.text"
    assert parse_request(encode(REQUEST)).opaque == 2


@pytest.mark.parametrize("tree", [REQUEST, RESPONSE], ids=["request", "response"])
def test_every_segment_can_be_written_back(tree: dict[str, Any]) -> None:
    body: Any = (parse_request if tree is REQUEST else parse_response)(encode(tree))
    for index, segment in enumerate(body.segments):
        changed = body.with_texts({index: "gone"}).encode()
        for line in segment.text.split("\n"):
            left = encode(line)[1:-1]
            assert left not in changed or encode(tree).count(left) > 1 or left in {b"f", b"send"}, segment


def test_what_is_unchanged_is_passed_on_byte_by_byte() -> None:
    body = b'{ "model" : "m",\n "messages": [ {"role":"user","content":"\\u0061"} ], "big": 1.50 }'
    assert parse_request(body).encode() == body
    assert parse_request(body).with_texts({}).encode() == body
    changed = msgspec.json.decode(parse_request(body).with_texts({0: "b"}).encode(model="n"))
    assert changed == {"model": "n", "messages": [{"role": "user", "content": "b"}], "big": 1.5}


def test_a_secret_split_over_two_parts_is_seen_and_removed() -> None:
    chat = parse_messages(
        [{"role": "user", "content": [{"type": "text", "text": "AB"}, {"type": "text", "text": "CD"}]}]
    )
    joined = next(index for index, segment in enumerate(chat.segments) if segment.text == "ABCD")
    changed = chat.with_texts({joined: "A[X]D"}).tree["messages"][0]["content"]
    assert "".join(part["text"] for part in changed) == "A[X]D"
    kept = chat.with_texts({0: "x", joined: "xCD"}).tree["messages"][0]["content"]
    assert [part["text"] for part in kept] == ["x", "CD"], "the parts' own changes are enough"


def test_arguments_are_also_read_without_their_inner_escapes() -> None:
    arguments = '{"to": "\\u0073ecret", "n": "a\\nb"}'
    chat = parse_messages(
        [
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}],
            }
        ]
    )
    view = next(index for index, segment in enumerate(chat.segments) if "secret" in segment.text)
    changed = chat.with_texts({view: chat.segments[view].text.replace("secret", "X")})
    assert b"0073ecret" not in changed.encode()
    assert msgspec.json.decode(changed.tree["messages"][0]["tool_calls"][0]["function"]["arguments"])


def test_a_text_document_in_a_data_url_is_read() -> None:
    url = "data:text/plain;base64," + base64.b64encode(b"inside").decode()
    chat = parse_messages(
        [{"role": "user", "content": [{"type": "file", "file": {"filename": "a.txt", "file_data": url}}]}]
    )
    index = next(index for index, segment in enumerate(chat.segments) if segment.text == "inside")
    assert (chat.segments[index].role, chat.segments[index].source) == (Role.DOCUMENT, "document:a.txt")
    data = chat.with_texts({index: "new"}).tree["messages"][0]["content"][0]["file"]["file_data"]
    assert base64.b64decode(data.partition(",")[2]) == b"new"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"messages": {}}, "messages"),
        ({"messages": [3]}, "messages.0"),
        ({"messages": [{"content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": [3]}]}, "messages.0.content.0"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]}, "messages.0.content.0.text"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages.0.tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"function": 3}]}]}, "messages.0.tool_calls.0.function"),
        ({"tools": {}}, "tools"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_wrong_types_name_their_path(change: dict[str, Any], path: str) -> None:
    good = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    with pytest.raises(InputError, match=rf"^{path}: expected"):
        parse_request(encode(good | change))


NAMES = ["role", "content", "tool_calls", "function", "name", "arguments", "text", "type", "file", "image_url", "model"]
NAMES += ["input_audio", "file_data", "url", "logprobs", "message", "delta", "choices", "id", "tools"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)


@settings(max_examples=300)
@given(VALUES, st.sampled_from(["user", "assistant", "tool", "system"]))
def test_any_tree_is_read_or_is_an_input_error(value: Any, role: str) -> None:
    message = {"role": role, **(value if isinstance(value, dict) else {"content": value})}
    for tree in (
        {"model": "m", "messages": [message]},
        {"model": "m", "messages": [message | {"role": role}], "x": value},
    ):
        try:
            chat = ChatRequest(tree)
        except InputError:
            continue
        blank = chat.with_texts(dict.fromkeys(range(len(chat.segments)), ""))
        assert not any(segment.text.replace("[redacted]", "").strip() for segment in blank.segments)


@settings(max_examples=300)
@given(VALUES)
def test_any_answer_is_read_or_is_a_target_error(value: Any) -> None:
    for tree in (value, {"choices": value}, {"choices": [value]}, {"choices": [{"message": value, "logprobs": value}]}):
        try:
            response = parse_response(encode(tree))
        except TargetError:
            continue
        blank = response.with_texts(dict.fromkeys(range(len(response.segments)), ""))
        assert not any(segment.text.replace("[redacted]", "").strip() for segment in blank.segments)


def test_a_long_number_is_content_and_a_time_is_not() -> None:
    card = 4111111111111111
    chat = ChatRequest({"model": "m", "messages": [{"role": "user", "content": "x"}], "metadata": {"card": card}})
    index = next(index for index, segment in enumerate(chat.segments) if str(card) in segment.text)
    assert str(card).encode() not in chat.with_texts({index: "m"}).encode()
    response = parse_response(encode({"choices": [], "created": 1_800_000_000}))
    assert response.segments == ()


def test_a_model_name_is_no_way_to_fill_the_ledger() -> None:
    body = msgspec.json.encode({"model": "m" * (MAX_MODEL_CHARS + 1), "messages": []})
    with pytest.raises(InputError, match="model: the name has more than"):
        parse_request(body)
