"""What the gateway counts, in Prometheus's text format, in a registry of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from bartizan.core.segment import Direction
from bartizan.core.verdict import Action

CONTENT_TYPE = b"text/plain; version=1.0.0; charset=utf-8"
_CHAT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_GUARD_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1)


class Spread:
    """How often values fell between bounds.

    Args:
        bounds: The upper bounds, rising; each holds the values up to and with it.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def family(self, name: str, words: str) -> Metric:
        """Returns it as Prometheus has it: how many values were at most each bound."""
        total, buckets = 0, []
        for bound, count in zip((*map(float, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((str(bound), float(total)))
        return HistogramMetricFamily(name, words, buckets=buckets, sum_value=self._sum)


class Metrics(Collector):
    """The counters. No label holds anything that a client wrote, so their number is bounded.

    They are plain numbers, because the client library's own cost more than a request's check. So they belong to the
    event loop: no other thread may count.

    Attributes:
        open: How many requests are under way.
        guard_seconds: Time spent deciding on a request's input.
        chat_seconds: Time from a chat request to the end of its answer.
    """

    def __init__(self) -> None:
        self.open = 0
        self.guard_seconds = Spread(_GUARD_BUCKETS)
        self.chat_seconds = Spread(_CHAT_BUCKETS)
        self._requests: Counter[tuple[str, int]] = Counter()
        self._verdicts = Counter({(direction, action): 0 for direction in Direction for action in Action})
        self._faults: Counter[tuple[str, str]] = Counter()
        self._tokens_in = self._tokens_out = 0
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def answered(self, route: str, status: int) -> None:
        """Counts one request; `route` is one of the gateway's own names."""
        self._requests[route, status] += 1

    def decided(self, direction: Direction, action: Action) -> None:
        """Counts one decision of the guard."""
        self._verdicts[direction, action] += 1

    def failed(self, upstream: str, fault: str) -> None:
        """Counts one request that an upstream failed."""
        self._faults[upstream, fault] += 1

    def used(self, input_tokens: int, output_tokens: int) -> None:
        """Counts tokens."""
        self._tokens_in += input_tokens
        self._tokens_out += output_tokens

    def page(self) -> bytes:
        """Returns all of it in Prometheus's text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yields every family, for the registry."""
        yield _counter("requests", "Requests by route and status.", ("route", "status"), counts=self._requests)
        yield _counter(
            "verdicts",
            "Decisions of the guard by direction and action.",
            ("direction", "action"),
            counts=self._verdicts,
        )
        yield _counter(
            "upstream_faults",
            "Requests that an upstream failed, by upstream and fault.",
            ("upstream", "fault"),
            counts=self._faults,
        )
        tokens = {(Direction.INPUT,): self._tokens_in, (Direction.OUTPUT,): self._tokens_out}
        yield _counter("tokens", "Tokens as upstreams count them.", ("direction",), counts=tokens)
        words = "Time spent deciding on a request's input."
        yield self.guard_seconds.family("bartizan_gateway_guard_seconds", words)
        words = "Time from a chat request to the end of its answer."
        yield self.chat_seconds.family("bartizan_gateway_chat_seconds", words)
        yield GaugeMetricFamily("bartizan_gateway_open_requests", "Requests under way.", value=self.open)


def _counter(name: str, words: str, labels: tuple[str, ...], *, counts: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(f"bartizan_gateway_{name}", words, labels=labels)
    for values, count in counts.items():
        family.add_metric([str(value) for value in values], count)
    return family
