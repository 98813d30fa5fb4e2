"""A classifier of a few kilobytes in ONNX, written by hand: what an export of a real one looks like from outside.

Its logits are the sums of what each token weighs for each label, plus a bias for the first.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "ignore", "previous", "instructions", "garden", "is", "idiot", ".")
INT64, FLOAT = 7, 1
_VARINT, _BYTES = 0, 2


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3 | _VARINT) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | _BYTES) + varint(len(data)) + data


def node(kind: str, inputs: Sequence[str], output: str, attributes: Mapping[str, int] | None = None) -> bytes:
    said = b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)
    for name, value in (attributes or {}).items():
        said += field(5, field(1, name) + field(3, value) + field(20, 2))
    return field(1, said)


def tensor(name: str, shape: Sequence[int], values: Sequence[float]) -> bytes:
    is_integer = all(isinstance(one, int) for one in values)
    raw = struct.pack(f"<{len(values)}{'q' if is_integer else 'f'}", *values)
    dims = b"".join(field(1, size) for size in shape)
    return field(5, dims + field(2, INT64 if is_integer else FLOAT) + field(8, name) + field(9, raw))


def port(number: int, name: str, kind: int, shape: Sequence[str | int]) -> bytes:
    dims = b"".join(field(1, field(2, size) if isinstance(size, str) else field(1, size)) for size in shape)
    return field(number, field(1, name) + field(2, field(1, field(1, kind) + field(2, dims))))


def graph(weights: Mapping[str, Sequence[float]], labels: int, *, extra: str = "") -> bytes:
    """The model: weights of each word, by label; the first label has a head start of 2."""
    table = [float(one) for word in WORDS for one in weights.get(word, [0.0] * labels)]
    bias = [2.0, *[0.0] * (labels - 1)]
    body = (
        node("Gather", ("table", "input_ids"), "seen")
        + node("Cast", ("attention_mask",), "mask", {"to": FLOAT})
        + node("Unsqueeze", ("mask", "last"), "column")
        + node("Mul", ("seen", "column"), "counted")
        + node("ReduceSum", ("counted", "first"), "sums", {"keepdims": 0})
        + node("Add", ("sums", "bias"), "logits")
        + field(2, "tiny")
        + tensor("table", (len(WORDS), labels), table)
        + tensor("last", (1,), (2,))
        + tensor("first", (1,), (1,))
        + tensor("bias", (labels,), bias)
        + port(11, "input_ids", INT64, ("batch", "tokens"))
        + port(11, "attention_mask", INT64, ("batch", "tokens"))
        + (port(11, extra, INT64, ("batch", "tokens")) if extra else b"")
        + port(12, "logits", FLOAT, ("batch", labels))
    )
    return field(1, 8) + field(7, body) + field(8, field(1, "") + field(2, 13))


def tokenizer() -> str:
    """A `tokenizer.json` that knows `WORDS`."""
    special = [
        {"id": at, "content": word, "special": True, "single_word": False, "lstrip": False, "rstrip": False}
        | {"normalized": False}
        for at, word in enumerate(WORDS[:4])
    ]
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": special,
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Whitespace"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": None,
            "model": {
                "type": "WordLevel",
                "vocab": {word: at for at, word in enumerate(WORDS)},
                "unk_token": "[UNK]",
            },
        }
    )


def export(
    folder: Path, labels: Sequence[str], weights: Mapping[str, Sequence[float]], *, problem: str = "", extra: str = ""
) -> Path:
    """Writes a classifier as an export would."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(graph(weights, len(labels), extra=extra))
    (folder / "tokenizer.json").write_text(tokenizer(), encoding="utf-8")
    described = {"id2label": {str(at): label for at, label in enumerate(labels)}, "problem_type": problem or None}
    (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")
    return folder
