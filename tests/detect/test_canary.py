"""Canaries: made, recognised, and found in every dress."""

from __future__ import annotations

import base64
import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.detect.canary import canaries, find_canaries, make_canary

CANARY = make_canary(lambda size: bytes(range(11, 11 + 23 * size, 23)))
DRESSES = {
    "clear": CANARY,
    "upper": CANARY.upper(),
    "no hyphens": CANARY.replace("-", ""),
    "spaced": " ".join(CANARY),
    "lines": "\n".join(CANARY),
    "reversed": CANARY[::-1],
    "base64": base64.b64encode(f"here: {CANARY}".encode()).decode(),
    "hex": CANARY.encode().hex(),
    "rot13": codecs.encode(CANARY, "rot13"),
}


@pytest.mark.parametrize("dressed", DRESSES.values(), ids=DRESSES)
def test_a_planted_canary_is_found_in_every_dress(dressed: str) -> None:
    answer = f"Well, {dressed} it is."
    best = max(find_canaries(answer, [f"Reference {CANARY}."]), key=lambda one: one.is_whole)
    assert best.is_known
    assert best.is_whole
    assert answer[best.start : best.end].strip()


def test_canaries_differ_and_are_recognised() -> None:
    made = [make_canary() for _ in range(50)]
    assert len(set(made)) == 50
    for canary in made:
        assert list(canaries(f"x {canary} y")) == [canary.replace("-", "")]
        assert next(find_canaries(canary)).is_known is False


def test_a_part_of_a_planted_canary_is_found() -> None:
    assert [one.is_whole for one in find_canaries(f"it begins {CANARY[:14]} as I said", [CANARY])] == [False]


def test_a_wrong_check_is_no_canary() -> None:
    wrong = CANARY[:-1] + ("c" if CANARY[-1] != "c" else "d")
    assert not list(find_canaries(wrong))


@given(st.text(max_size=300))
@settings(deadline=None)
def test_no_text_holds_one_by_chance(text: str) -> None:
    assert not list(find_canaries(text.encode("utf-8", "replace").decode(), [CANARY]))
