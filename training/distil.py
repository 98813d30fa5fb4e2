"""Fewer layers that say of a token what all twelve say: what the encoder begins with.

The layers that are left out had their part in bringing languages together; the ones that stay learn it from the whole
model on the texts of the training, without labels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bartizan.detect.models.tokens import Vocabulary
from bartizan.detect.models.units import units
from bartizan.detect.models.windows import SIZE
from training.encoder import Body

_BATCH_TOKENS: Final = 6_144
_MOST_TOKENS: Final = 128


def encoded(texts: Sequence[str], vocabulary: Vocabulary, random: Random) -> list[np.ndarray]:
    """Returns a window of each text in tokens."""
    found: list[np.ndarray] = []
    for text in texts:
        cut = units(text)
        at = random.randrange(max(1, len(cut) - SIZE + 1))
        ids = vocabulary.encode(cut[at : at + SIZE], _MOST_TOKENS)[0]
        if len(ids) > 2:
            found.append(np.array([vocabulary.begin, *ids, vocabulary.separator], np.int64))
    return found


def _batches(items: Sequence[np.ndarray], random: Random) -> Iterator[Tensor]:
    order = random.sample(range(len(items)), len(items))
    for first in range(0, len(order), 4096):
        chunk = sorted(order[first : first + 4096], key=lambda one: len(items[one]))
        found: list[list[int]] = [[]]
        for number in chunk:
            if len(items[number]) * (len(found[-1]) + 1) > _BATCH_TOKENS:
                found.append([])
            found[-1].append(number)
        random.shuffle(found)
        for part in found:
            ids = np.zeros((len(part), max(len(items[one]) for one in part)), np.int64)
            for row, one in enumerate(part):
                ids[row, : len(items[one])] = items[one]
            yield torch.from_numpy(ids)


def distance(student: Tensor, teacher: Tensor, there: Tensor) -> Tensor:
    """Returns how far two models' vectors lie apart: those of the tokens and those of the texts."""
    tokens = (student - teacher).square().mean(-1)[there].mean() / teacher.square().mean(-1)[there].mean()
    share = there.unsqueeze(-1)
    given, wanted = ((one * share).sum(1) / share.sum(1) for one in (student, teacher))
    texts = 1 - functional.cosine_similarity(given, wanted, dim=-1).mean()
    return tokens + 4 * texts


def distil(
    teacher: Body,
    student: Body,
    items: Sequence[np.ndarray],
    *,
    shared: int,
    seconds: float,
    rate: float = 4e-4,
    say: Callable[[str], None] = print,
) -> float:
    """Trains the student in place for so many seconds and returns the last mean distance.

    The embeddings and the first `shared` layers are the same in both, and stay so.
    """
    random = Random(3)
    learned = [value for layer in student.layers[shared:] for value in layer.parameters()]
    optimiser = torch.optim.AdamW(learned, lr=rate, weight_decay=0.0, fused=True)
    began, mean, step, seen = time.monotonic(), 0.0, 0, 0
    while True:
        for ids in _batches(items, random):
            share = (time.monotonic() - began) / seconds
            if share >= 1:
                return mean
            optimiser.param_groups[0]["lr"] = rate * min((step + 1) / 30, 0.5 * (1 + math.cos(math.pi * share))) + 1e-7
            types = torch.zeros_like(ids)
            with torch.autocast("cpu", torch.bfloat16):
                with torch.no_grad():
                    begun = teacher.run(teacher.embedded(ids, types), ids, 0, shared)
                    wanted = teacher.run(begun, ids, shared, len(teacher.layers))
                given = student.run(begun, ids, shared, len(student.layers))
            loss = distance(given.float(), wanted.float(), ids != 0)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step, seen = step + 1, seen + int((ids != 0).sum())
            mean = loss.item() if step == 1 else 0.97 * mean + 0.03 * loss.item()
            if step % 25 == 0:
                say(f"{100 * share:5.1f} %  distance {mean:.4f}  {seen / (time.monotonic() - began):,.0f} tokens/s")
