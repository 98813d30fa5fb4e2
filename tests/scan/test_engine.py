"""The scanner on real folders: hostile files, limits, and that what was not read is never clean."""

from __future__ import annotations

import gzip
import os
import socket
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest

from bartizan.config import ScanConfig
from bartizan.core.asset import Asset, AssetKind
from bartizan.core.finding import Finding
from bartizan.errors import InputError
from bartizan.files import Candidate
from bartizan.scan.engine import scan
from bartizan.scan.opened import opened
from tests.scan import assembler as make
from tests.scan.reading import Result, read

BAD = make.call_pickle("os", "system")


def test_an_asset_comes_before_its_findings_with_its_hash_and_tags(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(BAD)
    records = list(scan(tmp_path, ScanConfig()))
    asset, finding = records
    assert isinstance(asset, Asset)
    assert isinstance(finding, Finding)
    assert finding.asset == asset.id
    assert finding.rule == "scan.pickle"
    assert "cwe:4:CWE-502" in finding.tags
    assert asset.sha256 is not None
    assert len(asset.sha256) == 64


def test_files_that_are_no_models_are_passed_over(tmp_path: Path) -> None:
    for name, content in {
        "a.py": b"import os\n",
        "b.txt": b"cat\ndog\nbird\n",
        "c.json": b"{}",
        "d.png": b"\x89PNG\r\n",
    }.items():
        (tmp_path / name).write_bytes(content)
    result = Result(tmp_path)
    assert (result.assets, result.findings, result.skips) == ([], [], [])


def test_something_named_like_a_model_that_cannot_be_read_is_a_skip(tmp_path: Path) -> None:
    result = read(tmp_path, b"hello, this is no model")
    assert result.assets == []
    assert "no format that is known" in result.skips[0].reason


def test_a_format_that_is_not_read_yet_is_a_skip(tmp_path: Path) -> None:
    assert "GGUF is not read yet" in read(tmp_path, b"GGUF\x03\0\0\0", "model.gguf").skips[0].reason


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing at"):
        list(scan(tmp_path / "missing", ScanConfig()))


def test_ten_gigabyte_sparse_file_is_skipped_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "huge.pkl"
    with path.open("wb") as file:
        file.write(b"\x80\x04\x8e")
        file.truncate(10_000_000_000)
    result = Result(tmp_path)
    assert result.assets == []
    assert "more than scan.max_file_bytes" in result.skips[0].reason


def test_sparse_file_below_the_limit_is_skipped_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "sparse.pkl"
    with path.open("wb") as file:
        file.write(BAD)
        file.truncate(4_000_000_000)
    assert "the rest is holes" in Result(tmp_path).skips[0].reason


def test_file_beyond_the_limit_is_skipped(tmp_path: Path) -> None:
    result = read(tmp_path, BAD, config=ScanConfig(max_file_bytes=10))
    assert result.assets == []
    assert "max_file_bytes = 10" in result.skips[0].reason


def test_symlink_loops_and_links_outside_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.pkl").write_bytes(BAD)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "self").symlink_to(root / "self")
    (root / "out.pkl").symlink_to(tmp_path / "outside.pkl")
    (root / "inside.pkl").write_bytes(BAD)
    (root / "again.pkl").symlink_to(root / "inside.pkl")
    result = Result(root)
    assert [asset.locator for asset in result.assets] == ["inside.pkl"]
    assert {skip.subject for skip in result.skips} == {"self", "out.pkl"}


def test_pipes_sockets_and_devices_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.pkl")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.pkl")
        result = Result(tmp_path)
    assert {(skip.subject, skip.reason) for skip in result.skips} == {
        ("pipe.pkl", "it is a named pipe, which is never opened"),
        ("socket.pkl", "it is a socket, which is never opened"),
    }
    assert "character device" in Result(Path("/dev/null")).skips[0].reason


def test_unreadable_file_is_a_skip() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "secret.pkl"
        path.write_bytes(BAD)
        path.chmod(0)
        root = os.geteuid() == 0
        if root:  # who may read everything
            os.seteuid(65_534)
        try:
            result = Result(path)
        finally:
            if root:
                os.seteuid(0)
    assert result.assets == []
    assert "cannot be opened" in result.skips[0].reason


def test_file_that_vanishes_during_the_scan_is_a_skip(tmp_path: Path) -> None:
    for name in ("a.pkl", "b.pkl"):
        (tmp_path / name).write_bytes(BAD)
    records = scan(tmp_path, ScanConfig())
    assert isinstance(next(records), Asset)
    (tmp_path / "b.pkl").unlink()
    assert "No such file" in str(list(records)[-1])


