"""The outer wall, as pure ASGI: security headers on every answer, and no answer for a host name that is not ours."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from types import MappingProxyType

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }
)
"""Sent with every answer; an answer that sets one of them itself keeps its own value."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Shield:
    """Adds the headers and refuses foreign host names.

    A page of another site can make a browser send requests to a loopback address under the site's own name
    (DNS rebinding); the Host header gives it away. An address in figures cannot be rebound, so a console that was told
    to listen everywhere answers to any of those, and by name only to loopback names.
    """

    def __init__(self, app: ASGIApp, *, host: str) -> None:
        self._app = app
        self._names = _LOOPBACK | {host.lower()}
        self._everywhere = _is_everywhere(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request through, or answers 421 itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if self._is_ours(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse("This console does not answer to that host name.\n", status_code=421)
            await refusal(scope, receive, send_with_headers)

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        return name in self._names or (self._everywhere and _is_address(name))


def host_name(host: str) -> str:
    """Returns the name in a Host header, without port and brackets (RFC 9110, section 7.2); empty where malformed."""
    name, bracket, rest = host.lower().partition("]")
    if bracket:
        return name.removeprefix("[") if name.startswith("[") and (not rest or _is_port(rest)) else ""
    name, colon, port = host.lower().partition(":")
    return name if not colon or port.isdecimal() else ""


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isdecimal()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_everywhere(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_unspecified
