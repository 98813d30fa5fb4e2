"""Run the practice lab: deliberately weak AI applications to attack and to learn on.

bartizan lab                  serves it on http://127.0.0.1:8788/v1
bartizan lab --port 0         on any free port

Everything in it is simulated and invented. Do not put it where others can reach it: it is weak on purpose.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from bartizan.cli._serve import Served, serve
from bartizan.config import load
from bartizan.errors import EXIT_CLEAN
from bartizan.lab.app import build
from bartizan.lab.world import applications


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan lab`."""
    parser.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on (default: 8788; 0 takes any free one)")


def run(arguments: Namespace) -> int:
    """Serves the lab until it is stopped."""
    config = load(arguments.config, flags={"lab.host": arguments.host, "lab.port": arguments.port}).config.lab
    serve([Served("lab", build(), config.host, config.port)], _announce)
    return EXIT_CLEAN


def _announce(urls: Mapping[str, str]) -> None:
    base = f"{urls['lab']}/v1"
    body = '{"model": "lab-chat", "messages": [{"role": "user", "content": "Hello"}]}'
    for application in applications():
        print(f"{application.name:<16}  {application.title}{', resists more' if application.strict else ''}")
    print(f"curl {base}/chat/completions -H 'content-type: application/json' -d '{body}'")
    print(f"bartizan attack {base}")
    print(f"listening on {base}", flush=True)
