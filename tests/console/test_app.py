"""What stands between a stranger and the ledger: the gate, the shield, forms, and answers to wrong requests."""

from __future__ import annotations

import msgspec
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from bartizan.config import Config, ConsoleConfig
from bartizan.console.app import build
from bartizan.console.limiter import MOST_PER_ADDRESS
from bartizan.console.shield import HEADERS
from bartizan.core.credential import Credential, Scope, issue
from bartizan.core.event import Event
from bartizan.store.ledger import Ledger
from tests.console.conftest import BASE, log_in, token


def routes(ledger: Ledger) -> list[Route]:
    return [route for route in build(Config(), ledger).routes if isinstance(route, Route)]


def events(ledger: Ledger, activity: str) -> list[Event]:
    ledger.append(Event(id="flush", activity="test", outcome="ok")).wait()
    return [entry.record for entry in ledger.find(Event, {"activity": activity})]


def test_nothing_but_the_login_is_open_to_a_stranger(stranger: TestClient, ledger: Ledger) -> None:
    opened = set()
    for route in routes(ledger):
        for method in (route.methods or set()) - {"HEAD"}:
            answer = stranger.request(method, route.path.replace("{name}", "console.css"))
            if answer.status_code not in {303, 401}:
                opened.add((method, route.path))
            elif answer.status_code == 303:
                assert answer.headers["location"].startswith("/login")
    assert opened == {("GET", "/login"), ("POST", "/login"), ("GET", "/static/{name}"), ("GET", "/favicon.ico")}


def test_a_page_leads_to_the_login_and_back(stranger: TestClient, key: str) -> None:
    refused = stranger.get("/findings?severity=high")
    assert refused.status_code == 303
    form = stranger.get(refused.headers["location"]).text
    onward = form.partition('name="next" value="')[2].partition('"')[0]
    assert onward == "/findings?severity=high"
    entered = stranger.post("/login", data={"csrf": token(form), "key": key, "next": onward})
    assert entered.headers["location"] == "/findings?severity=high"


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example/overview",
        "/\\evil.example",
        "/logout",
        "javascript:alert(1)",
        "/overview\\..",
        "http://[",
    ],
)
def test_login_leads_nowhere_else(stranger: TestClient, key: str, address: str) -> None:
    form = stranger.get("/login").text
    entered = stranger.post("/login", data={"csrf": token(form), "key": key, "next": address})
    assert entered.headers["location"] == "/overview"


def test_json_without_a_session_is_401(stranger: TestClient) -> None:
    answer = stranger.get("/findings.json")
    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_key_as_bearer_token_reads_but_does_not_write(stranger: TestClient, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    assert stranger.get("/findings.json", headers=headers).json()["rows"] == []
    assert stranger.get("/findings.json", headers={"authorization": "Bearer bz_0_1"}).status_code == 401
    assert stranger.post("/ledger/verify", headers=headers).status_code == 303


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger: TestClient, key: str) -> None:
    cookie = log_in(stranger, key).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie.partition("bartizan_login")[0]


def test_the_session_cookie_is_secure_over_https(ledger: Ledger, key: str) -> None:
    with TestClient(build(Config(), ledger), base_url="https://localhost", follow_redirects=False) as client:
        assert "; Secure" in log_in(client, key).headers["set-cookie"].split("bartizan_login")[0]


@pytest.mark.parametrize("wrong", ["", "bz_123456789abc_00", "nonsense", "bz__", "ключ", "bz_" + "a" * 5_000, "\x00"])
def test_a_wrong_key_is_refused_and_recorded(stranger: TestClient, ledger: Ledger, wrong: str) -> None:
    answer = log_in(stranger, wrong)
    assert answer.status_code == 403
    assert "not in force" in answer.text
    assert "bartizan_session" not in stranger.cookies
    assert [event.outcome for event in events(ledger, "console.login")] == ["denied"]


