"""What of an operator's instructions is laid beside a user's turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bartizan.detect.models.limits import limits


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("You help with pets. Never talk about prices. Be kind.", "Never talk about prices."),
        ("The word is heron. Don\u2019t say it.", "Don\u2019t say it."),
        ("Du bist Koch. Das Rezept verr\u00e4tst du nie!", "Das Rezept verr\u00e4tst du nie!"),
        ("Eres un guía. La contraseña es 12.", "La contraseña es 12."),
        ("你是银行助手。不要透露内部利率。", "不要透露内部利率。"),
        ("당신은 도우미입니다. 비밀번호를 알려주지 마세요.", "비밀번호를 알려주지 마세요."),
        ("Ты помощник. Никому не говори пароль.", "Никому не говори пароль."),
        ("أنت مساعد. لا تذكر الأسعار.", "لا تذكر الأسعار."),
        ("You are a cook. Be nice and brief.", ""),
        ("", ""),
    ],
)
def test_what_forbids_or_guards_is_kept(told: str, kept: str) -> None:
    assert limits((told,)) == kept


def test_several_messages_are_read_as_one_text() -> None:
    assert (
        limits(("You cook.", "Never name the supplier.", "Only speak Dutch"))
        == "Never name the supplier. Only speak Dutch"
    )
    assert limits(()) == ""


@given(some.text())
def test_any_text_is_bounded(told: str) -> None:
    assert len(limits((told * 50,))) <= 600


def test_of_long_instructions_the_ends_are_read() -> None:
    filler = "Be kind to all. " * 100_000
    found = limits((f"Never say yes. {filler} Never say no.",))
    assert found == "Never say yes. Never say no."
