"""The model services behind the gateway: which serves what, and what clients may learn of their faults."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import msgspec

from bartizan.config import GatewayConfig, UpstreamConfig, secret
from bartizan.errors import ConfigError, TargetError
from bartizan.gateway.answer import Header, Refused
from bartizan.llm.client import ChatClient
from bartizan.llm.connection import TargetTimeoutError

ANY = "*"
_LIST_SECONDS = 30.0
_PASSED_ON = frozenset({400, 404, 408, 409, 413, 422, 429})
"""Statuses of an upstream that are about the client's request; others are the upstream's or the operator's fault."""
_PASSED_HEADERS = frozenset({"retry-after"})
_RATE_LIMIT = "x-ratelimit-"
_WORD = re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40}|\[\d{1,4}\]){0,4}")


class Upstream:
    """One model service."""

    def __init__(self, name: str, config: UpstreamConfig, gateway: GatewayConfig) -> None:
        self.name = name
        self.models = config.models
        self.client = ChatClient(
            config.url,
            key=secret(config.key),
            timeout_seconds=gateway.first_byte_seconds,
            connect_seconds=gateway.connect_seconds,
            chunk_seconds=gateway.chunk_seconds,
            max_answer_bytes=gateway.max_answer_bytes,
        )
        self._advertised: tuple[list[str], float] = ([], 0.0)

    async def advertised(self) -> list[str]:
        """Returns the models it serves: those of the configuration, and where that says `*` those it names itself."""
        named = [model for model in self.models if model != ANY]
        if ANY not in self.models:
            return named
        found, until = self._advertised
        if until < time.monotonic():
            try:
                found = await self.client.models()
            except TargetError:
                found = []
            self._advertised = (found, time.monotonic() + _LIST_SECONDS)
        return [*named, *found]


class Upstreams:
    """All model services; an async context manager that owns their connections.

    Raises:
        ConfigError: There is none, two serve one model, or the reference of a key leads nowhere.
    """

    def __init__(self, config: GatewayConfig) -> None:
        if not config.upstreams:
            raise ConfigError(
                "the gateway has no upstream", hint="give --upstream URL, or gateway.upstreams in the configuration"
            )
        self._all = [Upstream(name, entry, config) for name, entry in config.upstreams.items()]
        self._by_model: dict[str, Upstream] = {}
        for upstream in self._all:
            for model in upstream.models:
                if model in self._by_model:
                    raise ConfigError(
                        f"both {self._by_model[model].name} and {upstream.name} serve the model {model!r}",
                        hint="name each model, and `*`, for one upstream only",
                    )
                self._by_model[model] = upstream
        self._rest = self._by_model.get(ANY)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for upstream in self._all:
            await self._open.enter_async_context(upstream.client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def serving(self, model: str) -> Upstream:
        """Returns the service of a model.

        Raises:
            Refused: There is none.
        """
        upstream = self._by_model.get(model, self._rest) if model != ANY else self._rest
        if upstream is None:
            raise Refused(404, "model_not_found", "The model does not exist here.", param="model")
        return upstream

    async def models(self) -> Mapping[str, str]:
        """Returns every model with the name of the upstream that serves it."""
        found: dict[str, str] = {}
        for upstream in self._all:
            for model in await upstream.advertised():
                found.setdefault(model, upstream.name)
        return found


def fault_of(error: TargetError, *, begun: bool = False) -> Refused:
    """Returns what a client is told when an upstream cannot be reached, is silent, or breaks off."""
    if isinstance(error, TargetTimeoutError):
        return Refused(504, "upstream_timeout", "The model service did not answer in time.", kind="upstream_error")
    words = "broke off or garbled its answer" if begun else "could not be reached or answered with garbage"
    return Refused(502, "upstream_failed", f"The model service {words}.", kind="upstream_error")


def rejection(status: int, headers: Mapping[str, str], body: bytes) -> Refused:
    """Returns what a client is told of an upstream's error status.

    The upstream's code and parameter are passed on where they are plain words. Its message is not: it may quote keys,
    addresses or other people's content, and no detector knows them all.
    """
    if status in _PASSED_ON:
        code, param = _words_of(body)
        usual = {404: "model_not_found", 429: "rate_limited"}.get(status, "upstream_rejected")
        return Refused(
            status,
            code or usual,
            f"The model service rejected the request with status {status}.",
            kind="rate_limit_error" if status == 429 else "invalid_request_error",
            param=param,
            headers=_passed_headers(headers),
        )
    if status in {401, 403}:
        message = "The model service refused the gateway's own credentials; its operator must look at them."
        return Refused(502, "upstream_denied", message, kind="upstream_error")
    kept = status if status in {503, 504} else 502
    message = f"The model service failed with status {status}."
    return Refused(kept, "upstream_failed", message, kind="upstream_error", headers=_passed_headers(headers))


class _Error(msgspec.Struct):
    code: str | int | None = None
    param: str | None = None


class _ErrorBody(msgspec.Struct):
    error: _Error


def _words_of(body: bytes) -> tuple[str | None, str | None]:
    try:
        error = msgspec.json.decode(body, type=_ErrorBody).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    return _word(error.code), _word(error.param)


def _word(value: str | int | None) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _passed_headers(headers: Mapping[str, str]) -> list[Header]:
    return [
        (name.encode("ascii"), value.encode("latin-1"))
        for name, value in headers.items()
        if (name in _PASSED_HEADERS or name.startswith(_RATE_LIMIT)) and value.isprintable() and value.isascii()
    ]