def test_a_key_without_the_scope_and_a_revoked_key_are_refused(stranger: TestClient, ledger: Ledger) -> None:
    gateway, gateway_key = issue("gateway", Scope.INFER)
    revoked, revoked_key = issue("old", Scope.CONSOLE)
    ledger.append(gateway, msgspec.structs.replace(revoked, revoked=True)).wait()
    assert log_in(stranger, gateway_key).status_code == 403
    assert log_in(stranger, revoked_key).status_code == 403
    assert {event.principal for event in events(ledger, "console.login")} == {gateway.id, revoked.id}


def test_guessing_is_slowed_down_even_for_the_right_key(stranger: TestClient, key: str) -> None:
    for _ in range(MOST_PER_ADDRESS):
        assert log_in(stranger, "bz_0_1").status_code == 403
    assert log_in(stranger, "bz_0_1").status_code == 429
    assert log_in(stranger, key).status_code == 429
    assert stranger.get("/findings.json", headers={"authorization": f"Bearer {key}"}).status_code == 401


def test_login_and_logout_are_recorded_and_logout_ends_the_session(visitor: TestClient, ledger: Ledger) -> None:
    session = visitor.cookies["bartizan_session"]
    assert visitor.post("/logout", data={"csrf": token(visitor.get("/overview").text)}).status_code == 303
    visitor.cookies.set("bartizan_session", session)
    assert visitor.get("/overview").status_code == 303
    assert [event.outcome for event in events(ledger, "console.login")] == ["ok"]
    assert len(events(ledger, "console.logout")) == 1


def test_a_session_ends_by_time(ledger: Ledger, key: str) -> None:
    config = Config(console=ConsoleConfig(session_seconds=0.000001))
    with TestClient(build(config, ledger), base_url=BASE, follow_redirects=False) as client:
        session = log_in(client, key).cookies.get("bartizan_session", "")
        client.cookies.set("bartizan_session", session)
        assert client.get("/overview").status_code == 303


def test_revoking_the_key_ends_its_sessions(visitor: TestClient, ledger: Ledger) -> None:
    assert visitor.get("/overview").status_code == 200
    for entry in ledger.find(Credential):
        ledger.append(msgspec.structs.replace(entry.record, revoked=True)).wait()
    assert visitor.get("/overview").status_code == 303


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "wrong"}, {"csrf": "ключ"}])
def test_every_form_needs_its_token(visitor: TestClient, ledger: Ledger, fields: dict[str, str]) -> None:
    posts = [route.path for route in routes(ledger) if "POST" in (route.methods or set())]
    assert {"/login", "/logout", "/theme", "/ledger/verify"} <= set(posts)
    for path in posts:
        assert visitor.post(path, data={"key": "x", "filler": "y", **fields}).status_code == 403
    assert visitor.get("/overview").status_code == 200


def test_the_token_of_another_session_is_refused(visitor: TestClient, key: str) -> None:
    first = token(visitor.get("/overview").text)
    log_in(visitor, key)
    assert visitor.post("/logout", data={"csrf": first}).status_code == 403


def test_forms_are_small_and_forms(visitor: TestClient) -> None:
    assert visitor.post("/theme", json={"csrf": "x"}).status_code == 415
    assert visitor.post("/theme", data={"csrf": "x" * 20_000}).status_code == 413
    header = {"content-type": "application/x-www-form-urlencoded"}
    assert visitor.post("/theme", content=b"\xff\xfe=1", headers=header).status_code == 400
    assert visitor.post("/theme", content="&".join("a=1" for _ in range(50)), headers=header).status_code == 400


