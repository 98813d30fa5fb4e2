"""Check, show or describe the configuration.

bartizan config check     says whether the configuration, its policy and its secret references are right
bartizan config show      prints every value and where it came from; secrets stay references
bartizan config schema    prints the JSON Schema of the file
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

import msgspec

from bartizan.config import Config, Loaded, flatten, load, secret
from bartizan.errors import EXIT_CLEAN
from bartizan.guard.policy import load_policy


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan config`."""
    parser.add_argument("what", choices=["check", "show", "schema"])


def run(arguments: Namespace) -> int:
    """Checks, shows or describes the configuration."""
    if arguments.what == "schema":
        print(json.dumps(msgspec.json.schema(Config), indent=2))
        return EXIT_CLEAN
    loaded = load(arguments.config)
    if arguments.what == "check":
        _follow(loaded.config)
        print(f"the configuration is right; {len(loaded.origins)} values differ from their defaults")
        return EXIT_CLEAN
    for line in _lines(loaded):
        print(line)
    return EXIT_CLEAN


def _follow(config: Config) -> None:
    """Follows what the configuration points at.

    Raises:
        ConfigError: A secret cannot be had.
        PolicyError: The policy is missing or wrong.
    """
    load_policy(config.guard.policy)
    for upstream in config.gateway.upstreams.values():
        secret(upstream.key)


def _lines(loaded: Loaded) -> list[str]:
    values: dict[str, Any] = dict(flatten(msgspec.to_builtins(loaded.config)))
    width = max(map(len, values))
    return [
        f"{key:<{width}} = {json.dumps(value)}  ({loaded.origins.get(key, 'default')})" for key, value in values.items()
    ]
