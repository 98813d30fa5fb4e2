"""The encoder: some layers of multilingual-E5-small with a head for each question, and its training.

Its embeddings stay as they are, in 4 bits: a word that training has never met keeps its place beside the words of other
languages that mean the same, and what was learned of those holds for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bartizan.detect.models.encoder import MOST_TASK, MOST_TOKENS
from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import Unit
from training.e5 import BLOCK, Pretrained
from training.examples import HEADS, Example

LAYERS: Final = (0, 1, 2, 3, 4, 5, 7, 9, 11)
"""Which layers of the twelve the encoder begins with."""
KEPT: Final = 4
"""How many layers from the first stay as they are, like the embeddings: there languages are brought together."""
WIDTH: Final = 384
_PLACES: Final = 256
_BATCH_TOKENS: Final = 6_144
_MARKS_SHARE: Final = 0.3
_RANK_SHARE: Final = 0.25
_BLANKED: Final = 0.1
"""The share of tokens that the encoder has to do without, in every second batch."""


def blocks(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Returns a matrix in 4 bits, as Q4_0 of GGML has it.

    Returns:
        A scale for each block of a row, in the values that 16 bits have, `(rows, columns / BLOCK)`, and for each weight
        a number 0 to 15, `(rows, columns)`, where 8 stands for zero.
    """
    parts = weight.float().reshape(len(weight), -1, BLOCK)
    most = parts.gather(2, parts.abs().argmax(2, keepdim=True))
    scales = (most / -8).half().float()
    halves = (parts / torch.where(scales == 0, 1.0, scales)).round().add(8).clamp(0, 15)
    return scales.squeeze(2), halves.flatten(1)


def rounded(weight: Tensor) -> Tensor:
    """Returns what 4 bits leave of a matrix."""
    scales, halves = blocks(weight)
    return (halves - 8) * scales.repeat_interleave(BLOCK, 1)


