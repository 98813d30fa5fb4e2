"""The one-pass engine: every detector's patterns run as one automaton, and only what fires is located and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import hyperscan

from bartizan.config import DetectConfig
from bartizan.core.record import Record
from bartizan.core.segment import Role, Segment
from bartizan.core.signal import Signal
from bartizan.detect import detectors as shelf
from bartizan.detect import normalise
from bartizan.detect.automaton import Automaton, Places, encode
from bartizan.detect.detector import Detector
from bartizan.detect.encodings import ENCODINGS
from bartizan.detect.examination import Examination, Failure, Owned, Passes, Reading, in_order
from bartizan.detect.reader import Context, Reader
from bartizan.detect.respelling import RESPELLINGS
from bartizan.detect.syntax import any_of, common_words, trigger
from bartizan.errors import ConfigError
from bartizan.registry import nearest, scan

_READINGS = (*ENCODINGS, *RESPELLINGS)
_SEPARATOR = "\n"
"""Joins segments for one pass. A pattern may match across it; what fires is located in each segment by itself."""


__all__ = ["Detection", "Engine", "Failure"]


class Detection(Record, frozen=True):
    """What the detectors saw, in order of segment and place, and what could not be checked."""

    signals: tuple[Signal, ...] = ()
    failures: tuple[Failure, ...] = ()


_CLEAN = Detection()


class Engine:
    """All detectors that are switched on, compiled once. Safe to share between threads.

    Attributes:
        detectors: The detectors by id.
        members: The patterns of the pass.
        automaton: The pass itself, for benchmarks and tests.
        longest_bounded: The most characters that a match of a bounded detector covers, with the context it needs.
            A detector whose `max_span` is None has no bound.
    """

    def __init__(
        self,
        detectors: Iterable[Detector],
        config: DetectConfig | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config or DetectConfig()
        self._clock = clock
        self.detectors: Mapping[str, Detector] = MappingProxyType({plugin.meta.id: plugin for plugin in detectors})
        self._readers = tuple(plugin for plugin in self.detectors.values() if isinstance(plugin, Reader))
        self._read_roles = frozenset(role for plugin in self._readers for role in plugin.roles or Role)
        self.longest_bounded = max((plugin.max_span or 0 for plugin in self.detectors.values()), default=0)
        numbered = [(plugin, number) for plugin in self.detectors.values() for number in range(len(plugin.patterns))]
        owned = _members(numbered)
        apart = tuple(dict.fromkeys(encoding.trigger for encoding in _READINGS if encoding.apart))
        self.members = (*(member for member in owned if member not in apart), *apart)
        self.automaton = Automaton(self.members[: -len(apart)], apart=apart)
        self._passes = Passes(
            automaton=self.automaton,
            foldable=Places(normalise.triggers(), is_exact=True),
            sketches=Places([plugin.sketches[number] for plugin, number in numbered]),
            owned=tuple(owned[member] for member in self.members),
            patterns=tuple(numbered),
            looked_at={
                role: frozenset(
                    at for at, (plugin, _) in enumerate(numbered) if not plugin.roles or role in plugin.roles
                )
                for role in Role
            },
        )

    @classmethod
    def load(cls, config: DetectConfig | None = None) -> Engine:
        """Finds the detectors on the shelf, leaves out those that `config.disable` names, and compiles the rest.

        Raises:
            ConfigError: `config.disable` names a detector or family that does not exist.
            PluginError: A detector is malformed.
        """
        config = config or DetectConfig()
        found = scan(shelf, Detector)  # type: ignore[type-abstract]
        known = {*found.plugins, *(f"{name.partition('.')[0]}.*" for name in found.plugins)}
        for name in config.disable:
            if name not in known:
                raise ConfigError(
                    f"detect.disable names {name!r}, which is no detector", hint=nearest(name, sorted(known))
                )
        return cls([plugin for plugin in found if not _disabled(plugin.meta.id, config.disable)], config)

    def detect(self, segments: Sequence[Segment], context: Context | None = None) -> Detection:
        """Looks at all segments. Never raises: what goes wrong becomes a `Failure`.

        Args:
            segments: What to look at.
            context: What is known around it; read off the segments where None.
        """
        matched = self._match(segments)
        wanted = [(index, one) for index, one in enumerate(segments) if one.role in self._read_roles]
        if not wanted:
            return matched
        reading = Reading(self._readers, self._config, clock=self._clock)
        around = context or Context.of(segments)
        for index, segment in wanted:
            reading.read(index, segment, around)
        if not reading.signals and not reading.failures:
            return matched
        signals = sorted((*matched.signals, *reading.signals), key=in_order)
        return Detection(signals=tuple(signals), failures=(*matched.failures, *reading.failures))

    def _match(self, segments: Sequence[Segment]) -> Detection:
        fired: Sequence[int] | None = None
        text = segments[0].text if len(segments) == 1 else _SEPARATOR.join([segment.text for segment in segments])
        if len(text) <= self._config.max_chars:
            try:
                data = encode(text)
                fired = self.automaton.fired(data)
                if not fired and (text.isascii() or self._passes.foldable.found(data) == {}):
                    return _CLEAN
            except hyperscan.error:
                pass  # the examination meets it again, segment by segment, and records it
        examination = Examination(self._passes, self._config, clock=self._clock)
        for index, segment in enumerate(segments):
            examination.look(index, segment, fired if len(segments) == 1 else None)
        return Detection(signals=examination.signals(), failures=tuple(examination.failures))


def _members(numbered: Sequence[tuple[Detector, int]]) -> dict[str, Owned]:
    """Returns the patterns of the pass with what each stands for.

    Patterns whose words are common share one member: a text of any length has some of them, and which, the second
    pass finds out better.
    """
    patterns: dict[str, set[int]] = {}
    common: set[str] = set()
    sharing: set[int] = set()
    for at, (plugin, number) in enumerate(numbered):
        pattern, member = plugin.patterns[number], plugin.members[number]
        words = common_words(pattern) if member == trigger(pattern) else frozenset[str]()
        if words:
            common |= words
            sharing.add(at)
        else:
            patterns.setdefault(member, set()).add(at)
    if common:
        patterns[any_of(common)] = sharing
    encodings = {one.trigger: tuple(each for each in _READINGS if each.trigger == one.trigger) for one in _READINGS}
    return {
        member: Owned(frozenset(patterns.get(member, ())), encodings.get(member, ()))
        for member in (*patterns, *encodings)
    }


def _disabled(plugin_id: str, disable: Sequence[str]) -> bool:
    return plugin_id in disable or f"{plugin_id.partition('.')[0]}.*" in disable
