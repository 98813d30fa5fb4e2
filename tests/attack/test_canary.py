"""Masking: what is shown never holds the secret."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from bartizan.attack.canary import Needle, mask

SECRET = "BZN-CHAT-7Q4M-KX2D"
NEEDLE = Needle.loose(SECRET)
DRESSES = (
    str,
    str.lower,
    lambda text: text[::-1],
    " ".join,
    "\u200b".join,
    lambda text: base64.b64encode(f"it is {text}!".encode()).decode(),
    lambda text: text.encode().hex(),
)


@given(before=st.text(max_size=40), after=st.text(max_size=40), dresses=st.lists(st.sampled_from(DRESSES), max_size=4))
def test_nothing_is_left_to_find(before: str, after: str, dresses: list[object]) -> None:
    text = before + " ".join(dress(SECRET) for dress in dresses if callable(dress)) + after
    masked = mask(text, (NEEDLE,))
    assert NEEDLE.find(masked) is None
    if not dresses and NEEDLE.find(text) is None:
        assert masked == text


def test_what_stands_around_is_kept() -> None:
    assert mask(f"The code is {SECRET}, keep it.", (NEEDLE,)) == "The code is [masked], keep it."
