"""`python -m training`: from the data to the models that ship.

Stage `distil` chooses the vocabulary and makes fewer layers say what all of multilingual-E5-small say. Stages `fit`
and `linear` train the encoder and the linear stage on the recipes and on the shared files that are not held out. Stage
`judge` calibrates on harmless sources that no model has seen and writes the models into the package;
`python -m bench quality` then measures them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import torch

from bartizan.detect.models.encoder import HERE
from bartizan.detect.models.encoder import Encoder as Reader
from bartizan.detect.models.linear import Linear
from bartizan.detect.models.tokens import Vocabulary
from training import e5, linear
from training.augment import beside_limits, crossed, respelt
from training.calibrate import calibrate
from training.data import CALIBRATION, HELD_OUT, held_out, recipe_rows, shared_rows
from training.distil import distil, encoded
from training.encoder import LAYERS, Body, Encoder, body_of, encode, rank, resume, train
from training.examples import examples
from training.export import export
from training.mix import sample
from training.row import Row, View
from training.scores import score_rows
from training.vocabulary import candidates, choose

BUILD = Path("build/training")
_WRITTEN_TIMES = 2
"""How often a row that was written by hand is learned in a pass: no other is like it."""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _learned(random: Random, *, most: int) -> list[Row]:
    """Returns all rows that are trained on."""
    own = [row for row in recipe_rows(7) if not held_out(row)]
    written = [row for row in own if row.source == "written"]
    made = sample([row for row in own if row.source != "written"], random, most=most)
    shared = sample([row for row in shared_rows() if row.source not in CALIBRATION | HELD_OUT], random, most=1_500)
    rows = [*made, *written * _WRITTEN_TIMES, *shared]
    return [
        *rows,
        *crossed([*made, *written], random, len(rows) // 10),
        *respelt(rows, random, len(rows) // 12),
        *beside_limits(rows, random, len(rows) // 12),
    ]


def _kept(random: Random) -> list[Row]:
    """Returns what is calibrated on: families of the recipes that were left out, and harmless sources."""
    kept = sample([row for row in recipe_rows(7) if held_out(row)], random, most=600)
    calm = sample([row for row in shared_rows() if row.source in CALIBRATION], random, most=400)
    return [*kept, *calm]


def _distil(arguments: argparse.Namespace) -> None:
    random = Random(5)
    model = e5.read()
    rows = [*recipe_rows(7), *(row for row in shared_rows() if row.source not in CALIBRATION | HELD_OUT)]
    texts = [row.text for row in rows]
    pieces, numbers = choose(model, texts)
    BUILD.mkdir(parents=True, exist_ok=True)
    lines = (f"{piece}\t{odds}\n" for piece, odds in pieces.items())
    (BUILD / "vocabulary.txt").write_text("".join(lines), encoding="utf-8")
    random.shuffle(texts)
    torch.manual_seed(7)
    student = body_of(model, numbers, LAYERS)
    items = encoded(texts, Vocabulary(pieces), random)
    _say(f"{len(items)} windows, {sum(map(len, items))} tokens, {len(pieces)} pieces")
    teacher = body_of(model, numbers, range(model.layers)).eval()
    shared = next(at for at, number in enumerate(LAYERS) if at != number)
    distil(teacher, student, items, shared=shared, seconds=60 * arguments.minutes, say=_say)
    torch.save(student.state_dict(), BUILD / "body.pt")


def _vocabulary() -> Vocabulary:
    return Vocabulary.read((BUILD / "vocabulary.txt").read_text(encoding="utf-8"))


def _fit(arguments: argparse.Namespace) -> None:
    vocabulary = _vocabulary()
    torch.manual_seed(7)
    if arguments.start is None:
        body = Body(len(vocabulary), len(LAYERS))
        body.load_state_dict(torch.load(BUILD / "body.pt", weights_only=True))
        model = Encoder(body)
        ranked = None
    else:
        model = resume(arguments.start).eval()
        ranked = partial(rank, model, vocabulary)
    rows = _learned(Random(arguments.seed), most=arguments.most)
    windows = list(examples(rows, Random(11), ranked))
    items = [encode(vocabulary, one) for one in windows]
    _say(f"{len(rows)} rows, {len(items)} windows, {sum(len(one.ids) for one in items)} tokens")
    train(model, items, passes=arguments.passes, unknown=vocabulary.unknown, rate=arguments.rate, say=_say)
    torch.save(model.state_dict(), BUILD / "encoder.pt")


def _linear(arguments: argparse.Namespace) -> None:
    rows = [one for one in _learned(Random(6), most=arguments.most) if one.view is not View.USER or not one.task]
    windows = list(examples(rows, Random(11)))
    (BUILD / "linear.bin").write_bytes(linear.train(windows))


def _judge() -> None:
    model = e5.read()
    known = candidates(model)
    lines = (BUILD / "vocabulary.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    numbers = [known[line.rpartition("\t")[0]] for line in lines]
    export(resume(BUILD), BUILD / "encoder.onnx", (model.scales[numbers], model.halves[numbers]))
    tables, reader = Linear.read((BUILD / "linear.bin").read_bytes()), Reader.load(BUILD)
    calibration = calibrate(score_rows(_kept(Random(6)), tables, reader))
    (BUILD / "calibration.json").write_bytes(msgspec.json.format(msgspec.json.encode(calibration)) + b"\n")
    for name in ("encoder.onnx", "vocabulary.txt", "linear.bin", "calibration.json"):
        (HERE / name).write_bytes((BUILD / name).read_bytes())


def main(words: Sequence[str] | None = None) -> None:
    """Reads the command line and runs a stage."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("stage", choices=("distil", "fit", "linear", "judge", "all"), default="all", nargs="?")
    parser.add_argument("--minutes", type=float, default=9, help="stage `distil`: how long")
    parser.add_argument("--passes", type=float, default=3.0, help="stage `fit`: over the windows")
    parser.add_argument("--most", type=int, default=1_500, help="stage `fit`: rows of a recipe")
    parser.add_argument("--rate", type=float, default=2e-4, help="stage `fit`: how fast it learns at most")
    parser.add_argument("--seed", type=int, default=6, help="stage `fit`: chooses which rows of the large sources")
    parser.add_argument("--start", type=Path, help="stage `fit`: go on from what an earlier run left in this folder")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    if arguments.stage in {"distil", "all"}:
        _distil(arguments)
    if arguments.stage in {"fit", "all"}:
        _fit(arguments)
    if arguments.stage in {"linear", "all"}:
        _linear(arguments)
    if arguments.stage in {"judge", "all"}:
        _judge()


if __name__ == "__main__":
    main()
