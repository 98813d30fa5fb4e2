"""Scores for texts by group of detectors: one number for each, for evaluation, calibration and use as a library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.config import DetectConfig
from bartizan.core.segment import Role, Segment
from bartizan.detect.engine import Engine
from bartizan.detect.examination import Detection
from bartizan.detect.group import Group, Kind
from bartizan.detect.models.calibration import score as as_score
from bartizan.detect.reader import Context
from bartizan.detect.thresholds import SiteThreshold, read
from bartizan.errors import ConfigError, InputError

__all__ = ["Group", "Item", "Kind", "Score", "Scorer", "families", "score"]

THRESHOLD: Final = 0.5
"""The score from which a text is flagged where a site has not set its own."""
_PATTERNS_COUNT: Final = 5.0
"""What a pattern that is sure adds to the log odds of the learned stages."""
_ENGINE: Final = "engine"
_SURE: Final = 0.85
_FOREIGN: Final = 0.5
"""The least log odds of a text in another script than Latin in which such a pattern has matched."""
_MOSTLY: Final = 0.5
_UNREAD: Final = -5.0


_FAMILIES: Final[Mapping[Group, tuple[str, ...]]] = {
    Group.INJECTION: ("injection.", "jailbreak."),
    Group.MODERATION: ("moderation.",),
    Group.LEAK: ("leak.",),
    Group.HIDDEN: ("unicode.", "injection.hidden_markup"),
    Group.PII: ("pii.",),
    Group.SECRETS: ("secrets.",),
}
ROLES: Final[Mapping[Kind, Role]] = {
    Kind.USER: Role.USER,
    Kind.DOCUMENT: Role.DOCUMENT,
    Kind.TOOL: Role.TOOL,
    Kind.OUTPUT: Role.ASSISTANT,
}
_KINDS: Final[Mapping[Role, Kind]] = {**{role: kind for kind, role in ROLES.items()}, Role.MEMORY: Kind.DOCUMENT}
SPANNED: Final = frozenset({Group.PII, Group.SECRETS})


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A text to score; unknown fields of its JSON are passed over.

    Attributes:
        text: What to score.
        id: What the answer is called.
        kind: What the text is.
        system_prompt: The operator's instructions, which an output must not give away.
        task: What the user had asked for when a document or tool result came back.
    """

    text: str
    id: str | int = ""
    kind: Kind = Kind.USER
    system_prompt: str = ""
    task: str = ""


