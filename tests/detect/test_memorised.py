"""Private texts recited: found from fifty words on, saved and loaded without trust in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bartizan.detect.memorised import Memorised
from bartizan.errors import InputError

PRIVATE = " ".join(f"word{number * 7919 % 1009} of file{number}" for number in range(60))
INDEX = Memorised.of([PRIVATE, "too short"])


@pytest.mark.parametrize(("size", "found"), [(49, []), (50, [50]), (80, [80])])
def test_a_run_of_fifty_words_is_a_recital(size: int, found: list[int]) -> None:
    run = " ".join(PRIVATE.split()[13 : 13 + size])
    answer = f"It says: {run.upper()}, more or less."
    recitals = list(INDEX.recitals(answer))
    assert [one.words for one in recitals] == found
    assert all(answer[one.start : one.end] == run.upper() for one in recitals)


def test_other_texts_are_no_recital() -> None:
    assert not list(INDEX.recitals("a quiet harbour in the morning " * 40))


def test_it_is_saved_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "index"
    INDEX.save(path)
    assert Memorised.load(path) == INDEX
    with pytest.raises(InputError):
        INDEX.save(path)


@pytest.mark.parametrize("place", [3, 25, 200, -1])
def test_a_changed_file_is_refused(tmp_path: Path, place: int) -> None:
    path = tmp_path / "index"
    INDEX.save(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError):
        Memorised.load(path)
    path.write_bytes(b"")
    with pytest.raises(InputError):
        Memorised.load(path)
    with pytest.raises(InputError):
        Memorised.load(tmp_path / "none")
