"""`python -m training`: from the data to the models that ship.

Stage `first` trains on the recipes alone, so that every shared file is unseen, and reports on those. Stage `final` goes
on from there with the shared files, calibrates, and writes the models into the package.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from random import Random

import msgspec
import torch

from bartizan.detect.models.encoder import HERE
from bartizan.detect.models.encoder import Encoder as Reader
from bartizan.detect.models.linear import Linear
from bartizan.detect.models.tokens import Vocabulary
from training import linear
from training.calibrate import calibrate
from training.data import CALIBRATION, recipe_rows, shared_rows
from training.encoder import begin, encode, resume, train
from training.evaluate import report, show
from training.examples import crossed, examples
from training.export import export
from training.mix import sample
from training.row import Row
from training.scores import score_rows

BUILD = Path("build/training")
_ONE_IN = 12


def held_out(row: Row) -> bool:
    """Whether a generated row's family is kept for calibration: one family in a dozen, by its name."""
    return blake2b(f"{row.source}/{row.family}".encode(), digest_size=4).digest()[0] % _ONE_IN == 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _rows(random: Random, *, most: int) -> tuple[list[Row], list[Row]]:
    """Returns generated rows to train on and to calibrate on."""
    every = list(recipe_rows(7))
    learned = sample([row for row in every if not held_out(row)], random, most=most)
    kept = sample([row for row in every if held_out(row)], random, most=600)
    return [*learned, *crossed(learned, random, len(learned) // 8)], kept


def _fit(rows: Sequence[Row], folder: Path, *, start: Path | None, passes: float, rate: float) -> None:
    random = Random(11)
    folder.mkdir(parents=True, exist_ok=True)
    windows = list(examples(rows, random))
    foreign = [row.text for row in rows if row.lang != "en"]
    model, pieces = begin(foreign) if start is None else resume(start, [row.text for row in rows], foreign)
    (folder / "vocabulary.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (folder / "linear.bin").write_bytes(linear.train(windows))
    vocabulary = Vocabulary(pieces)
    items = [encode(vocabulary, one) for one in windows]
    _say(f"{len(rows)} rows, {len(items)} windows, {sum(len(one.ids) for one in items)} tokens, {len(pieces)} pieces")
    train(model, items, passes=passes, rate=rate, say=_say)
    torch.save(model.state_dict(), folder / "encoder.pt")
    export(model, folder / "encoder.onnx")


def _judge(folder: Path, rows: Sequence[Row], tested: Sequence[Row]) -> None:
    """Calibrates on `rows` and reports on `tested`."""
    tables, reader = Linear.read((folder / "linear.bin").read_bytes()), Reader.load(folder)
    calibration = calibrate(score_rows(rows, tables, reader))
    (folder / "calibration.json").write_bytes(msgspec.json.format(msgspec.json.encode(calibration)) + b"\n")
    if tested:
        found = report(score_rows(tested, tables, reader), calibration)
        (folder / "evaluation.json").write_text(show(found) + "\n", encoding="utf-8")
        _say(json.dumps(found, indent=0))


def _first(arguments: argparse.Namespace) -> None:
    random = Random(5)
    learned, kept = _rows(random, most=arguments.most)
    folder = BUILD / "first"
    if not arguments.judge:
        _fit(learned, folder, start=arguments.start, passes=arguments.passes, rate=arguments.rate)
    shared = list(shared_rows())
    calm = sample([row for row in shared if row.source in CALIBRATION], random, most=500)
    tested = sample([row for row in shared if row.source not in CALIBRATION], random, most=400)
    _judge(folder, [*kept, *calm], tested)


def _final(arguments: argparse.Namespace) -> None:
    random = Random(6)
    learned, kept = _rows(random, most=arguments.most)
    shared = list(shared_rows())
    rows = [
        *learned,
        *sample([row for row in shared if row.source not in CALIBRATION], random, most=arguments.most // 2),
    ]
    folder = BUILD / "final"
    if not arguments.judge:
        _fit(rows, folder, start=BUILD / "first", passes=arguments.passes, rate=8e-5)
    calm = sample([row for row in shared if row.source in CALIBRATION], random, most=800)
    _judge(folder, [*kept, *calm], kept)
    for name in ("encoder.onnx", "vocabulary.txt", "linear.bin", "calibration.json"):
        (HERE / name).write_bytes((folder / name).read_bytes())


def main() -> None:
    """Reads the command line and runs a stage."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("stage", choices=("first", "final", "all"), default="all", nargs="?")
    parser.add_argument("--passes", type=float, default=1.0, help="over the windows, in each stage")
    parser.add_argument("--most", type=int, default=9_000, help="rows of a recipe")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.5e-4, help="at which stage `first` learns at most")
    parser.add_argument("--start", type=Path, help="go on from what an earlier run left in this folder")
    parser.add_argument("--judge", action="store_true", help="calibrate and report on what was trained before")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.stage in {"first", "all"}:
        _first(arguments)
    if arguments.stage in {"final", "all"}:
        _final(arguments)


if __name__ == "__main__":
    main()