class Score(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found in a text.

    Attributes:
        score: From 0 to 1.
        flagged: Whether that is enough.
        spans: For groups that have places, `[start, end, type]`.
        unchecked: What was not checked, and why; the score may be too low.
    """

    score: float
    flagged: bool
    spans: tuple[tuple[int, int, str], ...] = ()
    unchecked: tuple[str, ...] = ()


class Scorer:
    """Scores texts with one engine. Safe to share between threads.

    Args:
        engine: What looks at them.
        thresholds: Those of the site. One for a kind goes before one for all kinds; without either it is `THRESHOLD`.
    """

    def __init__(self, engine: Engine, thresholds: Sequence[SiteThreshold] = ()) -> None:
        self.engine = engine
        self.thresholds = tuple(thresholds)
        self._sites = {(one.group, one.kind): one for one in thresholds}

    @classmethod
    def load(cls, config: DetectConfig | None = None) -> Scorer:
        """Loads the engine, and the thresholds that the configuration names.

        Raises:
            ConfigError: The configuration is wrong, or the thresholds were set with another detector.
            PluginError: A detector is malformed.
        """
        config = config or DetectConfig()
        return cls.over(Engine.load(config), config)

    @classmethod
    def over(cls, engine: Engine, config: DetectConfig) -> Scorer:
        """Puts an engine and the thresholds that its configuration names together.

        Raises:
            ConfigError: The thresholds cannot be read, are none, or were set with another detector.
        """
        if not config.thresholds:
            return cls(engine)
        found = read(Path(config.thresholds).expanduser(), detector=engine.fingerprint)
        if not found:
            raise ConfigError(
                f"there is no threshold in {config.thresholds}", hint="`bartizan detect calibrate --out FILE` sets one"
            )
        return cls(engine, found)

    def site(self, group: Group, kind: Kind) -> SiteThreshold | None:
        """Returns what the site has set for texts of a kind, None where it has set nothing that covers them."""
        return self._sites.get((group, kind)) or self._sites.get((group, None))

    def threshold(self, group: Group, kind: Kind) -> float:
        """Returns from which score on a text of a kind is flagged."""
        site = self.site(group, kind)
        return THRESHOLD if site is None else site.threshold

    def score(self, item: Item, groups: Iterable[Group] = tuple(Group)) -> dict[Group, Score]:
        """Scores one text for some groups."""
        segment = Segment(text=item.text, role=ROLES[item.kind])
        context = Context(task=item.task, system=(item.system_prompt,) if item.system_prompt else ())
        return self.judge(self.engine.detect([segment], context), item, groups)

    def judge(self, detection: Detection, item: Item, groups: Iterable[Group] = tuple(Group)) -> dict[Group, Score]:
        """Scores what was seen in one text."""
        return {group: self._score(detection, item, group) for group in groups}

    def _score(self, detection: Detection, item: Item, group: Group) -> Score:
        text, kind = item.text, item.kind
        signals = [one for one in detection.signals if one.detector.startswith(_FAMILIES[group])]
        best = max((one.score for one in signals), default=0.0)
        if group in {Group.INJECTION, Group.MODERATION}:
            head = "harm" if group is Group.MODERATION else "content" if kind in _CONTENT else "user"
            odds = [one.log_odds[head] for _, one in detection.opinions if head in one.log_odds]
            if odds or self.engine.has_models:
                patterns = max((one.score for one in signals if not _is_learned(one.detector)), default=0.0)
                alone = max((one.score for one in signals if _stands_alone(one.detector)), default=0.0)
                learned = max(odds, default=_UNREAD) + _PATTERNS_COUNT * patterns
                if patterns >= _SURE and _is_foreign(text):
                    learned = max(learned, _FOREIGN)
                best = max(as_score(learned), alone)
        spans = tuple((one.start, one.end, one.category) for one in signals) if group in SPANNED else ()
        missed = (one for one in detection.failures if one.detector.startswith((*_FAMILIES[group], _ENGINE)))
        return Score(
            score=best,
            flagged=best >= self.threshold(group, kind),
            spans=spans,
            unchecked=tuple(dict.fromkeys(one.reason for one in missed)),
        )


_CONTENT: Final = frozenset({Kind.DOCUMENT, Kind.TOOL})


def kind_of(role: Role) -> Kind | None:
    """Returns what a text is by who speaks; None for what the operator writes, which no calibration is about."""
    return _KINDS.get(role)


def families(group: Group) -> tuple[str, ...]:
    """Returns how the ids of a group's detectors begin."""
    return _FAMILIES[group]


def _is_learned(detector: str) -> bool:
    return ".learned_" in detector or _is_plugged(detector)


def _is_foreign(text: str) -> bool:
    """Whether a text is in a script in which the learned stages know less than the patterns."""
    return sum(map(str.isascii, text)) < _MOSTLY * len(text)


def _stands_alone(detector: str) -> bool:
    """Whether its score stands for itself: what was plugged in, and patterns of what the models are not asked for."""
    return _is_plugged(detector) or (detector.startswith("moderation.") and not _is_learned(detector))


def _is_plugged(detector: str) -> bool:
    """Whether it is a classifier of the configuration, whose probability stands for itself."""
    return ".classifier_" in detector


def score(
    texts: Iterable[str | Mapping[str, Any]], *, detector: str = "injection", engine: Engine | None = None
) -> list[Score]:
    """Scores texts, or mappings with the fields of `Item`, with a group of detectors.

    Raises:
        InputError: There is no such group, or a mapping has no text.
    """
    try:
        group = Group(detector)
    except ValueError as error:
        raise InputError(f"no group of detectors {detector!r}", hint=", ".join(Group)) from error
    scorer = Scorer(engine or Engine.load())
    return [scorer.score(item, (group,))[group] for item in _items(texts)]


def _items(texts: Iterable[str | Mapping[str, Any]]) -> Iterator[Item]:
    for number, one in enumerate(texts):
        try:
            yield Item(text=one) if isinstance(one, str) else msgspec.convert(one, type=Item)
        except msgspec.ValidationError as error:
            raise InputError(f"text {number}: {error}") from error
