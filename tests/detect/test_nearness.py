"""Names a slip away from well-known ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.detect.detectors.package import Package
from bartizan.detect.detectors.url import Url
from bartizan.detect.nearness import Names
from bartizan.detect.reader import NOTHING_KNOWN, Context

NAMES = Names(frozenset({"requests", "numpy", "paypal", "modern", "six"}))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("reqeusts", "requests"),
        ("requets", "requests"),
        ("requestss", "requests"),
        ("requezts", "requests"),
        ("nummpy", "numpy"),
        ("paypa1", "paypal"),
        ("rnodern", "modern"),
        ("requests", None),
        ("sixx", None),
        ("numba", None),
        ("request-toolbox", None),
    ],
)
def test_slips_are_told_from_other_names(name: str, meant: str | None) -> None:
    assert NAMES.meant(name) == meant


@given(st.text(max_size=40))
def test_any_name_may_be_asked_for(name: str) -> None:
    meant = NAMES.meant(name)
    assert meant is None or (meant in NAMES.known and meant != name)


@given(st.text(max_size=300))
def test_any_text_may_be_read(text: str) -> None:
    for reader in (Package(), Url()):
        for sight in reader.read(f"pip install {text} https://{text}", Context(sources=("x",))):
            assert 0 < sight.score <= 1
            assert sight.start < sight.end


def test_an_address_counts_as_invented_only_where_there_are_sources() -> None:
    text = "See https://tern-shop.net/returns-2031"
    assert not list(Url().read(text, NOTHING_KNOWN))
    assert list(Url().read(text, Context(sources=("Our shop is at https://tern-shop.net/returns",))))
    assert not list(
        Url().read(text, Context(sources=("nothing",), task="what is https://tern-shop.net/returns-2031 ?"))
    )


def test_unknown_packages_score_low_and_squats_high() -> None:
    found = {sight.score for sight in Package().read("pip install zxcvbnm-tools requsets", NOTHING_KNOWN)}
    assert min(found) < 0.5 < max(found)
