"""The gate, as pure ASGI: without a session or a key in force, nothing but the log-in and the assets is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bartizan.console.limiter import Limiter
from bartizan.console.session import Session, Sessions
from bartizan.core.credential import Credential, identify, matches
from bartizan.core.credential import Scope as Permission
from bartizan.core.event import Event
from bartizan.core.identity import unique_id
from bartizan.errors import StoreError
from bartizan.store.ledger import Ledger

COOKIE = "bartizan_session"
_OPEN_PATHS = frozenset({"/login", "/favicon.ico"})
_OPEN_FOLDER = "/static/"
_STATE = "bartizan.session"


Fault = Callable[[Request, Exception], Awaitable[Response]]
"""What answers where nobody can be let in because the ledger cannot be read."""


class Keys:
    """Checks keys against the ledger, slows guessing down, and records every refusal."""

    def __init__(self, ledger: Ledger, limiter: Limiter) -> None:
        self._ledger = ledger
        self._limiter = limiter

    def wait(self, address: str) -> float:
        """Returns how many seconds this address must wait before its next try."""
        return self._limiter.wait(address)

    def check(self, key: str, address: str) -> Credential | None:
        """Returns the credential of a right key with the console's scope; otherwise counts and records the refusal."""
        credential = self._ledger.get(Credential, identify(key) or "")
        if credential is not None and matches(credential, key) and credential.allows(Permission.CONSOLE):
            return credential
        self._limiter.failed(address)
        claimed = credential.id if credential is not None else ""
        self.record("console.login", "denied", principal=claimed, address=address)
        return None

    def in_force(self, principal: str) -> bool:
        """Whether a credential that opened a session may still be used."""
        credential = self._ledger.get(Credential, principal)
        return credential is not None and credential.allows(Permission.CONSOLE)

    def record(self, activity: str, outcome: str, *, principal: str, address: str) -> None:
        """Appends what happened at the gate to the ledger."""
        event = Event(
            id=unique_id("event"),
            activity=activity,
            outcome=outcome,
            principal=principal,
            attributes={"client.address": address},
        )
        self._ledger.append(event)


class Gate:
    """Lets a request through that carries a session's cookie, or for reading a key as a bearer token (RFC 6750)."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, keys: Keys, fault: Fault) -> None:
        self._app = app
        self._fault = fault
        self._sessions = sessions
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request through, or answers with the way to log in."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS or scope["path"].startswith(_OPEN_FOLDER):
            await self._app(scope, receive, send)
            return
        try:
            session = await asyncio.to_thread(self._session, HTTPConnection(scope))
        except StoreError as error:
            answer = await self._fault(Request(scope), error)
            await answer(scope, receive, send)
            return
        if session is None:
            await _refusal(scope)(scope, receive, send)
        else:
            await self._app({**scope, _STATE: session}, receive, send)

    def _session(self, connection: HTTPConnection) -> Session | None:
        bearer = connection.headers.get("authorization", "")
        if bearer[:7].lower() == "bearer " and connection.scope["method"] in {"GET", "HEAD"}:
            return self._bearer(bearer[7:].strip(), address_of(connection))
        session = self._sessions.get(connection.cookies.get(COOKIE, ""))
        if session is not None and not self._keys.in_force(session.principal):
            self._sessions.close_all(session.principal)
            return None
        return session

    def _bearer(self, key: str, address: str) -> Session | None:
        credential = None if self._keys.wait(address) else self._keys.check(key, address)
        if credential is None:
            return None
        return Session(principal=credential.id, name=credential.name, expires=0, csrf="")


def session_of(request: Request) -> Session:
    """Returns the session that the gate let through."""
    session = request.scope[_STATE]
    assert isinstance(session, Session)
    return session


def session_or_none(request: Request) -> Session | None:
    """Returns the session, or None on the pages before the gate."""
    session = request.scope.get(_STATE)
    return session if isinstance(session, Session) else None


def address_of(connection: HTTPConnection) -> str:
    """Returns the address of the other side; empty on a local socket."""
    return connection.client.host if connection.client else ""


def wants_json(path: str, headers: Headers) -> bool:
    """Whether an answer that is no page, such as an error, should be JSON."""
    accepted = headers.get("accept", "")
    return path.endswith(".json") or ("application/json" in accepted and "text/html" not in accepted)


def _refusal(scope: Scope) -> Response:
    headers = Headers(scope=scope)
    if wants_json(scope["path"], headers):
        error = {"status": 401, "message": "log in, or send a key with the console scope as a bearer token"}
        return JSONResponse({"error": error}, status_code=401, headers={"WWW-Authenticate": "Bearer"})
    if scope["method"] not in {"GET", "HEAD"}:
        return RedirectResponse("/login", status_code=303)
    query = scope["query_string"].decode("latin-1")
    back = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(f"/login?next={quote(back, safe='')}", status_code=303)
