from __future__ import annotations

from bartizan.console.session import MOST_SESSIONS, LoginForms, Sessions, same


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_lasts_as_long_as_it_may() -> None:
    clock = Clock()
    sessions = Sessions(60, clock=clock)
    session_id = sessions.open("key-1", "ops")
    clock.now = 59.9
    assert sessions.get(session_id) is not None
    clock.now = 60.0
    assert sessions.get(session_id) is None
    clock.now = 0.0
    assert sessions.get(session_id) is None, "what has ended does not come back"


def test_ids_and_tokens_are_never_the_same() -> None:
    sessions = Sessions(60)
    ids = {sessions.open("key-1", "ops") for _ in range(50)}
    tokens = {found.csrf for each in ids if (found := sessions.get(each))}
    assert len(ids) == len(tokens) == 50
    assert not ids & tokens
    assert min(map(len, ids)) >= 43, "256 bits"


def test_the_id_itself_is_not_kept() -> None:
    sessions = Sessions(60)
    session_id = sessions.open("key-1", "ops")
    assert session_id not in repr(vars(sessions))


def test_closing_one_leaves_the_others_and_closing_a_principal_ends_all_of_it() -> None:
    sessions = Sessions(60)
    first, second, other = (sessions.open(name, "") for name in ("key-1", "key-1", "key-2"))
    sessions.close(first)
    assert [sessions.get(each) is not None for each in (first, second, other)] == [False, True, True]
    sessions.close_all("key-1")
    assert [sessions.get(each) is not None for each in (first, second, other)] == [False, False, True]


def test_memory_is_bounded() -> None:
    sessions = Sessions(60)
    first = sessions.open("key-1", "ops")
    others = [sessions.open("key-1", "ops") for _ in range(MOST_SESSIONS)]
    assert sessions.get(first) is None
    assert all(sessions.get(each) for each in others)


def test_unknown_and_malformed_ids_are_no_session() -> None:
    sessions = Sessions(60)
    assert not any(sessions.get(each) for each in ("", "x", "\ud800", "a" * 10_000))


def test_a_login_token_fits_its_cookie_and_its_process_only() -> None:
    forms = LoginForms()
    value = forms.value()
    assert forms.token(value) == forms.token(value)
    assert forms.token(value) != forms.token(forms.value())
    assert forms.token(value) != LoginForms().token(value)


def test_tokens_compare() -> None:
    assert same("a", "a")
    assert not same("a", "b")
    assert not same("", "")
    assert not same("\ud800", "a")
