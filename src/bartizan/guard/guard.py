"""The guard: content and a policy in, a decision out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import msgspec

from bartizan.config import Config
from bartizan.core.identity import unique_id
from bartizan.core.segment import Direction, Role, Segment
from bartizan.core.signal import Signal
from bartizan.core.verdict import Action, Verdict
from bartizan.detect.engine import Detection, Engine, Look
from bartizan.detect.reader import Context
from bartizan.detect.scoring import Scorer
from bartizan.detect.site import IDS, Site
from bartizan.detect.thresholds import SiteThreshold
from bartizan.guard.decision import NO_TEXTS, Decision, Fired, combine, fired_by_failure, fired_by_signal
from bartizan.guard.policy import Policy, load_policy
from bartizan.guard.redaction import MARK, Span, label, merge, original, redact, replacements
from bartizan.guard.rulebook import RuleBook
from bartizan.llm.dialects.openai_chat import parse_messages

_MOST_PLACES = 256
"""For how many kinds of segment the longest match is remembered; each stream asks for it."""
_MAX_ROUNDS = 4
"""How often a redacted text is checked again before all of it is redacted."""


class Guard:
    """Decides what happens to content. Safe to share between threads.

    Args:
        engine: What finds signals.
        policy: What is done about them.
        disabled: Detectors that are switched off and that the policy may name.
        thresholds: What the site has set on its own harmless texts; a score that reaches one is a signal of its own.

    Attributes:
        engine: What finds signals.
        policy: What is done about them.
        scorer: Scores by group of detectors, with the thresholds of the site.
        site: Those thresholds as detectors.
        book: The policy compiled against the detectors, those of the site among them.

    Raises:
        PolicyError: The policy names a detector that there is not.
    """

    def __init__(
        self,
        engine: Engine,
        policy: Policy,
        *,
        disabled: Sequence[str] = (),
        thresholds: Sequence[SiteThreshold] = (),
    ) -> None:
        self.engine = engine
        self.policy = policy
        self.scorer = Scorer(engine, thresholds)
        self.site = Site(self.scorer)
        unset = IDS.keys() - self.site.metas.keys()
        self.book = RuleBook(policy, [*engine.detectors, *self.site.metas], disabled=[*disabled, *unset])
        self._longest: dict[tuple[Direction, Role, bool, str], int] = {}
        categories = (plugin.category for plugin in engine.detectors.values())
        self._categories = frozenset((*categories, *(IDS[name].value for name in self.site.metas)))

    @classmethod
    def from_config(cls, config: Config | None = None, *, engine: Engine | None = None) -> Guard:
        """Makes the guard that a configuration describes.

        Raises:
            ConfigError: `detect.disable` names a detector that does not exist, or `detect.thresholds` a file that
                cannot be read or was made with another detector.
            PolicyError: The policy is missing or wrong.
        """
        config = config or Config()
        policy = load_policy(config.guard.policy)
        scorer = Scorer.over(engine or Engine.load(config.detect), config.detect)
        return cls(scorer.engine, policy, disabled=config.detect.disable, thresholds=scorer.thresholds)

    def check(
        self,
        content: Sequence[Segment] | Sequence[Mapping[str, Any]],
        direction: Direction = Direction.INPUT,
        *,
        request: str = "",
        context: Context | None = None,
        look: Look | None = None,
    ) -> Decision:
        """Decides about content.

        Args:
            content: Segments, or OpenAI-style messages such as `{"role": "user", "content": "..."}`.
            direction: Which way the content travels.
            request: The request's id, which the verdict carries.
            context: What is known around it; read off the content where None. For an answer, `Context.of` its request.
            look: What `begin` returned for this content, so that nothing is looked at twice.

        Returns:
            The decision. Where messages were given, its `texts` are by the index of the segment that they were read
            into: `llm.dialects.openai_chat.parse_messages(messages)` gives these segments and writes texts back.

        Raises:
            InputError: A message is malformed.
        """
        started = time.perf_counter_ns()
        segments = _segments(content)
        seen = (look or self.engine.look(segments, context)).finish()
        fired = self._fire(self.site.judge(seen, segments), segments, direction)
        texts = self._redact(segments, direction, fired) if fired else NO_TEXTS
        verdict = Verdict(
            id=unique_id("verdict"),
            action=Action.ALLOW,
            direction=direction,
            policy=self.policy.id,
            request=request,
            elapsed_us=(time.perf_counter_ns() - started) // 1000,
        )
        return Decision(verdict=combine(fired, verdict) if fired else verdict, texts=texts)

    def examine(self, segments: Sequence[Segment], direction: Direction, context: Context | None = None) -> list[Fired]:
        """Returns every rule that fires on these segments, in no particular order."""
        return self._fire(self.site.judge(self.engine.detect(segments, context), segments), segments, direction)

    def match(self, segments: Sequence[Segment], direction: Direction) -> list[Fired]:
        """Returns every rule that fires by patterns alone; what must be read as a whole is left to `examine`."""
        return self._fire(self.engine.match(segments), segments, direction)

    def read(self, segments: Sequence[Segment], direction: Direction, context: Context) -> list[Fired]:
        """Returns every rule that fires by reading alone; `match` is the other half of `examine`.

        Scores by group come from what was read; patterns have no part in them.
        """
        return self._fire(self.site.judge(self.engine.read(segments, context), segments), segments, direction)

    def begin(self, segments: Sequence[Segment], context: Context | None = None) -> Look:
        """Begins a check on a thread that must not be kept waiting: where `is_quick`, `check` may follow there."""
        return self.engine.look(segments, context)

    def _fire(self, detection: Detection, segments: Sequence[Segment], direction: Direction) -> list[Fired]:
        if not detection.signals and not detection.failures:
            return []
        return [*self._on_signals(detection, segments, direction), *self._on_failures(detection, segments, direction)]

    def longest_bounded(self, direction: Direction, segment: Segment) -> int:
        """Returns the most characters that a match covers of the bounded detectors that a rule acts on here."""
        place = (direction, segment.role, segment.trusted, segment.source)
        known = self._longest.get(place)
        if known is None:
            known = max(
                (
                    plugin.max_span or 0
                    for name, plugin in self.engine.detectors.items()
                    if any(self.book.rules_for(name, direction, segment))
                ),
                default=0,
            )
            if len(self._longest) < _MOST_PLACES:  # a source may be named by others
                self._longest[place] = known
        return known

    def _redact(self, segments: Sequence[Segment], direction: Direction, fired: list[Fired]) -> Mapping[int, str]:
        """Returns the redacted texts, and adds to `fired` what comes to light by redacting.

        What passes is the redacted text, so that is checked as well: a number may stand alone only now that what it
        was glued to is gone. Thresholds of the site are not asked again: they are for texts as they come.
        """
        spans = _merged(fired)
        for left in reversed(range(_MAX_ROUNDS)):
            texts = {index: redact(segments[index].text, found) for index, found in spans.items()}
            for index, text in texts.items():
                left_over = (msgspec.structs.replace(segments[index], text=text),)
                again = self._fire(self.engine.detect(left_over), left_over, direction)
                fired.extend(one.moved(partial(original, spans[index]), index) for one in again)
            merged = _merged(fired)
            if merged == spans:
                return texts
            spans = merged if left else {index: [_whole(segments[index], found)] for index, found in merged.items()}
        return {index: redact(segments[index].text, found) for index, found in spans.items()}

    def _on_signals(self, detection: Detection, segments: Sequence[Segment], direction: Direction) -> Iterator[Fired]:
        for signal in detection.signals:
            segment = segments[signal.segment]
            for rule in self.book.rules_for(signal.detector, direction, segment):
                if signal.score >= rule.threshold and not self._is_replacement(signal, segment.text):
                    yield fired_by_signal(rule, signal, segment)

    def _on_failures(self, detection: Detection, segments: Sequence[Segment], direction: Direction) -> Iterator[Fired]:
        for failure in detection.failures:
            known = 0 <= failure.segment < len(segments)
            for segment in (segments[failure.segment],) if known else segments:
                for rule in self.book.rules_on_failure(failure.detector, direction, segment):
                    action = (rule.on_failure or self.policy.on_failure).action
                    yield fired_by_failure(rule, action, (failure.detector, failure.reason, segment))

    def _is_replacement(self, signal: Signal, text: str) -> bool:
        """Whether the signal lies within an earlier redaction, such as `password: [REDACTED:password]`."""
        if MARK not in text:
            return False
        return any(start <= signal.start and signal.end <= end for start, end in replacements(text, self._categories))


def spans_of(fired: Sequence[Fired]) -> Iterator[tuple[int, Span]]:
    """Yields what is to be redacted: the segment's index and the span in it."""
    for one in fired:
        if one.action is Action.REDACT and one.signal is not None:
            signal = one.signal
            yield signal.segment, Span(signal.start, signal.end, label(signal.category, one.rule.redaction))


def _merged(fired: Sequence[Fired]) -> dict[int, list[Span]]:
    spans: dict[int, list[Span]] = {}
    for index, span in spans_of(fired):
        spans.setdefault(index, []).append(span)
    return {index: merge(found) for index, found in spans.items()}


def _whole(segment: Segment, spans: list[Span]) -> Span:
    return Span(0, len(segment.text), spans[0].label)


def _segments(content: Sequence[Segment] | Sequence[Mapping[str, Any]]) -> Sequence[Segment]:
    if all(isinstance(item, Segment) for item in content):
        return cast("Sequence[Segment]", content)
    return parse_messages(list(content)).segments
