"""`tests/` mirrors `src/bartizan/`: a stranger finds the tests of a file where its name says."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE, TESTS = ROOT / "src" / "bartizan", ROOT / "tests"
NO_MIRROR = {"architecture", "contracts", "properties", "e2e", "training"}


def test_each_test_folder_is_a_room() -> None:
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir()} | NO_MIRROR
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= rooms


def test_each_room_has_tests() -> None:
    rooms = [path.parent.name for path in SOURCE.glob("*/__init__.py")]
    assert not [room for room in rooms if not list((TESTS / room).glob("test_*.py"))]
