"""`python -m training`: from the data to the models that ship.

Stage `first` trains on the recipes alone. Stage `final` goes on from there with the shared files that are not held out,
calibrates on harmless sources that neither stage has seen, reports once on the sources that are held out, and writes
the models into the package and the report beside this file.
"""

from __future__ import annotations

import argparse
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
from training.data import CALIBRATION, HELD_OUT, recipe_rows, shared_rows
from training.encoder import begin, encode, resume, train
from training.evaluate import report, show
from training.examples import crossed, examples
from training.export import export
from training.mix import sample
from training.row import Row
from training.scores import score_rows

BUILD = Path("build/training")
HOME = Path(__file__).parent
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


def _texts(rows: Sequence[Row]) -> list[str]:
    """Returns all texts whose words keep a piece of their own, harmless ones of the shared files among them."""
    return [*(row.text for row in rows), *(row.text for row in shared_rows() if row.attack is False)]


def _fit(rows: Sequence[Row], folder: Path, *, start: Path | None, passes: float, rate: float) -> None:
    random = Random(11)
    folder.mkdir(parents=True, exist_ok=True)
    windows = list(examples(rows, random))
    foreign = [row.text for row in rows if row.lang != "en"]
    model, pieces = begin(foreign) if start is None else resume(start, _texts(rows), foreign)
    (folder / "vocabulary.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (folder / "linear.bin").write_bytes(linear.train(windows))
    vocabulary = Vocabulary(pieces)
    items = [encode(vocabulary, one) for one in windows]
    _say(f"{len(rows)} rows, {len(items)} windows, {sum(len(one.ids) for one in items)} tokens, {len(pieces)} pieces")
    train(model, items, passes=passes, rate=rate, say=_say)
    torch.save(model.state_dict(), folder / "encoder.pt")
    export(model, folder / "encoder.onnx")


def _first(arguments: argparse.Namespace) -> None:
    random = Random(5)
    learned, _ = _rows(random, most=arguments.most)
    _fit(learned, BUILD / "first", start=arguments.start, passes=arguments.passes, rate=arguments.rate)


def _final(arguments: argparse.Namespace) -> None:
    random = Random(6)
    learned, kept = _rows(random, most=arguments.most)
    shared = list(shared_rows())
    seen = [row for row in shared if row.source not in CALIBRATION | HELD_OUT]
    folder = BUILD / "final"
    if not arguments.judge:
        rows = [*learned, *sample(seen, random, most=1_500)]
        _fit(rows, folder, start=BUILD / "first", passes=arguments.passes, rate=arguments.rate)
    tables, reader = Linear.read((folder / "linear.bin").read_bytes()), Reader.load(folder)
    calm = sample([row for row in shared if row.source in CALIBRATION], random, most=400)
    calibration = calibrate(score_rows([*kept, *calm], tables, reader))
    (folder / "calibration.json").write_bytes(msgspec.json.format(msgspec.json.encode(calibration)) + b"\n")
    tested = sample([row for row in shared if row.source in HELD_OUT | CALIBRATION], random, most=1_000)
    found = report(score_rows(tested, tables, reader), calibration)
    (HOME / "evaluation.json").write_text(show(found) + "\n", encoding="utf-8")
    for name in ("encoder.onnx", "vocabulary.txt", "linear.bin", "calibration.json"):
        (HERE / name).write_bytes((folder / name).read_bytes())


def main() -> None:
    """Reads the command line and runs a stage."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("stage", choices=("first", "final", "all"), default="all", nargs="?")
    parser.add_argument("--passes", type=float, default=1.0, help="over the windows, in each stage")
    parser.add_argument("--most", type=int, default=6_000, help="rows of a recipe")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1.5e-4, help="at which stage `first` learns at most")
    parser.add_argument("--start", type=Path, help="go on from what an earlier run left in this folder")
    parser.add_argument("--judge", action="store_true", help="stage `final`: only calibrate and report")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.stage in {"first", "all"}:
        _first(arguments)
    if arguments.stage in {"final", "all"}:
        _final(arguments)


if __name__ == "__main__":
    main()