class Layer(nn.Module):
    """A BERT layer."""

    def __init__(self, heads: int = 12, inner: int = 1536) -> None:
        super().__init__()
        self.heads = heads
        self.rounds = False
        self.drop = nn.Dropout(0.1)
        self.joined = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.up = nn.Linear(WIDTH, inner)
        self.down = nn.Linear(inner, WIDTH)
        self.last = nn.LayerNorm(WIDTH, eps=1e-12)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Takes `(batch, tokens, WIDTH)` and what is added to the attention `(batch, 1, 1, tokens)`."""
        size, length, width = x.shape
        split = self._product(self.joined, x).view(size, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        # Spelled out, because its gradient on a CPU is three times as fast as that of the fused form.
        odds = (query @ key.transpose(-1, -2)) * (width // self.heads) ** -0.5 + bias.to(query.dtype)
        seen = torch.softmax(odds, -1) @ value
        joined = self._product(self.out, seen.transpose(1, 2).reshape(size, length, width))
        x = self.norm(x + self.drop(joined))
        up = functional.gelu(self._product(self.up, x))
        found: Tensor = self.last(x + self.drop(self._product(self.down, up)))
        return found

    def _product(self, linear: nn.Linear, x: Tensor) -> Tensor:
        """Learns, where it `rounds`, to do with the weights that 4 bits leave (Bengio 2013, straight through)."""
        weight = linear.weight
        if self.rounds:
            weight = weight + (rounded(weight.detach()) - weight).detach()
        return functional.linear(x, weight, linear.bias)


class Body(nn.Module):
    """Tokens in, a vector for each out."""

    def __init__(self, pieces: int, layers: int) -> None:
        super().__init__()
        self.pieces = nn.Embedding(pieces, WIDTH)
        self.pieces.weight.requires_grad = False
        self.places = nn.Embedding(_PLACES, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, ids: Tensor, types: Tensor, kept: int = KEPT) -> Tensor:
        """Takes ids `(batch, tokens)`, 0 for none, and types: 0 for the text, 1 for the task.

        Nothing flows back into the embeddings and the first `kept` layers.
        """
        with torch.no_grad():
            x = self.run(self.embedded(ids, types), ids, 0, kept)
        return self.run(x, ids, kept, len(self.layers))

    def embedded(self, ids: Tensor, types: Tensor) -> Tensor:
        """Returns what goes into the first layer."""
        x: Tensor = self.norm(self.pieces(ids) + self.places.weight[: ids.shape[1]] + self.types(types))
        return x

    def run(self, x: Tensor, ids: Tensor, first: int, end: int) -> Tensor:
        """Returns what comes out of some layers."""
        bias = torch.where(ids != 0, 0.0, -1e4)[:, None, None, :]
        for layer in self.layers[first:end]:
            x = layer(x, bias)
        return x

    def trained(self) -> list[nn.Parameter]:
        """Returns what training changes."""
        return [value for layer in self.layers[KEPT:] for value in layer.parameters()]


class Encoder(nn.Module):
    """Tokens in; the log odds of each head, of each token, and a vector of the text out."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(3 * WIDTH, len(HEADS))
        self.mark = nn.Linear(WIDTH, 1)

    def forward(self, ids: Tensor, types: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Takes what `Body` takes.

        Returns:
            Log odds `(batch, len(HEADS))` and, for each token, `(batch, tokens)`; the mean of the tokens of the text,
            `(batch, WIDTH)`.
        """
        x = self.body(ids, types)
        own = ((ids != 0) & (types == 0)).unsqueeze(-1)
        mean = (x * own).sum(1) / own.sum(1).clamp(min=1)
        peak = x.masked_fill(~own, -1e4).max(1).values
        heads = self.head(self.drop(torch.cat([x[:, 0], mean, peak], -1)))
        return heads, self.mark(x).squeeze(-1), mean


def body_of(model: Pretrained, numbers: np.ndarray, layers: Sequence[int]) -> Body:
    """Returns a body that begins as some layers of a model, with these of its pieces."""
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in model.tensors.items()}
    scales = np.repeat(model.scales[numbers].astype(np.float32), BLOCK, 1)
    body = Body(len(numbers), len(layers))
    with torch.no_grad():
        body.pieces.weight.copy_(torch.from_numpy((model.halves[numbers].astype(np.float32) - 8) * scales))
        body.places.weight.copy_(tensors["emb.pos"][:_PLACES])
        body.types.weight.copy_(tensors["emb.type"])
        _copy(body.norm, tensors, "emb.ln")
        for layer, number in zip(body.layers, layers, strict=True):
            assert isinstance(layer, Layer)
            stem = f"l{number}"
            layer.joined.weight.copy_(torch.cat([tensors[f"{stem}.{part}.w"] for part in "qkv"]))
            layer.joined.bias.copy_(torch.cat([tensors[f"{stem}.{part}.b"] for part in "qkv"]))
            for part, name in (("out", "ao"), ("norm", "aln"), ("up", "fi"), ("down", "fo"), ("last", "oln")):
                _copy(getattr(layer, part), tensors, f"{stem}.{name}")
    return body


def resume(folder: Path) -> Encoder:
    """Returns an encoder that was saved in `folder`."""
    state = torch.load(folder / "encoder.pt", weights_only=True)
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("body.layers."))
    model = Encoder(Body(state["body.pieces.weight"].shape[0], layers))
    model.load_state_dict(state)
    return model


def _copy(module: nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    module.load_state_dict({"weight": tensors[f"{name}.w"], "bias": tensors[f"{name}.b"]})


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
    ids, origins = vocabulary.encode(example.units, MOST_TOKENS)
    task = vocabulary.encode(example.task, MOST_TASK)[0]
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


def rank(model: Encoder, vocabulary: Vocabulary, windows: Sequence[Sequence[Unit]]) -> list[float]:
    """Returns the log odds that each window of a user's turn is an attack."""
    rows = [[vocabulary.begin, *vocabulary.encode(one, MOST_TOKENS)[0], vocabulary.separator] for one in windows]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        heads = model(torch.from_numpy(ids), torch.from_numpy((ids == 0).astype(np.int64)))[0]
    return [float(one) for one in heads[:, HEADS.index("user")]]


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


def tensors(
    batch: Sequence[Encoded], unknown: int = 0, random: Random | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns ids, types, marks, labels and weights, padded; with `random`, some tokens are `unknown`."""
    longest = max(len(one.ids) for one in batch)
    ids = np.zeros((len(batch), longest), np.int64)
    types = np.ones((len(batch), longest), np.int64)
    marks = np.full((len(batch), longest), -1, np.int64)
    for row, one in enumerate(batch):
        ids[row, : len(one.ids)], types[row, : len(one.ids)], marks[row, : len(one.ids)] = one.ids, one.types, one.marks
    if random is not None:
        blanked = np.random.default_rng(random.getrandbits(32)).random(ids.shape) < _BLANKED
        blanked[:, 0] = False
        ids[blanked & (ids != 0)] = unknown
    labels = np.stack([one.labels for one in batch])
    weights = np.array([one.weight for one in batch], np.float32)
    return tuple(map(torch.from_numpy, (ids, types, marks, labels, weights)))  # type: ignore[return-value]


def loss_of(model: Encoder, given: tuple[Tensor, Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """Returns the mean loss of the known labels, and shares of that of the marks and of that of the ranks."""
    ids, types, marks, labels, weights = given
    with torch.autocast("cpu", torch.bfloat16):
        heads, tokens, _ = model(ids, types)
    heads = heads.float()
    known = ~torch.isnan(labels)
    target = labels.nan_to_num(0).mul(0.98).add(0.01)
    each = functional.binary_cross_entropy_with_logits(heads, target, reduction="none") * known
    total = (each * weights[:, None] * _HEAD_WEIGHTS).sum() / len(ids)
    for head in range(_RANKED):
        total = total + _RANK_SHARE * _out_of_order(heads[:, head], labels[:, head])
    marked = marks >= 0
    if marked.any():
        total = total + _MARKS_SHARE * functional.binary_cross_entropy_with_logits(
            tokens.float()[marked], marks[marked].float()
        )
    return total


def _out_of_order(odds: Tensor, labels: Tensor) -> Tensor:
    """Returns how much the harmless windows that look worst stand above those of attacks.

    What counts in use is how many attacks stand above nearly all that is harmless; to the loss of each window by itself
    the last per cent is worth no more than any other.
    """
    bad, calm = odds[labels > 0.5], odds[labels < 0.5]
    if not len(bad) or not len(calm):
        return odds.new_zeros(())
    return functional.softplus(torch.logsumexp(calm, 0) - bad).mean() / math.log(2 + len(calm))


_RANKED: Final = 3
_HEAD_WEIGHTS: Final = torch.tensor([1.0, 1.0, 0.7] + [0.12] * (len(HEADS) - 6) + [0.15] * 3)


def train(
    model: Encoder,
    items: Sequence[Encoded],
    *,
    passes: float,
    unknown: int,
    rate: float = 1.5e-4,
    seed: int = 7,
    say: Callable[[str], None] = print,
) -> None:
    """Trains the encoder in place for so many passes over the items, warming up for a twentieth, then cooling down.

    `unknown` is the token that stands for what the vocabulary lacks.
    """
    random = Random(seed)
    torch.manual_seed(seed)
    model.train()
    tokens = sum(len(one.ids) for one in items) * passes
    for layer in model.body.layers[KEPT:]:
        assert isinstance(layer, Layer)
        layer.rounds = True
    slow = model.body.trained()
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
            blank = random if step % 2 else None
            loss = loss_of(model, tensors(batch, unknown, blank))
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_([*slow, *fast], 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            done += sum(len(one.ids) for one in batch)
            step += 1
            mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
            if step % 25 == 0:
                pace = done / (time.monotonic() - began)
                left = (tokens - done) / pace / 60
                say(f"{100 * done / tokens:5.1f} %  loss {mean:.4f}  {pace:,.0f} tokens/s  {left:.0f} min left")
            if done >= tokens:
                break
    model.eval()
