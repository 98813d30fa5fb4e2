"""The learned stages as one: the linear stage clears what is ordinary, the encoder reads the rest; both are cached."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b
from importlib.util import find_spec
from threading import Lock
from typing import Final, NamedTuple

from bartizan.detect.models.calibration import Calibration
from bartizan.detect.models.encoder import HERE, Encoder, Read
from bartizan.detect.models.limits import MOST_UNITS
from bartizan.detect.models.linear import Linear
from bartizan.detect.models.units import Unit, units
from bartizan.detect.models.windows import windows as windows_of

MOST_WINDOWS: Final = 12
"""How many windows of a text the encoder reads at most: those that the linear stage finds least ordinary."""
_BATCH: Final = 4
_REMEMBERED: Final = 16_384
CLEARED: Final = -5.0
"""The log odds at which cleared texts begin; lower for what the linear stage finds more ordinary."""
_DAMPED: Final = 0.25
_MARKED: Final = 0.0


class Opinion(NamedTuple):
    """What the stages say of a text.

    Attributes:
        log_odds: By head; scores are `calibration.score` of them.
        linear: By linear head, what the linear stage said of its worst window.
        place: By head, where the worst window lies, or what the encoder marked in it.
        stage: Which stage decided: `linear`, `encoder`.
        windows: How many windows the text has, and how many the encoder read.
        late: Whether time ran out before the encoder had read what it should.
        cleared: Whether the linear stage found all of it ordinary.
    """

    log_odds: Mapping[str, float]
    linear: Mapping[str, float]
    place: Mapping[str, tuple[int, int]]
    stage: str
    windows: tuple[int, int]
    late: bool = False
    cleared: bool = False


class Ask(NamedTuple):
    """What is asked about a text.

    Attributes:
        heads: The heads that are asked for, in the order of the calibration.
        task: What the user had asked for when the text came back, empty where that is not known; of a user's turn, the
            limits that the operator has set.
        limited: Whether it is a user's turn where there are such limits.
        late: Says when to stop; what the encoder has not read by then is judged by the linear stage.
        suspicious: Whether something else speaks against the text, so that nothing of it is cleared.
    """

    heads: Sequence[str]
    task: str = ""
    late: Callable[[], bool] = lambda: False
    suspicious: bool = False
    limited: bool = False


class _Text(NamedTuple):
    """A text in units and windows, with what the linear stage says of each."""

    found: Sequence[Unit]
    places: Sequence[tuple[int, int]]
    linear: Mapping[str, Sequence[float]]

    @property
    def worst(self) -> dict[str, float]:
        return {view: max(odds, default=CLEARED) for view, odds in self.linear.items()}

    def span(self, number: int) -> tuple[int, int]:
        start, end = self.places[number]
        return self.found[start].start, self.found[end - 1].end

    def worst_span(self, view: str) -> tuple[int, int]:
        odds = self.linear[view]
        return self.span(max(range(len(odds)), key=odds.__getitem__)) if odds else (0, 0)

    def marked(self, number: int, read: Read) -> tuple[int, int]:
        """Returns where the encoder marked an attack in a window; all of it where it marked none."""
        first = self.places[number][0]
        marked = [first + at for at, odds in read.marks if odds > _MARKED]
        return (self.found[min(marked)].start, self.found[max(marked)].end) if marked else self.span(number)


class Cascade:
    """The stages. Safe to share between threads.

    Args:
        linear: The first stage.
        encoder: Opens the second, once it is needed; None where its runtime is not installed.
        calibration: What their numbers mean.
    """

    def __init__(self, linear: Linear, encoder: Callable[[], Encoder] | None, calibration: Calibration) -> None:
        self._linear = linear
        self._open = encoder
        self._encoder: Encoder | None = None
        self._calibration = calibration
        self._numbers = {name: at for at, name in enumerate(calibration.heads)}
        self._known: OrderedDict[bytes, Opinion] = OrderedDict()
        self._lock = Lock()
        self._opening = Lock()

    @classmethod
    def load(cls) -> Cascade:
        """Opens the models that ship with the package; without the extra `ml`, the linear stage alone.

        Raises:
            OSError: A file is missing.
        """
        installed = find_spec("onnxruntime") is not None and find_spec("numpy") is not None
        linear = Linear.read((HERE / "linear.bin").read_bytes())
        return cls(linear, Encoder.load if installed else None, Calibration.load())

    @property
    def has_encoder(self) -> bool:
        """Whether there is a second stage."""
        return self._open is not None

    def warm(self) -> None:
        """Opens the second stage, where there is one, before it is needed."""
        if self._open is not None:
            self._encode([], [])

    def kind(self, opinion: Opinion, kinds: Sequence[str]) -> str:
        """Returns the likeliest of some heads, the first where the encoder has not spoken."""
        return max(kinds, key=lambda one: opinion.log_odds.get(one, CLEARED))

    def ask(self, heads: Collection[str], *, task: str = "", limited: bool = False, suspicious: bool = False) -> Ask:
        """Returns a question about these heads."""
        return Ask(
            [name for name in self._calibration.heads if name in heads], task, suspicious=suspicious, limited=limited
        )

    def read(self, text: str, ask: Ask) -> Opinion:
        """Reads a text. The answer to the same question about the same text is remembered."""
        key = _key(text, ask)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        opinion = self._read(text, ask)
        if not opinion.late:
            self._remember(key, opinion)
        return opinion

    def _remember(self, key: bytes, opinion: Opinion) -> None:
        with self._lock:
            self._known[key] = opinion
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def clears(self, text: str, ask: Ask) -> bool:
        """Whether `read` answers at once: from the cache, or by the linear stage alone, whose answer is remembered."""
        key = _key(text, ask)
        with self._lock:
            if key in self._known:
                return True
        cut = self._cut(text, ask.heads)
        if self._open is not None and self._unclear(cut, ask):
            return False
        self._remember(key, self._opinion(ask, cut, {}, unread=False))
        return True

    def embedder(self) -> Callable[[Sequence[Sequence[Unit]]], list[list[float]]] | None:
        """Opens the second stage and returns what makes vectors of windows; None where it makes none."""
        self.warm()
        return self._encoder.vectors if self._encoder is not None and self._encoder.has_vectors else None

    def _cut(self, text: str, heads: Sequence[str]) -> _Text:
        found = units(text)
        places = list(windows_of(len(found))) if found else []
        words = [unit.word for unit in found]
        odds: dict[str, list[float]] = {}
        for view in dict.fromkeys(self._calibration.views[head] for head in heads):
            sums = self._linear.sums(words, view)
            odds[view] = [self._linear.log_odds(sums[end] - sums[at], end - at, view) for at, end in places]
        return _Text(found, places, odds)

    def _read(self, text: str, ask: Ask) -> Opinion:
        cut = self._cut(text, ask.heads)
        chosen = self._unclear(cut, ask) if self._open is not None else []
        reads: dict[int, Read] = {}
        asked = units(ask.task)[:MOST_UNITS] if ask.task else []
        for at in range(0, len(chosen), _BATCH):
            if ask.late():
                break
            part = chosen[at : at + _BATCH]
            windows = [cut.found[slice(*cut.places[number])] for number in part]
            reads.update(zip(part, self._encode(windows, asked), strict=True))
        return self._opinion(ask, cut, reads, unread=len(reads) < len(chosen))

    def _opinion(self, ask: Ask, cut: _Text, reads: Mapping[int, Read], *, unread: bool) -> Opinion:
        odds: dict[str, float] = {}
        place: dict[str, tuple[int, int]] = {}
        for head in ask.heads:
            if reads:
                odds[head], place[head] = self._joint(head, cut, reads)
            else:
                view = self._calibration.views[head]
                odds[head], place[head] = self._without(head, cut.worst[view], ask), cut.worst_span(view)
        stage = "encoder" if reads else "linear"
        cleared = all(worst <= self._clear(view, ask) for view, worst in cut.worst.items())
        return Opinion(odds, cut.worst, place, stage, (len(cut.places), len(reads)), unread, cleared)

    def _encode(self, windows: Sequence[Sequence[Unit]], task: Sequence[Unit]) -> list[Read]:
        with self._opening:
            if self._encoder is None and self._open is not None:
                self._encoder = self._open()
        return self._encoder.read(windows, task) if self._encoder is not None and windows else []

    def _unclear(self, cut: _Text, ask: Ask) -> list[int]:
        """Returns the numbers of the windows that the encoder should read, the least ordinary first."""
        clear = {view: self._clear(view, ask) for view in cut.linear}
        excess = [
            max(odds[at] - clear[view] for view, odds in cut.linear.items()) if cut.linear else 0.0
            for at in range(len(cut.places))
        ]
        unclear = [at for at, value in enumerate(excess) if value > 0 or ask.suspicious]
        return sorted(unclear, key=lambda at: -excess[at])[:MOST_WINDOWS]

    def _clear(self, view: str, ask: Ask) -> float:
        """Returns the log odds up to which a window is cleared."""
        known = self._calibration
        return known.clear_limited if ask.limited and view == "user" else known.clear[view]

    def _joint(self, head: str, cut: _Text, reads: Mapping[int, Read]) -> tuple[float, tuple[int, int]]:
        """Returns the log odds of a text that was read for a head, and where it was worst."""
        view, curve = self._calibration.views[head], self._calibration.curves[head]
        number = self._numbers[head]
        joint = {
            at: curve.encoder * read.heads[number] + curve.linear * cut.linear[view][at] + curve.offset
            for at, read in reads.items()
        }
        at = max(joint, key=joint.__getitem__)
        return joint[at], cut.span(at) if view == "harm" else cut.marked(at, reads[at])

    def _without(self, head: str, worst: float, ask: Ask) -> float:
        """Returns the log odds of a text that the encoder has not read."""
        excess = worst - self._clear(self._calibration.views[head], ask)
        if self._open is not None and excess <= 0:
            return CLEARED + _DAMPED * excess
        curve = self._calibration.alone.get(head)
        return curve.linear * worst + curve.offset if curve else CLEARED


def _key(text: str, ask: Ask) -> bytes:
    digest = blake2b(
        "\0".join((*ask.heads, ask.task, "!" * ask.suspicious + "?" * ask.limited)).encode("utf-8", "surrogatepass"),
        digest_size=16,
    )
    digest.update(b"\0\0")
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.digest()
