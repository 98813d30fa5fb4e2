"""Runs web applications in one event loop: bind, start, say where, stop cleanly."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, NamedTuple, TypeVar

import uvicorn

from bartizan.cli._protocol import BoundedProtocol
from bartizan.errors import BartizanError, ConfigError

T = TypeVar("T")
_BACKLOG = 4096
_KEEP_ALIVE_SECONDS = 30
_GRACE_SECONDS = 5
_POLL_SECONDS = 0.005


class Served(NamedTuple):
    """An application and where it listens; port 0 takes any free one."""

    name: str
    app: Any
    host: str
    port: int


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs `main` on uvloop where it is installed, otherwise on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


@asynccontextmanager
async def serving(*apps: Served) -> AsyncIterator[Mapping[str, str]]:
    """Serves applications for as long as the block lasts, and yields each one's base URL by its name.

    Raises:
        ConfigError: An address cannot be bound; the message names it.
        BartizanError: An application does not start.
    """
    sockets = _bind(apps)
    servers = [_Server(_settings(entry)) for entry in apps]
    urls = {
        entry.name: f"http://{_host(entry.host)}:{bound.getsockname()[1]}"
        for entry, bound in zip(apps, sockets, strict=True)
    }
    loop = asyncio.get_running_loop()
    # No TaskGroup here: it would wrap an error of the block in a group, and cancel servers that should end cleanly.
    tasks = [
        loop.create_task(server.until_told([bound]), name=f"serve {entry.name}")
        for entry, server, bound in zip(apps, servers, sockets, strict=True)
    ]
    try:
        for entry, server, task in zip(apps, servers, tasks, strict=True):
            await _started(entry, server, task)
        yield urls
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
        for bound in sockets:
            bound.close()


async def until_stopped() -> None:
    """Returns when the process is asked to stop, by Ctrl-C or a termination signal."""
    stopped = asyncio.Event()
    with _on_signals(stopped.set):
        await stopped.wait()


def serve(apps: Sequence[Served], announce: Callable[[Mapping[str, str]], None]) -> None:
    """Serves applications until the process is asked to stop; `announce` gets their URLs once all have started."""

    async def main() -> None:
        async with serving(*apps) as urls:
            announce(urls)
            await until_stopped()

    run(main())


async def _unwrapped(work: Coroutine[Any, Any, T]) -> T:
    """Awaits `work`; where one of its tasks raised one of our errors, that error comes out by itself."""
    try:
        return await work
    except BaseExceptionGroup as group:
        ours: BaseException | None = group.subgroup(BartizanError)
        while isinstance(ours, BaseExceptionGroup):
            ours = ours.exceptions[0]
        raise ours or group from None


class _Server(uvicorn.Server):
    """A server that leaves signals and the process's end to us, because several share one process."""

    async def until_told(self, sockets: list[socket.socket]) -> None:
        """Serves until `should_exit` is set, or returns at once where the application does not start."""
        with suppress(SystemExit):
            await self.serve(sockets=sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _settings(entry: Served) -> uvicorn.Config:
    return uvicorn.Config(
        entry.app,
        http=BoundedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


async def _started(entry: Served, server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            raise BartizanError(f"the {entry.name} did not start", hint="its log above says why")
        await asyncio.sleep(_POLL_SECONDS)


def _bind(apps: Sequence[Served]) -> list[socket.socket]:
    bound: list[socket.socket] = []
    try:
        for entry in apps:
            bound.append(_listen(entry))  # noqa: PERF401  (what was bound must be closed where the next one fails)
    except ConfigError:
        for one in bound:
            one.close()
        raise
    return bound


def _listen(entry: Served) -> socket.socket:
    family = socket.AF_INET6 if ":" in entry.host else socket.AF_INET
    try:
        return socket.create_server((entry.host, entry.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        where = f"{_host(entry.host)}:{entry.port}"
        setting = f"{entry.name}.port"
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"the {entry.name} cannot listen on {where}: port {entry.port} is in use",
                hint=f"stop what uses it, or choose another with --port or {setting} (0 takes any free port)",
            ) from error
        if error.errno == errno.EACCES:
            raise ConfigError(
                f"the {entry.name} may not listen on {where}", hint=f"choose a {setting} above 1023"
            ) from error
        raise ConfigError(
            f"the {entry.name} cannot listen on {where}: {error.strerror or error}", hint=f"check {entry.name}.host"
        ) from error


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _on_signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
