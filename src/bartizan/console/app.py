"""The console as an ASGI application: every page of the shelf at two addresses, behind the gate, inside the shield."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from types import MappingProxyType

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bartizan.config import Config
from bartizan.console.forms import read_form
from bartizan.console.gate import Gate, Keys, session_of
from bartizan.console.limiter import Limiter
from bartizan.console.login import Doors
from bartizan.console.page import Context, Page, Visit, pages
from bartizan.console.query import Query
from bartizan.console.render import Renderer
from bartizan.console.session import Sessions
from bartizan.console.shield import Shield
from bartizan.errors import ConfigError, InputError, PolicyError, StoreError
from bartizan.guard.guard import Guard
from bartizan.store.ledger import Ledger

_ASSET_SECONDS = 31_536_000
_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "Not Found": "No page of the console has this address.",
        "Method Not Allowed": "This address takes another kind of request.",
    }
)
"""What the router's own errors mean to a reader."""
_NO_FORM: Mapping[str, str] = MappingProxyType({})


class Console:
    """Serves pages from one ledger."""

    def __init__(self, config: Config, ledger: Ledger, guard: Guard | None = None) -> None:
        self._config = config
        self._ledger = ledger
        self._guard = guard
        self._opening = Lock()
        self.pages = pages()
        self.renderer = Renderer(self.pages)

    def routes(self) -> list[Route]:
        """Returns two routes for each page and for each of its actions, and the assets."""
        found = [
            Route("/static/{name}", self.asset, methods=["GET"]),
            Route("/favicon.ico", self.icon, methods=["GET"]),
        ]
        for name, page in self.pages.items():
            found.append(Route(f"/{name}.json", self._json(page), methods=["GET"]))
            found.append(Route(f"/{name}", self._html(name, page), methods=["GET"]))
            for action, make in page.actions.items():
                shown = partial(self.renderer.html, name=name)
                found.append(Route(f"/{name}/{action}.json", self._action(page, make, self._twin), methods=["POST"]))
                found.append(Route(f"/{name}/{action}", self._action(page, make, shown), methods=["POST"]))
        return found

    def guard(self) -> Guard:
        """Returns the guard of the configuration; the first call takes a second, unless one was given.

        Raises:
            ConfigError: `detect` is wrong.
            PolicyError: The policy is missing or wrong.
        """
        with self._opening:
            if self._guard is None:
                self._guard = Guard.from_config(self._config)
            return self._guard

    async def asset(self, request: Request) -> Response:
        """Serves a file of the look; its address holds its hash, so it may be kept for good."""
        found = self.renderer.assets.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404, "There is no such file.")
        kept = f"public, max-age={_ASSET_SECONDS}, immutable"
        return Response(found.body, media_type=found.media_type, headers={"Cache-Control": kept})

    async def icon(self, _request: Request) -> Response:
        """Serves the logo where browsers look for it unasked."""
        found = self.renderer.assets["logo.svg"]
        return Response(found.body, media_type=found.media_type)

    async def wrong(self, request: Request, error: Exception) -> Response:
        """Says what was wrong with a request."""
        if isinstance(error, HTTPException):
            message = _PLAIN.get(str(error.detail), str(error.detail))
            answer = self.renderer.error(request, error.status_code, message=message)
            answer.headers.update(error.headers or {})
            return answer
        if isinstance(error, InputError):
            return self.renderer.error(request, 400, message=error.message, hint=error.hint)
        if isinstance(error, ConfigError | PolicyError):
            return self.renderer.error(request, 500, message=error.message, hint=error.hint)
        if isinstance(error, StoreError):
            return self.renderer.error(request, 503, message=error.message, hint=error.hint)
        return self.renderer.error(
            request, 500, message="The page could not be made.", hint="The log of the console says why."
        )

    def _html(self, name: str, page: Page) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            return self.renderer.html(request, name, page.context(self._visit(request, page)))

        return show

    def _json(self, page: Page) -> Callable[[Request], Response]:
        def show(request: Request) -> Response:
            return self.renderer.json(page.context(self._visit(request, page)))

        return show

    def _action(
        self, page: Page, make: Callable[[Visit], Context], show: Callable[..., Response]
    ) -> Callable[[Request], object]:
        async def act(request: Request) -> Response:
            form = await read_form(request, token=session_of(request).csrf, most=page.form_bytes)
            context = await asyncio.to_thread(make, self._visit(request, page, form))
            return await asyncio.to_thread(show, request, context=context)

        return act

    def _twin(self, _request: Request, *, context: Context) -> Response:
        return self.renderer.json(context)

    def _visit(self, request: Request, page: Page, form: Mapping[str, str] = _NO_FORM) -> Visit:
        query = Query(request.query_params, page.filters)
        return Visit(ledger=self._ledger, config=self._config, query=query, form=form, guard=self.guard)


def build(config: Config, ledger: Ledger, guard: Guard | None = None) -> Starlette:
    """Returns the console.

    Args:
        config: `console` says where it listens, which decides its host names, and how long a session lasts.
        ledger: What it shows; log-ins and log-outs are appended to it.
        guard: What tries texts; made of `config` where it is first needed if none is given.

    Raises:
        PluginError: A page on the shelf is malformed.
    """
    console = Console(config, ledger, guard)
    sessions = Sessions(config.console.session_seconds)
    keys = Keys(ledger, Limiter())
    doors = Doors(
        sessions=sessions,
        keys=keys,
        renderer=console.renderer,
        pages=console.pages,
        seconds=config.console.session_seconds,
    )
    return Starlette(
        routes=[*doors.routes(), *console.routes()],
        middleware=[
            Middleware(Shield, host=config.console.host),
            Middleware(Gate, sessions=sessions, keys=keys, fault=console.wrong),
        ],
        exception_handlers={
            HTTPException: console.wrong,
            InputError: console.wrong,
            ConfigError: console.wrong,
            PolicyError: console.wrong,
            StoreError: console.wrong,
            Exception: console.wrong,
        },
    )
