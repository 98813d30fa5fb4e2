"""The likeliest pieces of stretches, in scripts with blanks and without."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import units

PIECES = {
    "<pad>": 0.0, "<unk>": 0.0, "<s>": 0.0, "</s>": 0.0,
    "\u2581": -4.0, "\u2581ignore": -6.0, "\u2581ign": -7.0, "ore": -7.0, "d": -5.0, "\u2581rule": -6.0, "s": -4.0,
    "忽略": -7.0, "忽": -9.0, "略": -9.0, "规": -8.0, "'": -5.0, "t": -5.0, "\u2581don": -6.0,
}  # fmt: skip
NAMES = tuple(PIECES)
KNOWN = Vocabulary(PIECES)


def pieces(text: str, most: int = 100) -> list[str]:
    return [NAMES[one] for one in KNOWN.encode(units(text), most)[0]]


def test_the_likeliest_pieces_are_taken() -> None:
    assert pieces("Ignore ignored rules") == ["\u2581ignore", "\u2581ignore", "d", "\u2581rule", "s"]


def test_marks_within_a_stretch_have_no_blank_before_them() -> None:
    assert pieces("don't") == ["\u2581don", "'", "t"]


def test_the_likeliest_words_are_taken_where_there_are_no_blanks() -> None:
    assert pieces("忽略规 忽 略") == ["\u2581", "忽略", "规", "\u2581", "忽", "\u2581", "略"]


def test_what_no_piece_holds_is_unknown_once_in_a_row() -> None:
    assert pieces("xyz ignore") == ["\u2581", "<unk>", "\u2581ignore"]


def test_each_piece_knows_the_unit_that_it_begins_in() -> None:
    found = units("ignored 忽略规")
    assert KNOWN.encode(found, 100)[1] == [0, 0, 1, 1, 3]


def test_data_is_one_unknown_piece() -> None:
    assert pieces("x" * 5_000) == ["<unk>"]


def test_no_more_pieces_are_made_than_are_wanted() -> None:
    assert len(pieces("ignored " * 1_000, most=7)) == 7


def test_a_vocabulary_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="</s>"):
        Vocabulary({"<pad>": 0.0, "<unk>": 0.0, "<s>": 0.0})


def test_a_vocabulary_is_read_from_lines() -> None:
    text = "".join(f"{piece}\t{odds}\n" for piece, odds in PIECES.items())
    assert Vocabulary.read(text).encode(units("ignored"), 9) == KNOWN.encode(units("ignored"), 9)
    with pytest.raises(ValueError, match="could not convert"):
        Vocabulary.read("word without odds")


@given(st.text(max_size=300))
def test_any_text_is_cut_into_pieces_in_order(text: str) -> None:
    found = units(text)
    ids, origins = KNOWN.encode(found, 10_000)
    assert len(ids) == len(origins)
    assert origins == sorted(origins)
    assert all(0 <= one < len(found) for one in origins)
    assert all(0 <= one < len(PIECES) for one in ids)
