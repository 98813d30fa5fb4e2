"""The one-pass engine: every detector's patterns run as one automaton, and only what fires is located and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import hyperscan

from bartizan.config import DetectConfig
from bartizan.core.segment import IDENTIFIERS, Role, Segment
from bartizan.detect import detectors as shelf
from bartizan.detect import normalise
from bartizan.detect.automaton import Automaton, Places, encode
from bartizan.detect.classifiers.classifier import classifiers
from bartizan.detect.detector import Detector
from bartizan.detect.examination import Detection, Examination, Failure, Owned, Passes, in_order
from bartizan.detect.fingerprint import fingerprint
from bartizan.detect.inner import Inner
from bartizan.detect.layers import LAYERS
from bartizan.detect.memory import REMEMBERED, Matched, Memory, Seen, key_of
from bartizan.detect.models.cascade import Cascade
from bartizan.detect.reader import Context
from bartizan.detect.reading import Readers, Reading, Text
from bartizan.detect.syntax import any_of, common_words, trigger
from bartizan.detect.topics.topic import topics
from bartizan.errors import ConfigError
from bartizan.registry import nearest, scan

_ATTACKS = ("injection.", "jailbreak.")
_QUICK_CHARS, _QUICK_TEXTS = 8_000, 1_000
_SEPARATOR = "\n"
"""Joins segments for one pass. A pattern may match across it; what fires is located in each segment by itself."""


__all__ = ["Detection", "Engine", "Failure"]


_CLEAN = Detection()
_NOTHING = Matched()


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look at content whose patterns have run, and whose texts have not been read yet.

    Attributes:
        segments: What is looked at.
        keys: The digests of their roles and texts.
        context: What is known around it, None where it is to be read off the segments.
        matched: What the patterns saw.
        inner: What was decoded, with the index of its segment.
        readers: Who reads.
        reading: The reading, once it begins.
    """

    segments: Sequence[Segment]
    keys: Sequence[bytes]
    context: Context | None
    matched: Detection
    inner: Inner
    readers: Readers
    reading: Reading

    @property
    def is_quick(self) -> bool:
        """Whether `finish` will take well under a millisecond: what is not remembered is short and ordinary."""
        fresh = [text for text, known in zip(self._texts, self._recalled, strict=True) if known is None]
        if self.inner or len(self._texts) > _QUICK_TEXTS:
            return not self._texts
        if any(one.suspicious for one in fresh) or sum(len(one.segment.text) for one in fresh) > _QUICK_CHARS:
            return False
        return all(self.readers.clears(one.segment, one.context) for one in fresh)

    def finish(self) -> Detection:
        """Reads the texts, once, and returns all that was seen. Never raises: what goes wrong becomes a `Failure`."""
        return self._seen

    @cached_property
    def _seen(self) -> Detection:
        if not self._texts:
            return self.matched
        kept: list[tuple[tuple[bytes, bool, bytes], Seen]] = []
        for text, key, known in zip(self._texts, self._keys, self._recalled, strict=True):
            if known is not None:
                self.reading.recall(text.number, known)
            elif (seen := self.reading.read(text)) is not None:
                kept.append((key, seen))
        self.readers.memory.keep(kept)
        for index, view in self.inner:
            self.reading.read_inner(index, self.segments[index].role, view)
        for index in self.inner.left_out:
            self.reading.leave(index, self.segments[index].role)
        return Detection(
            signals=tuple(sorted((*self.matched.signals, *self.reading.signals), key=in_order)),
            failures=(*self.matched.failures, *self.reading.failures),
            opinions=tuple(self.reading.opinions),
        )

    @cached_property
    def _texts(self) -> Sequence[Text]:
        """What is to be read: no names and ids, and no roles that nobody reads."""
        given, doubted = self.context, self._doubted()
        around = [given] * len(self.segments) if given is not None else Context.of(self.segments).at(self.segments)
        return [
            Text(index, one, self.keys[index], around[index], index in doubted)
            for index, one in enumerate(self.segments)
            if one.role in self.readers.roles and one.source != IDENTIFIERS
        ]

    @cached_property
    def _keys(self) -> Sequence[tuple[bytes, bool, bytes]]:
        return self.readers.keys(self._texts)

    @cached_property
    def _recalled(self) -> Sequence[Seen | None]:
        return self.readers.memory.recall(self._keys)

    def _doubted(self) -> frozenset[int]:
        return frozenset(one.segment for one in self.matched.signals if one.detector.startswith(_ATTACKS))


