"""Run the gateway alone: guard the traffic to a model service.

bartizan gateway --upstream https://api.openai.com/v1 --upstream-key env:OPENAI_API_KEY
bartizan gateway --upstream http://127.0.0.1:11434/v1        an Ollama on this machine
bartizan gateway                                             the upstreams of the configuration file

On the first start it makes an API key and prints it once. Clients use it as they would use a key of the service.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path

from bartizan.cli._keys import first_keys
from bartizan.cli._serve import Served, serve
from bartizan.config import Config, load
from bartizan.core.credential import Scope
from bartizan.errors import EXIT_CLEAN
from bartizan.gateway.app import build
from bartizan.guard.guard import Guard
from bartizan.store.ledger import Ledger

_UPSTREAM = "gateway.upstreams.upstream"


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan gateway`."""
    parser.add_argument("--upstream", metavar="URL", help="the model service, up to and without /chat/completions")
    parser.add_argument("--upstream-key", metavar="REF", help="where its API key is: env:NAME or file:PATH")
    parser.add_argument("--host", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="the port to listen on (default: 8787; 0 takes any free one)")
    parser.add_argument("--policy", metavar="NAME", help="a shipped policy or the path of a policy file")
    parser.add_argument("--state", metavar="DIR", help="the state folder (default: .bartizan)")


def run(arguments: Namespace) -> int:
    """Runs the gateway until it is stopped."""
    config = load(arguments.config, flags=_flags(arguments)).config
    with Ledger.open(Path(config.state), config.store) as ledger:
        guard = Guard.from_config(config)
        app = build(config, ledger, guard)
        key = first_keys(ledger, [Scope.INFER]).get(Scope.INFER, "")
        served = Served("gateway", app, config.gateway.host, config.gateway.port)
        serve([served], lambda urls: _announce(urls, config, key))
    return EXIT_CLEAN


def _flags(arguments: Namespace) -> dict[str, str | int | None]:
    return {
        f"{_UPSTREAM}.url": arguments.upstream,
        f"{_UPSTREAM}.key": arguments.upstream_key,
        "gateway.host": arguments.host,
        "gateway.port": arguments.port,
        "guard.policy": arguments.policy,
        "state": arguments.state,
    }


def _announce(urls: Mapping[str, str], config: Config, key: str) -> None:
    base = f"{urls['gateway']}/v1"
    for name, upstream in config.gateway.upstreams.items():
        print(f"{name}: {', '.join(upstream.models)} from {upstream.url}")
    print(f"policy: {config.guard.policy}    ledger: {config.state}")
    if key:
        print(f"API key, shown this once: {key}")
    print(f"OpenAI(base_url='{base}', api_key='{key or 'your key'}')")
    print(f"listening on {base}", flush=True)
