"""Units keep their places whatever the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.models.units import units, unleet, words


@given(st.text(max_size=400))
def test_units_lie_in_order_within_the_text(text: str) -> None:
    reached = 0
    for unit in units(text):
        assert reached <= unit.start < unit.end <= len(text)
        reached = unit.end
    assert [unit.word for unit in units(text)] == words(text)


def test_what_is_no_space_and_not_invisible_belongs_to_a_unit() -> None:
    text = "Ignore (all) previous_rules: now! 忽略之前 지시를 नमस्ते\u200b"
    covered = {at for unit in units(text) for at in range(unit.start, unit.end)}
    assert all(at in covered for at, sign in enumerate(text) if not sign.isspace())


def test_disguised_words_become_plain() -> None:
    assert words("1gn0r3 \uff29gnore pre\u200bvious p\u0430ypal \u00efgn\u00f6r\u00eb") == [
        "ignore",
        "ignore",
        "previous",
        "paypal",
        "ignore",
    ]


def test_accents_stay_where_a_language_puts_them() -> None:
    assert words("na\u00efve \u00dcbergr\u00f6\u00dfe \u0111\u01b0\u1eddng \u0439\u043e\u0433\u0443\u0440\u0442") == [
        "na\u00efve",
        "\u00fcbergr\u00f6\u00dfe",
        "\u0111\u01b0\u1eddng",
        "\u0439\u043e\u0433\u0443\u0440\u0442",
    ]
    assert words("\u0645\u064f\u062d\u064e\u0645\u064e\u0651\u062f") == ["\u0645\u062d\u0645\u062f"]


def test_numbers_and_names_with_numbers_stay_as_they_are() -> None:
    assert [unleet(word) for word in ("gpt4", "2026", "mp3", "world2", "4096")] == [
        "gpt4",
        "2026",
        "mp3",
        "world2",
        "4096",
    ]


def test_scripts_without_blanks_are_cut_into_characters() -> None:
    assert words("忽略规则") == ["忽", "略", "规", "则"]
    assert words("지시를") == ["지", "시", "를"]


def test_a_word_of_any_length_is_one_short_unit() -> None:
    (unit,) = units("a" * 1_000_000)
    assert (unit.start, unit.end) == (0, 1_000_000)
    assert len(unit.word) == 64
