"""Ids: stable, meaningful, and never merged by accident."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bartizan.core.identity import digest, slug, stable_id, unique_id

SAFE = re.compile(r"[A-Za-z0-9._/@+-]*")


@given(st.lists(st.text(), min_size=1, max_size=3), st.lists(st.text(), min_size=1, max_size=3))
def test_digests_of_different_parts_differ(left: list[str], right: list[str]) -> None:
    assert (digest(*left, length=32) == digest(*right, length=32)) == (left == right)


@given(st.text(alphabet=st.characters(), max_size=300))
def test_slugs_need_no_quoting_and_are_bounded(text: str) -> None:
    assert SAFE.fullmatch(slug(text))
    assert len(slug(text)) <= 72


def test_the_same_thing_found_twice_has_one_id_that_names_it() -> None:
    first, second = stable_id("model", "models/evil.pkl"), stable_id("model", "models/evil.pkl")
    assert first == second
    assert first.startswith("model:models/evil.pkl~")
    assert first != stable_id("dataset", "models/evil.pkl")


def test_names_cut_to_the_same_slug_keep_different_ids() -> None:
    assert stable_id("model", "a" * 100) != stable_id("model", "a" * 101)


def test_lone_surrogates_have_an_id_too() -> None:
    assert stable_id("model", "\ud800").startswith("model:")


def test_unique_ids_are_unique_and_well_formed() -> None:
    made = {unique_id("req") for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"req-[0-9a-z]{22}", one) for one in made)
