"""What the word TARGET of `bartizan attack` means: the lab, a target file, or an address."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import msgspec

from bartizan.attack.target import Target, bare, read_profile, read_target
from bartizan.cli._serve import Served, serving
from bartizan.config import secret
from bartizan.errors import InputError, TargetError
from bartizan.llm.client import ChatClient

LAB = "lab"
_PROFILE_SECONDS = 3.0
_MAX_PROFILE_BYTES = 1_000_000


@asynccontextmanager
async def reached(arguments: Namespace, *, seed: int) -> AsyncIterator[Target]:
    """Yields the target that the arguments name, and keeps a lab of our own running as long as the block lasts.

    Raises:
        InputError: The file or the answer key is wrong, or the address is none.
        TargetError: Nothing answers at the address.
    """
    if arguments.target == LAB:
        from bartizan.lab.app import build
        from bartizan.lab.profile import profile

        target = read_profile(msgspec.json.encode(profile("")), model=arguments.model)
        async with serving(Served("lab", build(), "127.0.0.1", 0)) as urls:
            yield target.at(f"{urls['lab']}/v1")
    else:
        yield _changed(await _named(arguments, seed=seed), arguments)


async def _named(arguments: Namespace, *, seed: int) -> Target:
    address: str = arguments.target
    if "://" not in address:
        return read_target(Path(address))
    _parts(address)
    if arguments.profile:
        known = await _known(arguments.profile, arguments.model)
        return known.at(address)
    profile = await _profile(address)
    if profile is not None:
        return read_profile(profile, model=arguments.model).at(address)
    return bare(address, arguments.model or await _first_model(address, arguments.key), seed=seed)


async def _known(where: str, model: str) -> Target:
    """Returns what is known of a target: from a file, or from the answer key of a lab."""
    if "://" not in where:
        return read_target(Path(where))
    profile = await _profile(where)
    if profile is None:
        raise TargetError(f"there is no answer key at {where}", hint="is the lab running?")
    return read_profile(profile, model=model)


def _parts(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        fit = False
    if not fit:
        raise InputError(f"{address} is no address of a web service", hint="write http://HOST:PORT/v1")
    return parts


async def _profile(address: str) -> bytes | None:
    """Returns the answer key that a lab at this address gives, None where there is none."""
    return await asyncio.to_thread(_fetch_profile, _parts(address))


def _fetch_profile(parts: SplitResult) -> bytes | None:
    secure = parts.scheme == "https"
    kind: type[HTTPConnection] = HTTPSConnection if secure else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PROFILE_SECONDS)
    try:
        connection.request("GET", "/lab/profile")
        response = connection.getresponse()
        is_lab = response.status == HTTPStatus.OK and response.getheader("x-bartizan-lab")
        return response.read(_MAX_PROFILE_BYTES) if is_lab else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


async def _first_model(address: str, key: str) -> str:
    async with ChatClient(address, key=secret(key), timeout_seconds=_PROFILE_SECONDS) as client:
        names = await client.models()
    if not names:
        raise TargetError("the target names no model", hint="say --model NAME")
    return names[0]


def _changed(target: Target, arguments: Namespace) -> Target:
    if arguments.model and arguments.model != target.model:
        target = msgspec.structs.replace(target, model=arguments.model)
    return msgspec.structs.replace(target, key=arguments.key) if arguments.key else target
