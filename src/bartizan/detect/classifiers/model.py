"""A sequence classifier in ONNX, as transformers and optimum export it, with its tokenizer and its labels."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, Final, NamedTuple

import msgspec

from bartizan.detect.examination import guarded
from bartizan.errors import ConfigError, MissingExtra
from bartizan.registry import need

_REMEMBERED: Final = 4_096
_PIECE: Final = 20_000
"""Characters that are cut into tokens at a time, so that a long text is not cut up long after time has run out."""
_OVERLAP: Final = 1_000
_INPUTS: Final = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_NAMES: Final = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
_MULTI_LABEL: Final = "multi_label_classification"
_PROBE: Final = "The quick brown fox."
_MOST_JSON: Final = 100_000_000


class Window(NamedTuple):
    """A stretch `text[start:end]` and the probability of each label there, in the order of the outputs."""

    start: int
    end: int
    shares: tuple[float, ...]


class Answer(NamedTuple):
    """What a classifier says of a text: its windows, and whether time ran out before it had read them all."""

    windows: tuple[Window, ...]
    late: bool = False


_NOTHING_READ: Final = Answer((), late=True)


class _Description(msgspec.Struct, frozen=True):
    """The part of a `config.json` that matters."""

    id2label: dict[int, str] = {}
    problem_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where a classifier lies, and what it says of its outputs.

    Attributes:
        model: The ONNX file.
        tokenizer: `tokenizer.json`.
        labels: In the order of the outputs.
        is_multi: Whether each label is judged by itself, so that several can hold.
    """

    model: Path
    tokenizer: Path
    labels: tuple[str, ...]
    is_multi: bool

    @classmethod
    def find(cls, path: str, where: str) -> Files:
        """Finds the files of a classifier.

        Args:
            path: A folder, or the ONNX file; what belongs to it lies beside it or a folder above.
            where: What the configuration calls it, for messages.

        Raises:
            ConfigError: A file is missing or cannot be read, or says of no labels.
        """
        given = Path(path).expanduser()
        model = next((one for one in (given / name for name in _NAMES) if one.is_file()), given)
        if not model.is_file():
            raise ConfigError(f"{where}.path: there is no model.onnx in {given}", hint="give the folder of the export")
        described = _beside(model, "config.json", where)
        try:
            found = msgspec.json.decode(_content(described), type=_Description)
        except (OSError, msgspec.DecodeError, ValueError) as error:
            raise ConfigError(f"{where}: {described}: {error}", hint="it is the export's own config.json") from error
        if sorted(found.id2label) != list(range(len(found.id2label))) or not found.id2label:
            raise ConfigError(
                f"{where}: {described} does not name the outputs", hint="its id2label goes from 0 to the last output"
            )
        labels = tuple(found.id2label[at] for at in range(len(found.id2label)))
        is_multi = found.problem_type == _MULTI_LABEL or len(labels) == 1
        return cls(model=model, tokenizer=_beside(model, "tokenizer.json", where), labels=labels, is_multi=is_multi)

    def output(self, label: str, where: str) -> int:
        """Returns the number of the output that a label names, by its name or its number.

        Raises:
            ConfigError: There is none.
        """
        if label in self.labels:
            return self.labels.index(label)
        if label.isdecimal() and int(label) < len(self.labels):
            return int(label)
        raise ConfigError(
            f"{where}.labels names {label!r}, which the classifier does not have",
            hint=f"its labels are {', '.join(self.labels)}",
        )


