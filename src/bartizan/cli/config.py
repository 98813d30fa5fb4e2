"""Check, show or describe the configuration.

bartizan config check     says whether the configuration is right
bartizan config show      prints every value and where it came from; secrets stay references
bartizan config schema    prints the JSON Schema of the file
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

import msgspec

from bartizan.config import Config, Loaded, flatten, load
from bartizan.errors import EXIT_CLEAN


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
        print(f"the configuration is right; {len(loaded.origins)} values differ from their defaults")
        return EXIT_CLEAN
    for line in _lines(loaded):
        print(line)
    return EXIT_CLEAN


def _lines(loaded: Loaded) -> list[str]:
    values: dict[str, Any] = dict(flatten(msgspec.to_builtins(loaded.config)))
    width = max(map(len, values))
    return [
        f"{key:<{width}} = {json.dumps(value)}  ({loaded.origins.get(key, 'default')})" for key, value in values.items()
    ]
