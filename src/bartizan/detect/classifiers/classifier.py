"""Detectors made of a configured classifier: one for each meaning that its labels have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bartizan.config import ClassifierConfig
from bartizan.core.severity import Severity
from bartizan.detect.classifiers.model import Files, Model
from bartizan.detect.reader import Context, Reader, Sight
from bartizan.errors import ConfigError, LimitError
from bartizan.registry import Meta

_SEVERITY: Final[Mapping[str, Severity]] = {"injection": Severity.HIGH, "jailbreak": Severity.HIGH}
_TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "injection": ("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0051"),
    "jailbreak": ("owasp-llm:2026:LLM01", "atlas:2026.09:AML.T0054"),
    "moderation": ("atlas:2026.09:AML.T0048",),
}


@dataclass(frozen=True, kw_only=True)
class Classifier(Reader):
    """What a configured classifier says of one meaning. Only the worst window of a text is a sight.

    Attributes:
        about: What it says of itself.
        model: The classifier, which all its meanings share.
        outputs: The numbers of the labels with this meaning.
        threshold: From which probability on there is a sight.
    """

    about: Meta
    model: Model
    outputs: tuple[int, ...]
    threshold: float
    heeds: bool = False

    @property
    def meta(self) -> Meta:
        """Made from the configuration."""
        return self.about

    def read(self, text: str, context: Context) -> Iterator[Sight]:
        """Yields the worst window, where that is bad enough."""
        yield from self.read_until(text, context, lambda: False)

    def read_until(self, text: str, context: Context, late: Callable[[], bool]) -> Iterator[Sight]:  # noqa: ARG002
        """Yields the worst window of those that were read in time.

        Raises:
            LimitError: There were more.
        """
        answer = self.model.read(text, late)
        scores = [self._score(one.shares) for one in answer.windows]
        if scores and max(scores) >= self.threshold:
            at = scores.index(max(scores))
            start, end, _ = answer.windows[at]
            yield Sight(start, end, round(scores[at], 4), self.about.title)
        if answer.late:
            raise LimitError(f"only the first {len(scores)} windows were read in time", hint="raise detect.seconds")

    def _score(self, shares: tuple[float, ...]) -> float:
        chosen = [shares[at] for at in self.outputs]
        return max(chosen) if self.model.is_multi else min(1.0, sum(chosen))


def classifiers(configured: Mapping[str, ClassifierConfig]) -> Iterable[Classifier]:
    """Opens the classifiers of a configuration and yields their detectors: `injection.classifier_NAME` and the like.

    Raises:
        ConfigError: One cannot be opened, or its labels are not those that the configuration names.
    """
    for name, config in configured.items():
        where = f"detect.classifiers.{name}"
        files = Files.find(config.path, where)
        meanings: dict[str, list[int]] = {}
        for label, meaning in config.labels.items():
            meanings.setdefault(meaning, []).append(files.output(label, where))
        if not files.is_multi and len({at for outputs in meanings.values() for at in outputs}) == len(files.labels):
            raise ConfigError(f"{where}.labels leaves no label for harmless texts", hint="name only those that matter")
        model = Model.load(files, where, max_tokens=config.max_tokens)
        for meaning, outputs in meanings.items():
            yield _classifier(name, meaning, config, model=model, outputs=tuple(outputs))


def _classifier(
    name: str, meaning: str, config: ClassifierConfig, *, model: Model, outputs: tuple[int, ...]
) -> Classifier:
    family, _, category = meaning.partition(".")
    tail = f"_{category}" if category else ""
    return Classifier(
        about=Meta(
            id=f"{family}.classifier_{name}{tail}",
            title=f"The classifier {name} says {category or family}",
            why="A classifier that the operator has chosen reads the text as a whole.",
            severity=_SEVERITY.get(family, Severity.MEDIUM),
            tags=_TAGS[family],
            false_positives="Those of the classifier; measure them on your own traffic before a policy blocks by it.",
        ),
        category=category or family,
        roles=config.roles,
        model=model,
        outputs=outputs,
        threshold=config.threshold,
        is_slow=True,
        only_unclear=config.only_unclear,
    )