class Model:
    """A classifier that is open. Safe to share between threads; a run holds no lock of the interpreter.

    Args:
        session: An onnxruntime session that takes `input_ids` and perhaps `attention_mask` and `token_type_ids`, each
            (1, tokens) of integers, and gives logits (1, labels) first.
        encode: Cuts a text into windows: objects with `ids`, `type_ids`, `special_tokens_mask`, `offsets` in characters
            and `overflowing`, the further windows; as `tokenizers.Tokenizer.encode` does.
        is_multi: Whether each label is judged by itself.
    """

    def __init__(self, session: Any, encode: Callable[[str], Any], *, is_multi: bool = False) -> None:
        self._session = session
        self._encode = encode
        self.is_multi = is_multi
        self._numpy: Any = need("numpy", extra="classifiers")
        self._types = {one.name: "int32" if "int32" in one.type else "int64" for one in session.get_inputs()}
        self._known: OrderedDict[bytes, Answer] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def load(cls, files: Files, where: str, *, max_tokens: int = 512) -> Model:
        """Opens a classifier and tries it on a sentence.

        Raises:
            ConfigError: An extra is not installed, or the files are no classifier with these labels.
        """
        try:
            runtime = need("onnxruntime", extra="classifiers")
            tokenizers = need("tokenizers", extra="classifiers")
        except MissingExtra as error:
            raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        problems: list[str] = []
        shares: Sequence[float] = ()
        with guarded(problems.append):  # what the two libraries raise has no common base
            encode = _encoder(tokenizers.Tokenizer.from_file(str(files.tokenizer)), max_tokens)
            session = runtime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
            unknown = {one.name for one in session.get_inputs()} - _INPUTS
            if unknown:
                raise ConfigError(f"it takes {', '.join(sorted(unknown))}, which is not made of text")
            model = cls(session, encode, is_multi=files.is_multi)
            shares = model.read(_PROBE).windows[0].shares
        if not problems and len(shares) != len(files.labels):
            problems.append(f"it has {len(shares)} outputs, and config.json names {len(files.labels)}")
        if problems:
            raise ConfigError(
                f"{where}: {files.model}: {problems[0]}",
                hint="export it for text classification, with its tokenizer, and with dynamic axes",
            )
        return model

    def read(self, text: str, late: Callable[[], bool] = lambda: False) -> Answer:
        """Reads a text in windows. What was read is remembered by the hash of the text, and not read again.

        Args:
            text: What to read; holds no lone surrogates.
            late: Says when to stop. It is asked between windows.
        """
        key = blake2b(text.encode(), digest_size=16).digest()
        with self._lock:
            known = self._known.get(key, _NOTHING_READ)
        if not known.late:
            return known
        windows = list(known.windows)
        answer = None
        for start, end, inputs in islice(self._windows(text), len(windows), None):
            if late():
                answer = Answer(tuple(windows), late=True)
                break
            windows.append(Window(start, end, self._shares(inputs)))
        answer = answer or Answer(tuple(windows))
        with self._lock:
            self._known[key] = answer
            self._known.move_to_end(key)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return answer

    def _windows(self, text: str) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
        for base in range(0, max(1, len(text) - _OVERLAP), _PIECE - _OVERLAP):
            first = self._encode(text[base : base + _PIECE])
            for one in (first, *first.overflowing):
                places = [
                    place for place, special in zip(one.offsets, one.special_tokens_mask, strict=True) if not special
                ]
                if places:
                    start, end = min(place[0] for place in places), max(place[1] for place in places)
                    yield base + start, base + end, self._inputs(one.ids, one.type_ids)

    def _inputs(self, ids: Sequence[int], types: Sequence[int]) -> Mapping[str, Any]:
        given = {"input_ids": ids, "attention_mask": [1] * len(ids), "token_type_ids": types}
        return {name: self._numpy.array([given[name]], kind) for name, kind in self._types.items()}

    def _shares(self, inputs: Mapping[str, Any]) -> tuple[float, ...]:
        logits: list[float] = self._session.run(None, dict(inputs))[0][0].tolist()
        if self.is_multi:
            return tuple(_sigmoid(one) for one in logits)
        most = max(logits)
        raised = [math.exp(one - most) for one in logits]
        return tuple(one / sum(raised) for one in raised)


def _sigmoid(logit: float) -> float:
    return (1 + math.tanh(logit / 2)) / 2


def _encoder(tokenizer: Any, max_tokens: int) -> Callable[[str], Any]:
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens, stride=max_tokens // 4)
    encode: Callable[[str], Any] = tokenizer.encode
    return encode


def _beside(model: Path, name: str, where: str) -> Path:
    for folder in (model.parent, model.parent.parent):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"{where}: there is no {name} beside {model}", hint="export the classifier with its tokenizer")


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_JSON)
