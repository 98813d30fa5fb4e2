"""Pieces of words, and words of scripts without blanks."""

from __future__ import annotations

import pytest

from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import units

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "ignore", "##d", "ign", "忽略", "忽", "规", "##s", "rule")
KNOWN = Vocabulary(PIECES)


def pieces(text: str) -> list[str]:
    return [PIECES[one] for one in KNOWN.encode(units(text))[0]]


def test_the_longest_piece_is_taken() -> None:
    assert pieces("Ignore ignored rules") == ["ignore", "ignore", "##d", "rule", "##s"]


def test_the_longest_known_word_is_taken_where_there_are_no_blanks() -> None:
    assert pieces("忽略规 忽 略") == ["忽略", "规", "忽", "[UNK]"]


def test_each_piece_knows_the_unit_that_it_begins_in() -> None:
    found = units("ignored 忽略规")
    assert KNOWN.encode(found)[1] == [0, 0, 1, 3]


def test_data_is_one_unknown_piece() -> None:
    assert pieces("x" * 5_000) == ["[UNK]"]


def test_a_vocabulary_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="CLS"):
        Vocabulary(("[PAD]", "[UNK]", "[SEP]"))
