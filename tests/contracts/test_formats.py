"""What every artefact format keeps, including those that do not exist yet."""

from __future__ import annotations

import random

import pytest

from bartizan import registry
from bartizan.core.taxonomy import parse_tag
from bartizan.scan import callables, formats
from bartizan.scan.format import Format
from bartizan.scan.judge import Callables
from bartizan.scan.note import Budget, Fact, Inner, Part, Unread, Weakness

SHELF = registry.scan(formats, Format)  # type: ignore[type-abstract]
KNOWN = registry.scan(callables, Callables)


@pytest.fixture(params=sorted(SHELF.plugins))
def format_(request: pytest.FixtureRequest) -> Format:
    return SHELF[request.param]


def test_there_are_formats_and_all_can_run() -> None:
    assert {"scan.pickle", "scan.safetensors"} <= set(SHELF.plugins)
    assert not SHELF.unavailable


def test_it_explains_itself(format_: Format) -> None:
    meta = format_.meta
    assert meta.id.startswith("scan.")
    assert meta.title
    assert meta.why.endswith(".")
    assert meta.tags
    for tag in meta.tags:
        parse_tag(tag)


def test_it_is_a_value(format_: Format) -> None:
    assert format_ == type(format_)()
    assert hash(format_) == hash(type(format_)())


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\n", b"hello world\n", b"import os\n", b"{}", b"\xff" * 64, b"\0" * 4_096]
)
def test_it_does_not_claim_what_is_none(format_: Format, content: bytes) -> None:
    assert not format_.recognises(content)


def test_it_never_raises_on_noise_behind_a_known_beginning(format_: Format) -> None:
    source = random.Random(format_.meta.id)
    heads = [
        b"",
        b"\x80\x04\x95",
        b"PK\x03\x04",
        b"\x93NUMPY\x01\x00",
        b"\x1f\x8b\x08\0",
        b"\x20" + b"\0" * 7 + b'{"',
        b"x\x9c",
    ]
    for head in heads:
        for size in (0, 1, 7, 64, 900):
            data = head + source.randbytes(size)
            format_.recognises(data)
            for note in format_.examine(Part(path="noise", data=data, budget=Budget(left=1_000_000))):
                assert isinstance(note, Weakness | Unread | Inner | Fact)
                assert not (isinstance(note, Weakness) and note.place == "reader"), note


@pytest.mark.parametrize("name", sorted(KNOWN.plugins))
def test_a_table_of_callables_says_why_and_holds_names(name: str) -> None:
    known = KNOWN[name]
    assert known.meta.why.endswith(".")
    for table in (known.harmless, known.code, known.dangerous):
        for module, names in table.items():
            assert names, module
            assert all(part.isidentifier() for part in module.removesuffix(".*").split(".")), module


def test_no_name_is_harmless_in_one_table_and_dangerous_in_another() -> None:
    harmless = {(module, name) for known in KNOWN for module, names in known.harmless.items() for name in names}
    dangerous = {(module, name) for known in KNOWN for module, names in known.dangerous.items() for name in names}
    assert not harmless & dangerous
