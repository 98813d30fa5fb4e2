"""Walking and opening strangers' files."""

import os
import socket
from pathlib import Path

import pytest

from bartizan.core.finding import Skip
from bartizan.errors import InputError
from bartizan.files import open_regular, walk


def names(root: Path, *exclude: str) -> list[str]:
    return [found.name for found in walk(root, exclude=exclude) if not isinstance(found, Skip)]


def reasons(root: Path, *exclude: str) -> dict[str, str]:
    return {found.subject: found.reason for found in walk(root, exclude=exclude) if isinstance(found, Skip)}


def test_regular_files_come_in_name_order_whatever_the_disk_says(tmp_path: Path) -> None:
    for name in ("b/two", "a", "b/one", "c/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == ["a", "b/one", "b/two", "c/d/e"]
    assert names(tmp_path / "a") == ["a"]


def test_a_loop_of_links_ends_and_links_out_are_told(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "file").touch()
    (tmp_path / "inside" / "loop").symlink_to(tmp_path)
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "broken").symlink_to("nowhere")
    assert names(tmp_path) == ["inside/file"]
    told = reasons(tmp_path)
    assert set(told) == {"out", "broken"}
    assert "leads out" in told["out"]
    assert "leads nowhere" in told["broken"]


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert set(reasons(tmp_path)) == {"pipe", "socket"}
        for name in ("pipe", "socket"):
            with pytest.raises(InputError):
                open_regular(tmp_path / name)


def test_excluded_folders_are_told(tmp_path: Path) -> None:
    (tmp_path / ".venv" / "deep").mkdir(parents=True)
    (tmp_path / ".venv" / "deep" / "model.pkl").touch()
    assert names(tmp_path, ".venv") == []
    assert "configuration" in reasons(tmp_path, ".venv")[".venv/"]
    assert names(tmp_path) == [".venv/deep/model.pkl"]


def test_names_that_are_not_unicode_come_as_text(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.pkl"))).touch()
    assert names(tmp_path) == ["bad\\xff.pkl"]


def test_nothing_at_the_root_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing at"):
        list(walk(tmp_path / "nowhere"))


def test_a_link_put_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(InputError, match="cannot be opened"):
        open_regular(tmp_path / "link")
