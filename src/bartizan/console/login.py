"""Logging in and out, and choosing a theme: the forms of the frame."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bartizan.console.forms import read_form
from bartizan.console.gate import COOKIE, Keys, address_of, session_of
from bartizan.console.page import Page
from bartizan.console.render import THEME_COOKIE, THEMES, Renderer
from bartizan.console.session import LoginForms, Sessions

HOME = "/overview"
_FORM_COOKIE = "bartizan_login"
_FORM_SECONDS = 3_600
_YEAR_SECONDS = 31_536_000


class Doors:
    """The routes of the frame."""

    def __init__(
        self, *, sessions: Sessions, keys: Keys, renderer: Renderer, pages: Mapping[str, Page], seconds: float
    ) -> None:
        self._sessions = sessions
        self._keys = keys
        self._renderer = renderer
        self._paths = frozenset(f"/{name}" for name in pages)
        self._seconds = seconds
        self._forms = LoginForms()

    def routes(self) -> list[Route]:
        """Returns log-in, log-out and theme."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/login", self.form, methods=["GET"]),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
            Route("/theme", self.theme, methods=["POST"]),
        ]

    async def home(self, _request: Request) -> Response:
        """Leads to the first page."""
        return RedirectResponse(HOME, status_code=303)

    async def form(self, request: Request) -> Response:
        """Shows the log-in."""
        return self._form(request, onward=request.query_params.get("next", ""))

    async def log_in(self, request: Request) -> Response:
        """Opens a session for a right key. Wrong, revoked and unscoped keys all get the same answer."""
        token = self._forms.token(request.cookies.get(_FORM_COOKIE, ""))
        fields = await read_form(request, token=token)
        address, onward = address_of(request), fields.get("next", "")
        if seconds := self._keys.wait(address):
            message = f"Too many wrong keys. Try again in {math.ceil(seconds / 60)} minutes."
            return self._form(request, onward=onward, status=429, message=message)
        credential = await asyncio.to_thread(self._keys.check, fields.get("key", "").strip(), address)
        if credential is None:
            message = "That key is not in force here, or lacks the console scope."
            return self._form(request, onward=onward, status=403, message=message)
        session_id = self._sessions.open(credential.id, credential.name)
        await asyncio.to_thread(self._keys.record, "console.login", "ok", principal=credential.id, address=address)
        answer = RedirectResponse(self._onward(onward), status_code=303)
        _set_cookie(answer, request, (COOKIE, session_id), seconds=int(self._seconds))
        answer.delete_cookie(_FORM_COOKIE, path="/login")
        return answer

    async def log_out(self, request: Request) -> Response:
        """Ends the session."""
        session = session_of(request)
        await read_form(request, token=session.csrf)
        self._sessions.close(request.cookies.get(COOKIE, ""))
        await asyncio.to_thread(
            self._keys.record, "console.logout", "ok", principal=session.principal, address=address_of(request)
        )
        answer = RedirectResponse("/login", status_code=303)
        answer.delete_cookie(COOKIE)
        return answer

    async def theme(self, request: Request) -> Response:
        """Keeps the chosen theme in a cookie."""
        fields = await read_form(request, token=session_of(request).csrf)
        chosen = fields.get("theme", "")
        answer = RedirectResponse(self._onward(fields.get("back", "")), status_code=303)
        theme = chosen if chosen in THEMES else THEMES[0]
        _set_cookie(answer, request, (THEME_COOKIE, theme), seconds=_YEAR_SECONDS)
        return answer

    def _form(self, request: Request, *, onward: str, status: int = 200, message: str = "") -> Response:
        value = self._forms.value()
        frame = self._renderer.frame(request, "Log in", csrf=self._forms.token(value))
        values = {"message": message, "onward": self._onward(onward)}
        answer = self._renderer.template("login.html", frame, values, status=status)
        _set_cookie(answer, request, (_FORM_COOKIE, value), seconds=_FORM_SECONDS, path="/login")
        return answer

    def _onward(self, address: str) -> str:
        """Returns the address where it is a page of ours, otherwise the first page: no open redirect."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return HOME
        if parts.scheme or parts.netloc or parts.path not in self._paths or "\\" in address:
            return HOME
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _set_cookie(answer: Response, request: Request, cookie: tuple[str, str], *, seconds: int, path: str = "/") -> None:
    name, value = cookie
    answer.set_cookie(
        name, value, max_age=seconds, path=path, secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
