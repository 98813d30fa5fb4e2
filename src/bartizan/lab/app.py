"""The lab as a web application: an OpenAI-compatible API in front of the simulator, and the answer key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from bartizan.errors import InputError, LimitError
from bartizan.lab import wire
from bartizan.lab.lesson import lesson, lessons
from bartizan.lab.model import answer
from bartizan.lab.profile import profile
from bartizan.lab.skills import SIMULATOR
from bartizan.lab.world import Application, applications

MAX_BODY_BYTES = 2_000_000
_REQUEST_ID = "x-request-id"


def build() -> ASGIApp:
    """Returns the lab: `/v1/chat/completions`, `/v1/models`, `/healthz`, `/lab/profile` and `/lab/lessons`."""
    return Starlette(
        routes=[
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/v1/models", _models),
            Route("/healthz", _health),
            Route("/lab/profile", _profile),
            Route("/lab/lessons", _lessons),
            Route("/lab/lessons/{name}", _lesson),
            Route("/lab/lessons/{name}/{part}", _lesson),
        ]
    )


async def _chat(request: Request) -> Response:
    headers = _headers(request)
    try:
        chat = wire.parse(await _body(request))
    except LimitError as error:
        return _json(wire.failure(error.message, "too_large"), 413, headers)
    except InputError as error:
        return _json(wire.failure(error.message, "invalid_request"), 400, headers)
    except ClientDisconnect:
        return Response(status_code=400)
    application = _served().get(chat.model)
    if application is None:
        known = ", ".join(_served())
        return _json(
            wire.failure(f"there is no model {chat.model!r}; there are {known}", "model_not_found"), 404, headers
        )
    given = answer(application, chat.turns, salt=chat.salt)
    if chat.stream:
        events = _each(list(wire.streamed(chat, given)))
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    return _json(wire.whole(chat, given), 200, headers)


async def _models(request: Request) -> Response:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": SIMULATOR} for name in _served()]
    return _json({"object": "list", "data": data}, 200, _headers(request))


async def _health(request: Request) -> Response:
    return _json({"status": "ok", "model": SIMULATOR}, 200, _headers(request))


async def _profile(request: Request) -> Response:
    return _json(profile(f"{_base(request)}/v1"), 200, _headers(request))


async def _lessons(request: Request) -> Response:
    base = f"{_base(request)}/lab/lessons"
    listed = [{"name": one.name, "title": one.title, "url": f"{base}/{one.name}"} for one in lessons()]
    return _json({"lessons": listed}, 200, _headers(request))


async def _lesson(request: Request) -> Response:
    """Tells a lesson, or gives the body to send: `request` to a chat, `check` to the guard."""
    headers, part = _headers(request), request.path_params.get("part", "")
    try:
        found = lesson(request.path_params["name"])
    except InputError as error:
        return _json(wire.failure(f"{error.message}; {error.hint}", "lesson_not_found"), 404, headers)
    parts = {"": lambda: found.told(_base(request)), "request": lambda: found.request, "check": found.check}
    if part not in parts:
        return _json(wire.failure("a lesson has the parts request and check", "part_not_found"), 404, headers)
    return _json(parts[part](), 200, headers)


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


async def _body(request: Request) -> bytes:
    """Reads the body up to its bound.

    Raises:
        LimitError: It is larger.
    """
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise LimitError(f"the request is larger than {MAX_BODY_BYTES:,} bytes", hint="send less")
    return bytes(received)


async def _each(events: list[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event


def _served() -> Mapping[str, Application]:
    return MappingProxyType({application.name: application for application in applications()})


def _headers(request: Request) -> dict[str, str]:
    given = request.headers.get(_REQUEST_ID, "")
    return {"x-bartizan-lab": SIMULATOR, **({_REQUEST_ID: given[:64]} if given else {})}


def _json(body: Any, status: int, headers: Mapping[str, str]) -> Response:
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")
