"""No unchecked byte leaves a stream: whatever the chunking, wherever the secret, in whichever channel it hides."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.config import DetectConfig
from bartizan.core.segment import Direction
from bartizan.detect.engine import Engine
from bartizan.gateway.stream import GuardedStream
from bartizan.guard.guard import Guard
from bartizan.guard.policy import parse_policy
from tests.gateway.running import CARD, DONE, event

CHANNELS = ("content", "refusal", "reasoning_content", "reasoning")
SEVERAL = settings(max_examples=60, deadline=None)
PIECES = st.lists(st.integers(1, 9), min_size=1, max_size=30)
FILLER = st.text("abc é\n", max_size=700)


@functools.cache
def guard(action: str) -> Guard:
    policy = f"""
    id = "cards"
    title = "Cards"
    [[rules]]
    id = "cards"
    why = "they must not travel"
    detectors = ["pii.payment_card"]
    action = "{action}"
    """
    return Guard(Engine.load(DetectConfig(disable=("injection.*", "jailbreak.*"))), parse_policy(policy))


def pass_through(data: list[bytes], action: str = "redact") -> tuple[bytes, GuardedStream]:
    chosen = guard(action)
    stream = GuardedStream(
        chosen, lambda segments: chosen.check(segments, Direction.OUTPUT), hold_back=128, request="r"
    )
    out = b"".join([stream.feed(piece) for piece in data])
    return out + stream.finish(), stream


def cut(data: bytes | str, sizes: list[int]) -> list[Any]:
    pieces, position, turn = [], 0, 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        pieces.append(data[position : position + size])
        position, turn = position + size, turn + 1
    return pieces


def chunks(out: bytes) -> list[Any]:
    return [
        msgspec.json.decode(line.removeprefix(b"data: "))
        for line in out.split(b"\n\n")
        if line and line != b"data: [DONE]"
    ]


def text(out: bytes, channel: str = "content", index: int = 0) -> str:
    return "".join(
        choice["delta"].get(channel, "")
        for chunk in chunks(out)
        for choice in chunk["choices"]
        if choice["index"] == index
    )


@SEVERAL
@given(FILLER, FILLER, PIECES, PIECES, st.sampled_from(CHANNELS), st.integers(0, 2))
def test_a_secret_at_any_place_in_any_cut_never_leaves(
    before: str, after: str, tokens: list[int], packets: list[int], channel: str, index: int
) -> None:
    whole = f"{before} {CARD} {after}"
    data = b"".join(event({channel: token}, index=index) for token in cut(whole, tokens))
    data += event({}, "stop", index=index) + DONE
    out, stream = pass_through(cut(data, [size * 7 for size in packets]))
    expected = f"{before} [REDACTED:payment_card] {after}"
    assert text(out, channel, index) == expected
    assert b"1111" not in out
    assert out.endswith(DONE)
    assert stream.failure is None


@SEVERAL
@given(FILLER, FILLER, PIECES, PIECES)
def test_a_blocked_stream_ends_before_the_secret(
    before: str, after: str, tokens: list[int], packets: list[int]
) -> None:
    whole = f"{before} {CARD} {after}"
    data = b"".join(event({"content": token}) for token in cut(whole, tokens)) + event({}, "stop") + DONE
    out, stream = pass_through(cut(data, [size * 7 for size in packets]), "block")
    assert stream.held is not None
    assert f"{before} ".startswith(text(out))
    assert b"4111" not in out
    assert DONE not in out


@SEVERAL
@given(PIECES, PIECES, st.integers(0, 3))
def test_a_secret_in_the_arguments_of_a_tool_never_leaves(tokens: list[int], packets: list[int], call: int) -> None:
    arguments = msgspec.json.encode({"note": "ü\n", "card": CARD}).decode()
    pieces = [{"index": call, "id": "c", "function": {"name": "pay", "arguments": ""}}]
    pieces += [{"index": call, "function": {"arguments": token}} for token in cut(arguments, tokens)]
    data = b"".join(event({"tool_calls": [piece]}) for piece in pieces) + event({}, "tool_calls") + DONE
    out, _ = pass_through(cut(data, [size * 7 for size in packets]))
    assert b"1111" not in out
    calls = [piece for chunk in chunks(out) for piece in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [(piece["index"], piece["id"], piece["function"]["name"]) for piece in calls] == [(call, "c", "pay")]
    assert msgspec.json.decode(calls[0]["function"]["arguments"]) == {"note": "ü\n", "card": "[REDACTED:payment_card]"}
    held, stream = pass_through([data], "block")
    assert stream.held is not None
    assert b"pay" not in held


@SEVERAL
@given(st.binary(max_size=400), PIECES)
def test_garbage_is_one_failure_and_never_an_exception(garbage: bytes, packets: list[int]) -> None:
    out, stream = pass_through(cut(b"data: " + garbage + b"\n\n", packets))
    assert stream.failure is not None or not chunks(out) or stream.done
    assert garbage not in out or len(garbage) < 12


def test_what_the_gateway_does_not_know_does_not_pass() -> None:
    odd = event(
        {"content": "fine", "audio": {"transcript": CARD}, "odd": CARD},
        "stop",
        usage={"prompt_tokens": 1, CARD: 5, "note": CARD},
        odd=CARD,
        system_fingerprint=CARD,
    ).replace(b'"index":0', b'"index":0,"logprobs":{"content":[{"token":"4111 1111 1111 1111"}]}')
    out, _ = pass_through([odd + DONE])
    assert text(out) == "fine"
    assert b"1111" not in out
    assert chunks(out)[-1]["usage"] == {"prompt_tokens": 1}


def test_interleaved_choices_keep_their_texts_apart() -> None:
    data = b"".join(
        event({"content": token}, index=index) for token in cut(f"{'x' * 300} 4111 1111 ", [5]) for index in (0, 1)
    )
    out, stream = pass_through([data, event({}, "stop"), event({}, "length", index=1), DONE])
    assert text(out, index=0) == text(out, index=1) == f"{'x' * 300} 4111 1111 "
    finishes = [choice["finish_reason"] for chunk in chunks(out) for choice in chunk["choices"]]
    assert [finish for finish in finishes if finish] == ["stop", "length"]
    assert stream.done


def test_a_legacy_function_call_is_checked_too() -> None:
    data = event({"function_call": {"name": "pay", "arguments": f'{{"card": "{CARD}"}}'}}) + event({}, "function_call")
    out, _ = pass_through([data + DONE])
    assert b"1111" not in out
    assert chunks(out)[0]["choices"][0]["delta"]["function_call"]["name"] == "pay"
