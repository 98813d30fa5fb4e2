from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest

from bartizan.cli._serve import Served, run, serving
from bartizan.errors import BartizanError, ConfigError


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": f"{scope['type']}.startup.failed", "message": "no"})


async def test_several_run_at_once_and_say_where() -> None:
    apps = [Served(name, hello, "127.0.0.1", 0) for name in ("one", "two")]
    async with serving(*apps) as urls, aiohttp.ClientSession() as session:
        assert len(set(urls.values())) == 2
        for url in urls.values():
            async with session.get(url) as answer:
                assert await answer.text() == "hello"
    for url in urls.values():
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


async def test_an_error_of_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with serving(Served("one", hello, "127.0.0.1", 0)):
            raise KeyError("mine")


async def test_one_that_does_not_start_stops_the_others() -> None:
    with pytest.raises(BartizanError, match="the two did not start"):
        async with serving(Served("one", hello, "127.0.0.1", 0), Served("two", broken, "127.0.0.1", 0)):
            pass


async def test_a_port_in_use_frees_the_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port} is in use"):
            async with serving(Served("one", hello, "127.0.0.1", 0), Served("two", hello, "127.0.0.1", port)):
                pass


def test_a_host_that_is_not_ours_is_named() -> None:
    async def main() -> None:
        async with serving(Served("one", hello, "203.0.113.1", 0)):
            pass

    with pytest.raises(ConfigError, match=r"203\.0\.113\.1"):
        run(main())
