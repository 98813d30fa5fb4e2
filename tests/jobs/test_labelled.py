"""Labelled files: what is read, and what bad ones say."""

from __future__ import annotations

import gzip
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.group import Kind
from bartizan.errors import InputError
from bartizan.jobs import labelled
from bartizan.jobs.labelled import Row, read, rows


def one(**fields: Any) -> labelled.Row:
    (row,) = rows(io.BytesIO(json.dumps({"text": "hi", **fields}).encode()), "stream")
    return row


@pytest.mark.parametrize(
    ("fields", "attack"),
    [
        ({"label": "benign"}, False),
        ({"label": " Benign "}, False),
        ({"label": "injection"}, True),
        ({"label": ""}, True),
        ({"attack": False}, False),
        ({"attack": True, "label": "benign"}, True),
        ({"label": None}, None),
        ({}, None),
    ],
)
def test_labels(fields: dict[str, Any], attack: bool | None) -> None:
    assert one(**fields).attack is attack


def test_what_is_not_said_has_a_default() -> None:
    row = one(kind="hard_negative", task=None, more=1)
    assert (row.item.kind, row.stated, row.source, row.item.task) == (Kind.USER, False, "stream", "")
    row = one(kind="tool", source="mails", task="read it", system_prompt="be kind")
    assert (row.item.kind, row.stated, row.source) == (Kind.TOOL, True, "mails")
    assert (row.item.task, row.item.system_prompt) == ("read it", "be kind")


def test_the_digest_is_of_all_that_a_score_depends_on() -> None:
    rows = (one(), one(kind="tool"), one(task="a"), one(system_prompt="a"), one(text="ho"), one(text="\ud800"))
    assert len({row.digest for row in rows}) == len(rows)
    assert one(label="benign", source="x").digest == one().digest


@pytest.mark.parametrize(
    "line",
    [
        b"text",
        b"[]",
        b'"text"',
        b"{}",
        b'{"text": 1}',
        b'{"text": "a", "label": 1}',
        b'{"text": "a", "attack": "no"}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_bad_lines_are_errors_that_say_where(line: bytes) -> None:
    with pytest.raises(InputError, match="stream, row 2: "):
        list(rows(io.BytesIO(b'{"text": "a"}\n\n' + line), "stream"))


@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_the_one_error(data: bytes) -> None:
    found: list[Row] = []
    with suppress(InputError):
        found += rows(io.BytesIO(data), "stream")
    assert len(found) <= data.count(b"\n") + 1
    assert all(isinstance(row, Row) for row in found)


def test_a_line_that_is_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelled, "MAX_LINE", 100)
    with pytest.raises(InputError, match="row 1: longer than 100 bytes"):
        list(rows(io.BytesIO(b'{"text": "' + b"a" * 1_000 + b'"}\n{"text": "b"}'), "stream"))


def test_gzip_is_unpacked_and_damaged_gzip_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    packed = gzip.compress(b'{"text": "a"}\n' * 1_000)
    path.write_bytes(packed)
    assert len(list(read(path))) == 1_000
    for damaged in (packed[:-20], b"no gzip", packed[:20] + b"\0\0\0\0" + packed[24:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="cannot be read"):
            list(read(path))


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="cannot be read"):
            list(read(path))