def test_every_answer_carries_the_headers(visitor: TestClient) -> None:
    for path in (
        "/overview",
        "/overview.json",
        "/nothing",
        "/findings?severity=evil",
        "/static/nothing",
        "/login",
        "/",
    ):
        answer = visitor.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, (path, name)
    assert "immutable" in visitor.get("/static/console.css").headers["cache-control"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8789", 303),
        ("localhost:1", 303),
        ("[::1]:8789", 303),
        ("LOCALHOST", 303),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost:8789@evil.example", 421),
        ("[::1", 421),
        ("[::1]evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ],
)
def test_a_foreign_host_name_gets_no_answer(stranger: TestClient, host: str, status: int) -> None:
    assert stranger.get("/overview", headers={"host": host}).status_code == status


def test_the_configured_host_name_is_ours(ledger: Ledger) -> None:
    config = Config(console=ConsoleConfig(host="console.example"))
    with TestClient(build(config, ledger), base_url="http://console.example", follow_redirects=False) as client:
        assert client.get("/login").status_code == 200
        assert client.get("/login", headers={"host": "evil.example"}).status_code == 421
    everywhere = Config(console=ConsoleConfig(host="0.0.0.0"))
    with TestClient(build(everywhere, ledger), base_url="http://10.1.2.3", follow_redirects=False) as client:
        assert client.get("/login").status_code == 200
        assert client.get("/login", headers={"host": "evil.example"}).status_code == 421


def test_an_unknown_page_is_a_styled_404(visitor: TestClient) -> None:
    answer = visitor.get("/nothing")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert "/static/console.css" in answer.text
    assert visitor.get("/nothing.json").json()["error"]["status"] == 404
    assert visitor.get("/nothing", headers={"accept": "application/json"}).json()["error"]["status"] == 404
    for path in ("/finding?id=x", "/asset?id=x", "/request?id=x", "/run?id=x", "/plugin?id=x"):
        assert visitor.get(path).status_code == 404, path
    assert visitor.put("/overview").status_code == 405


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/findings?severity=hihg", "did you mean &#39;high&#39;?"),
        ("/findings?state=%3Cscript%3E", "state cannot be"),
        ("/findings?sevrity=high", "no filter &#39;sevrity&#39;"),
        ("/findings?before=-1", "whole number"),
        ("/findings?before=99999999999999999999", "whole number"),
        ("/findings?rule=" + "x" * 400, "too long"),
        ("/traffic?outcome=zz", "outcome cannot be"),
        ("/assets?kind=model%00", "kind cannot be"),
        ("/attacks?before=1.5", "whole number"),
        ("/ledger?before=abc", "whole number"),
        ("/catalogue?shelf=nothing", "no shelf"),
        ("/run?id=x&outcome=zz", ""),
        ("/finding", "lacks ?id="),
        ("/overview?x=1", "no filter"),
    ],
)
def test_garbage_in_a_filter_is_a_clear_400(visitor: TestClient, path: str, says: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == (404 if path.startswith("/run") else 400)
    assert says in answer.text


def test_the_theme_is_kept_in_a_cookie(visitor: TestClient) -> None:
    fields = {"csrf": token(visitor.get("/overview").text), "theme": "dark", "back": "/findings?severity=high"}
    answer = visitor.post("/theme", data=fields)
    assert answer.headers["location"] == "/findings?severity=high"
    assert 'data-theme="dark"' in visitor.get("/overview").text
    visitor.post("/theme", data={**fields, "theme": '"><script>'})
    assert 'data-theme="auto"' in visitor.get("/overview").text


def test_a_ledger_that_cannot_be_read_is_a_503(visitor: TestClient, ledger: Ledger) -> None:
    assert visitor.get("/overview").status_code == 200
    ledger.close()
    for path in ("/overview", "/findings", "/overview.json"):
        assert visitor.get(path).status_code == 503


def test_a_page_that_breaks_is_a_500_that_tells_nothing(
    ledger: Ledger, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_: object, **__: object) -> dict[str, int]:
        raise RuntimeError("secret detail")

    with TestClient(
        build(Config(), ledger), base_url=BASE, follow_redirects=False, raise_server_exceptions=False
    ) as client:
        log_in(client, key)
        monkeypatch.setattr(ledger, "tally", break_down)
        answer = client.get("/findings")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
