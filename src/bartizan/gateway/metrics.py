"""What the gateway counts, in Prometheus's text format, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bartizan.core.segment import Direction
from bartizan.core.verdict import Action

CONTENT_TYPE = b"text/plain; version=1.0.0; charset=utf-8"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters. No label holds anything that a client wrote, so their number is bounded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        self._requests = Counter(
            "bartizan_gateway_requests", "Requests by route and status.", ["route", "status"], registry=self._registry
        )
        self._verdicts = Counter(
            "bartizan_gateway_verdicts",
            "Decisions of the guard by direction and action.",
            ["direction", "action"],
            registry=self._registry,
        )
        self._faults = Counter(
            "bartizan_gateway_upstream_faults",
            "Requests that an upstream failed, by upstream and fault.",
            ["upstream", "fault"],
            registry=self._registry,
        )
        tokens = Counter(
            "bartizan_gateway_tokens", "Tokens as upstreams count them.", ["direction"], registry=self._registry
        )
        self._tokens_in, self._tokens_out = (tokens.labels(direction.value) for direction in Direction)
        self.guard_seconds = Histogram(
            "bartizan_gateway_guard_seconds",
            "Time spent deciding on a request's input.",
            registry=self._registry,
            buckets=(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1),
        )
        self.chat_seconds = Histogram(
            "bartizan_gateway_chat_seconds",
            "Time from a chat request to the end of its answer.",
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self.open = Gauge("bartizan_gateway_open_requests", "Requests under way.", registry=self._registry)
        self._decided = {
            (direction, action): self._verdicts.labels(direction.value, action.value)
            for direction in Direction
            for action in Action
        }
        self._answered: dict[tuple[str, int], Counter] = {}

    def answered(self, route: str, status: int) -> None:
        """Counts one request; `route` is one of the gateway's own names."""
        counter = self._answered.get((route, status))
        if counter is None:
            counter = self._answered[route, status] = self._requests.labels(route, str(status))
        counter.inc()

    def decided(self, direction: Direction, action: Action) -> None:
        """Counts one decision of the guard."""
        self._decided[direction, action].inc()

    def failed(self, upstream: str, fault: str) -> None:
        """Counts one request that an upstream failed."""
        self._faults.labels(upstream, fault).inc()

    def used(self, input_tokens: int, output_tokens: int) -> None:
        """Counts tokens."""
        self._tokens_in.inc(input_tokens)
        self._tokens_out.inc(output_tokens)

    def page(self) -> bytes:
        """Returns all of it in Prometheus's text format."""
        return generate_latest(self._registry)
