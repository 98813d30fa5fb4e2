from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import TargetError
from bartizan.llm.sse import EventParser

LINES = st.sampled_from(
    [
        b"data: one",
        b"data:two",
        b"data",
        b"data: ",
        b"",
        b"",
        b": comment",
        b"event: x",
        b"id: 7",
        b"data: \xc3\xa9",
        b"junk",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def parse(pieces: list[bytes]) -> list[bytes]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 60)), st.booleans())
def test_any_chunking_gives_the_same_events(lines: list[tuple[bytes, bytes]], cuts: list[int], bom: bool) -> None:
    data = (b"\xef\xbb\xbf" if bom else b"") + b"".join(line + end for line, end in lines) + b"\n"
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert parse(pieces) == parse([data]) == parse([data[index : index + 1] for index in range(len(data))])


def test_an_event_is_its_data_lines() -> None:
    assert parse([b"event: x\ndata: a\ndata: b\n\n: hi\n\ndata\n\ndata: never ended"]) == [b"a\nb", b""]


def feed_for_ever(parser: EventParser, piece: bytes) -> None:
    for _ in range(1000):
        list(parser.feed(piece))


def test_an_endless_event_is_an_error() -> None:
    for piece in (b"data: aaaa", b"data: aaaa\n"):
        parser = EventParser(max_event_bytes=1000)
        with pytest.raises(TargetError, match="longer than"):
            feed_for_ever(parser, piece)