def test_file_that_became_a_link_or_a_pipe_since_it_was_listed_is_not_opened(tmp_path: Path) -> None:
    link, pipe = tmp_path / "link.pkl", tmp_path / "pipe.pkl"
    link.symlink_to("/etc/passwd")
    os.mkfifo(pipe)
    for path, reason in ((link, "cannot be opened"), (pipe, "a named pipe")):
        with pytest.raises(InputError, match=reason), opened(Candidate(path=path, name=path.name), ScanConfig()):
            pass


def test_folders_that_nest_too_deep_are_a_skip(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(140):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "a.pkl").write_bytes(BAD)
    result = Result(tmp_path)
    assert result.assets == []
    assert "nest deeper" in result.skips[0].reason


def test_names_that_are_no_utf8_are_written_with_escapes(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/bad\xff.pkl"
    with open(path, "wb") as file:  # noqa: PTH123  (a path of bytes)
        file.write(BAD)
    assert Result(tmp_path).assets[0].name == "bad\\xff.pkl"


def test_large_files_are_mapped(tmp_path: Path) -> None:
    content = make.pickle(
        make.data(os.urandom(70_000_000)), b"0", make.called(make.name("os", "system"), make.text("x"))
    )
    result = read(tmp_path, content)
    assert result.verdict == "malicious"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "zlib"])
def test_compressed_pickles_are_unpacked(tmp_path: Path, pack: object) -> None:
    result = read(tmp_path, pack(BAD), "model.joblib")  # type: ignore[operator]
    assert result.verdict == "malicious"
    assert "compressed file" in result.assets[0].attributes["format"]


def test_archive_bomb_stops_at_the_budget(tmp_path: Path) -> None:
    zeros = make.pickle(make.data(b"\0" * 30_000_000))
    content = make.archive({"data.pkl": zeros}, compression=zipfile.ZIP_DEFLATED)
    result = read(tmp_path, content, "model.pt", ScanConfig(max_unpacked_bytes=1_000_000))
    assert "max_unpacked_bytes" in result.skips[0].reason


def test_archives_that_nest_too_deep_are_unread(tmp_path: Path) -> None:
    content = BAD
    for level in range(6):
        content = make.archive({f"{level}.zip": content})
    result = read(tmp_path, content, "model.zip", ScanConfig(max_depth=3))
    assert any("nests deeper" in skip.reason for skip in result.skips)


def test_nested_archives_within_the_limit_are_read(tmp_path: Path) -> None:
    content = make.archive({"inner.zip": make.archive({"data.pkl": BAD})})
    result = read(tmp_path, content, "model.zip")
    assert result.findings[0].location is not None
    assert result.findings[0].location.member == "inner.zip!data.pkl"


def test_an_archive_without_a_model_is_no_asset(tmp_path: Path) -> None:
    result = read(tmp_path, make.archive({"readme.txt": b"hello"}), "document.zip")
    assert (result.assets, result.findings) == ([], [])


def test_a_member_that_leaves_the_folder_is_a_finding(tmp_path: Path) -> None:
    result = read(tmp_path, make.archive({"../../evil.py": b"x", "data.pkl": make.pickle(b"N")}), "model.pt")
    assert "outside the folder" in result.titles


def test_an_unread_part_makes_the_verdict_unscanned(tmp_path: Path) -> None:
    content = make.archive({"archive/data.pkl": make.pickle(b"}"), "archive/code/__torch__.py": b"def f(): pass"})
    result = read(tmp_path, content, "scripted.pt")
    assert result.verdict == "unscanned"
    assert "TorchScript" in result.skips[0].reason


def _array(kind: str, body: bytes) -> bytes:
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (1,), }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def test_object_arrays_are_pickles(tmp_path: Path) -> None:
    result = read(tmp_path, _array("|O", BAD), "data.npy")
    assert result.verdict == "malicious"
    assert result.assets[0].kind is AssetKind.DATASET


def test_number_arrays_are_clean(tmp_path: Path) -> None:
    assert read(tmp_path, _array("<f8", b"\0" * 8), "data.npy").verdict == "clean"


def test_no_prefix_of_an_archive_breaks_the_scanner(tmp_path: Path) -> None:
    content = make.archive({"archive/data.pkl": BAD, "archive/data/0": b"\0" * 64}, compression=zipfile.ZIP_DEFLATED)
    for end in range(0, len(content), 3):
        for finding in read(tmp_path, content[:end], "model.pt").findings:
            assert "reader broke" not in finding.title
