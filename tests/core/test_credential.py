"""Credentials: shown once, kept as a hash, compared whole."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bartizan.core.credential import Scope, identify, issue, matches


def test_an_issued_key_matches_only_itself() -> None:
    record, key = issue("ci", Scope.INFER)
    other, other_key = issue("ci", Scope.INFER)
    assert identify(key) == record.id
    assert matches(record, key)
    assert not matches(record, other_key)
    assert not matches(record, key[:-1])
    assert record.id != other.id


def test_the_secret_is_not_in_the_record() -> None:
    record, key = issue("ci", Scope.INFER)
    assert key.rpartition("_")[2] not in msgspec.json.encode(record).decode()


def test_scopes_and_revocation_decide() -> None:
    record, _ = issue("ci", Scope.INFER)
    assert record.allows(Scope.INFER)
    assert not record.allows(Scope.CONSOLE)
    assert not msgspec.structs.replace(record, revoked=True).allows(Scope.INFER)


@given(st.text(max_size=400))
def test_any_text_may_be_presented(text: str) -> None:
    record, _ = issue("ci", Scope.INFER)
    assert identify(text) is None or text.startswith("bz_")
    assert not matches(record, text)