class Engine:
    """All detectors that are switched on, compiled once. Safe to share between threads.

    Args:
        detectors: The detectors.
        config: The limits.
        cascade: The learned stages, None where they are off.
        clock: Seconds that only grow; tests bring their own.
        remembered: Of how many texts what was seen is remembered, none where 0; nobody can tell but by the time.

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
        cascade: Cascade | None = None,
        clock: Callable[[], float] = time.monotonic,
        remembered: int = REMEMBERED,
    ) -> None:
        self._config = config or DetectConfig()
        self._matches: Memory[Matched] = Memory(remembered)
        self._clock = clock
        self.detectors: Mapping[str, Detector] = MappingProxyType({plugin.meta.id: plugin for plugin in detectors})
        self._readers = Readers(self.detectors.values(), cascade, remembered=remembered)
        self.longest_bounded = max((plugin.max_span or 0 for plugin in self.detectors.values()), default=0)
        numbered = [(plugin, number) for plugin in self.detectors.values() for number in range(len(plugin.patterns))]
        owned = _members(numbered)
        apart = tuple(dict.fromkeys(encoding.trigger for encoding in LAYERS if encoding.apart))
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

    @property
    def has_models(self) -> bool:
        """Whether the learned stages run."""
        return self._readers.cascade is not None

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of all that decides about scores: weights, patterns, code, settings, versions beneath."""
        return fingerprint(self.detectors.values(), self._config)

    @property
    def cascade(self) -> Cascade | None:
        """The learned stages, None where they are off."""
        return self._readers.cascade

    @classmethod
    def load(cls, config: DetectConfig | None = None) -> Engine:
        """Finds the detectors on the shelf and those of the configuration, and compiles those that it does not disable.

        Raises:
            ConfigError: `config.disable` names a detector or family that does not exist, or a classifier or topic of
                the configuration cannot be had.
            PluginError: A detector is malformed.
        """
        config = config or DetectConfig()
        cascade = Cascade.load() if config.models else None
        shelved = scan(shelf, Detector)  # type: ignore[type-abstract]
        embed = cascade.embedder() if cascade is not None and config.topics else None
        found = [*shelved, *classifiers(config.classifiers), *topics(config.topics, embed)]
        ids = [plugin.meta.id for plugin in found]
        known = {*ids, *(f"{name.partition('.')[0]}.*" for name in ids)}
        for name in config.disable:
            if name not in known:
                raise ConfigError(
                    f"detect.disable names {name!r}, which is no detector", hint=nearest(name, sorted(known))
                )
        chosen = [plugin for plugin in found if not _disabled(plugin.meta.id, config.disable)]
        return cls(chosen, config, cascade=cascade)

    def detect(self, segments: Sequence[Segment], context: Context | None = None) -> Detection:
        """Looks at all segments. Never raises: what goes wrong becomes a `Failure`.

        Args:
            segments: What to look at.
            context: What is known around it; read off the segments where None.
        """
        return self.look(segments, context).finish()

    def look(self, segments: Sequence[Segment], context: Context | None = None) -> Look:
        """Runs the patterns, and returns what there is left to do; for callers that must not be kept waiting."""
        keys = [key_of(one) for one in segments]
        return self._look(segments, context, keys=keys, examination=self._examined(segments, keys))

    def match(self, segments: Sequence[Segment]) -> Detection:
        """Runs the patterns alone, on text that does not come again: nothing of it is remembered."""
        is_clean, fired = self._pass(segments)
        if is_clean:
            return _CLEAN
        examination = Examination(self._passes, self._config, clock=self._clock)
        for index, segment in enumerate(segments):
            examination.look(index, segment, fired if len(segments) == 1 else None)
        return examination.detection()

    def _look(
        self,
        segments: Sequence[Segment],
        context: Context | None,
        *,
        keys: Sequence[bytes],
        examination: Examination | None,
    ) -> Look:
        return Look(
            segments=segments,
            keys=keys,
            context=context,
            matched=_CLEAN if examination is None else examination.detection(),
            inner=Inner() if examination is None else examination.inner,
            readers=self._readers,
            reading=Reading(self._readers, self._config, clock=self._clock),
        )

    def warm(self) -> None:
        """Opens what is opened when it is first needed, so that no request waits for it."""
        if self._readers.cascade is not None:
            self._readers.cascade.warm()

    def reads(self, role: Role) -> bool:
        """Whether texts of a role are read as wholes."""
        return role in self._readers.roles

    def read(self, segments: Sequence[Segment], context: Context) -> Detection:
        """Reads the texts and leaves out the patterns; for text whose patterns were run before."""
        return self._look(segments, context, keys=[key_of(one) for one in segments], examination=None).finish()

    def _examined(self, segments: Sequence[Segment], keys: Sequence[bytes]) -> Examination | None:
        """Runs the patterns over what is not remembered; None where nothing has matched."""
        known = self._matches.recall(keys)
        fresh = [one for one, matched in zip(segments, known, strict=True) if matched is None]
        is_clean, fired = self._pass(fresh) if fresh else (True, None)
        kept: list[tuple[bytes, Matched]] = []
        if is_clean:
            kept = [(key, _NOTHING) for key, matched in zip(keys, known, strict=True) if matched is None]
            known = [matched or _NOTHING for matched in known]
        examination = None
        if any(matched != _NOTHING for matched in known):
            examination = Examination(self._passes, self._config, clock=self._clock)
            for index, (segment, matched) in enumerate(zip(segments, known, strict=True)):
                if matched is not None and examination.recall(index, matched):
                    continue
                found = examination.look(index, segment, fired if matched is None and len(fresh) == 1 else None)
                if found is not None:
                    kept.append((keys[index], found))
        self._matches.keep(kept)
        return examination

    def _pass(self, segments: Sequence[Segment]) -> tuple[bool, Sequence[int] | None]:
        """Runs the pass over segments as one text; whether nothing can have matched, and what it says, if it can say.

        What is wrong where it cannot, the examination meets again, segment by segment, and records.
        """
        text = segments[0].text if len(segments) == 1 else _SEPARATOR.join([segment.text for segment in segments])
        if len(text) > self._config.max_chars:
            return False, None
        fired: Sequence[int] | None = None
        try:
            data = encode(text)
            fired = self.automaton.fired(data)
            return not fired and (text.isascii() or self._passes.foldable.found(data) == {}), fired
        except hyperscan.error:
            return False, fired


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
    encodings = {one.trigger: tuple(each for each in LAYERS if each.trigger == one.trigger) for one in LAYERS}
    return {
        member: Owned(frozenset(patterns.get(member, ())), encodings.get(member, ()))
        for member in (*patterns, *encodings)
    }


def _disabled(plugin_id: str, disable: Sequence[str]) -> bool:
    return plugin_id in disable or f"{plugin_id.partition('.')[0]}.*" in disable
