"""The gateway as a raw ASGI application: routes, authentication, and the boundary where errors become answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bartizan.config import Config
from bartizan.core.credential import Scope as KeyScope
from bartizan.core.identity import unique_id
from bartizan.core.segment import Direction
from bartizan.core.verdict import Reason, Verdict
from bartizan.errors import AuthError, StoreError
from bartizan.gateway.answer import JSON, Answer, Receive, Refused, Scope, Send
from bartizan.gateway.chat import Chat, Question, hold_back_of
from bartizan.gateway.check import CheckRoute
from bartizan.gateway.journal import Journal
from bartizan.gateway.keys import KeyRing
from bartizan.gateway.metrics import CONTENT_TYPE, Metrics
from bartizan.gateway.request import ClientGone, Request
from bartizan.gateway.upstreams import Upstreams
from bartizan.guard.decision import Decision
from bartizan.guard.guard import Guard
from bartizan.llm.strict_json import encode
from bartizan.store.ledger import Ledger

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Handler = Callable[[Request, Answer], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_CHALLENGE = ((b"www-authenticate", b"Bearer"),)
_OK = b'{"status":"ok"}'


class Route(NamedTuple):
    """A path of the gateway: the method it takes, who serves it, and whether it needs a key."""

    name: str
    method: str
    handler: Handler
    needs_key: bool = True


def build(config: Config, ledger: Ledger, guard: Guard) -> ASGIApp:
    """Makes the gateway. Its connections are opened and closed by the lifespan protocol.

    Raises:
        ConfigError: There is no upstream, or one is wrong.
    """
    return Gateway(config, ledger, guard)


class Gateway:
    """The application."""

    def __init__(self, config: Config, ledger: Ledger, guard: Guard) -> None:
        self._config = config.gateway
        self._guard = guard
        self._metrics = Metrics()
        self._journal = Journal(ledger, audit=config.gateway.audit)
        self._keys = KeyRing(ledger, KeyScope.INFER)
        self._upstreams = Upstreams(config.gateway)
        chat = Chat(
            config=config.gateway,
            hold_back=hold_back_of(config.gateway, guard),
            guard=guard,
            check=self.check,
            journal=self._journal,
            metrics=self._metrics,
            upstreams=self._upstreams,
        )
        check = CheckRoute(
            config=config.gateway, guard=guard, check=self.check, journal=self._journal, metrics=self._metrics
        )
        self._routes: Mapping[str, Route] = MappingProxyType(
            {
                "/v1/chat/completions": Route("chat", "POST", chat),
                "/v1/models": Route("models", "GET", self._models),
                "/v1/guard/check": Route("check", "POST", check),
                "/healthz": Route("healthz", "GET", self._healthz, needs_key=False),
                "/readyz": Route("readyz", "GET", self._readyz, needs_key=False),
                "/metrics": Route("metrics", "GET", self._page, needs_key=False),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one connection of the ASGI protocol."""
        if scope["type"] == "http":
            await self._serve(Request(scope, receive), send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def check(self, question: Question) -> Decision:
        """Asks the guard. Where the guard itself breaks, the policy's failure action stands in for its answer."""
        try:
            return self._guard.check(
                question.segments,
                question.direction,
                request=question.request,
                context=question.context,
                look=question.look,
            )
        except Exception:  # noqa: BLE001  (the boundary: recorded, and the policy's failure action applies)
            _LOG.exception("the guard failed on request %s", question.request)
            return self._unchecked(question.direction, question.request)

    def _unchecked(self, direction: Direction, request_id: str) -> Decision:
        policy = self._guard.policy
        action = policy.on_failure.action
        reason = Reason(rule="on_failure", action=action, because="the guard failed, so nothing was checked")
        verdict = Verdict(
            id=unique_id("verdict"),
            action=action,
            direction=direction,
            policy=policy.id,
            request=request_id,
            reasons=(reason,),
        )
        return Decision(verdict=verdict)

    async def _serve(self, request: Request, send: Send) -> None:
        answer = Answer(send, request.id, write_seconds=self._config.chunk_seconds)
        route = self._routes.get(request.path)
        self._metrics.open += 1
        try:
            await self._dispatch(route, request, answer)
        except Refused as refused:
            await self._refuse(answer, refused)
        except ClientGone:
            pass
        except StoreError:
            _LOG.exception("the ledger failed on request %s", request.id)
            await self._refuse(answer, _ledger_down())
        except Exception:  # noqa: BLE001  (the boundary: nothing unchecked has left, and nothing more leaves)
            _LOG.exception("request %s failed", request.id)
            message = "The gateway failed. Its log says why."
            await self._refuse(answer, Refused(500, "internal_error", message, kind="server_error"))
        finally:
            self._metrics.open -= 1
            self._metrics.answered(route.name if route else "unknown", answer.status)

    async def _dispatch(self, route: Route | None, request: Request, answer: Answer) -> None:
        if route is None:
            raise Refused(404, "not_found", "There is no such path here.")
        if request.method != route.method:
            allow = ((b"allow", route.method.encode()),)
            raise Refused(405, "method_not_allowed", f"This path takes {route.method} only.", headers=allow)
        if route.needs_key:
            if not self._journal.healthy():
                raise _ledger_down()
            try:
                request.principal = await self._keys.principal(request.header(b"authorization"))
            except AuthError as error:
                message = f"Authentication failed: {error.message}."
                raise Refused(401, "invalid_api_key", message, headers=_CHALLENGE) from None
        await route.handler(request, answer)

    async def _refuse(self, answer: Answer, refused: Refused) -> None:
        try:
            await answer.refuse(refused)
        except TimeoutError:
            _LOG.warning("a client did not read its answer")

    async def _models(self, request: Request, answer: Answer) -> None:  # noqa: ARG002  (the interface of all routes)
        models = await self._upstreams.models()
        data = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name, owner in models.items()]
        await answer.whole(encode({"object": "list", "data": data}))

    async def _healthz(self, request: Request, answer: Answer) -> None:  # noqa: ARG002  (likewise)
        await answer.whole(_OK)

    async def _readyz(self, request: Request, answer: Answer) -> None:  # noqa: ARG002  (likewise)
        ready = self._journal.healthy()
        state = {"status": "ready" if ready else "not ready", "ledger": ready, "policy": self._guard.policy.id}
        await answer.whole(encode(state), status=200 if ready else 503, headers=[JSON])

    async def _page(self, request: Request, answer: Answer) -> None:  # noqa: ARG002  (likewise)
        await answer.whole(self._metrics.page(), headers=[(b"content-type", CONTENT_TYPE)])

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._upstreams.__aenter__()
                await asyncio.to_thread(self._guard.engine.warm)
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._upstreams.__aexit__(None, None, None)
                await send({"type": "lifespan.shutdown.complete"})
                return


def _ledger_down() -> Refused:
    message = "The gateway cannot write its ledger, so it forwards nothing."
    return Refused(503, "ledger_unavailable", message, kind="server_error")
