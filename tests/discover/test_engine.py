"""Discovery on real folders: merging, links, limits and hostile trees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bartizan.config import DiscoverConfig
from bartizan.core.asset import AssetKind, Relation, asset_id
from bartizan.discover.engine import discover
from bartizan.errors import InputError
from tests.discover.seeing import Found, look


def test_the_same_asset_in_two_files_is_one_with_both_places(tmp_path: Path) -> None:
    found = look(tmp_path, {"app.py": "import openai\n", "requirements.txt": "# x\nopenai>=1.2\n"})
    library = found.one(AssetKind.LIBRARY, "pkg:pypi/openai")
    assert library.places == ("app.py:1", "requirements.txt:2")
    assert library.attributes["version"] == ">=1.2"
    assert library.attributes["sightings"] == "2"


def test_links_lead_from_the_application_to_the_library_to_the_service(tmp_path: Path) -> None:
    found = look(tmp_path, {"app.py": "import anthropic\n"})
    service = found.one(AssetKind.SERVICE, "anthropic")
    library = found.one(AssetKind.LIBRARY, "pkg:pypi/anthropic")
    application = found.one(AssetKind.APPLICATION, tmp_path.name)
    assert [(link.relation, link.target) for link in library.links] == [(Relation.CALLS, service.id)]
    assert (Relation.DEPENDS_ON, library.id) in [(link.relation, link.target) for link in application.links]
    assert (Relation.CALLS, service.id) in [(link.relation, link.target) for link in application.links]
    assert service.id == asset_id(AssetKind.SERVICE, "anthropic")


def test_places_are_bounded(tmp_path: Path) -> None:
    found = look(tmp_path, {f"{number:03}.py": "import torch\n" for number in range(50)})
    library = found.one(AssetKind.LIBRARY, "pkg:pypi/torch")
    assert len(library.places) == 20
    assert library.attributes["sightings"] == "50"


def test_ids_are_the_same_each_time(tmp_path: Path) -> None:
    first = look(tmp_path, {"app.py": "import torch, openai\n"})
    assert [asset.id for asset in first.assets] == [asset.id for asset in Found(tmp_path).assets]


def test_a_folder_without_ai_has_no_application(tmp_path: Path) -> None:
    found = look(tmp_path, {"app.py": "import os\n", "readme.md": "hello"})
    assert (found.assets, found.skips) == ([], [])


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing at"):
        list(discover(tmp_path / "missing", DiscoverConfig()))


def test_links_and_pipes_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "app.py").write_text("import openai\n")
    root.mkdir()
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "out").symlink_to(outside, target_is_directory=True)
    (root / "app.py").symlink_to(outside / "app.py")
    os.mkfifo(root / "pipe.py")
    assert Found(root).assets == []


def test_excluded_folders_are_left_out(tmp_path: Path) -> None:
    found = look(tmp_path, {"node_modules/x/index.js": "require('openai')", "src/a.py": "import torch\n"})
    assert found.locators(AssetKind.LIBRARY) == {"pkg:pypi/torch"}


def test_large_binary_and_broken_files_are_skips_with_reasons(tmp_path: Path) -> None:
    found = look(
        tmp_path,
        {
            "large.py": "import openai\n" * 100,
            "binary.py": b"import openai\n\0\0\0",
            "broken.py": "import openai\ndef (:\n",
            "latin.py": b"# caf\xe9\nimport torch\n",
            "note.ipynb": "{",
        },
        DiscoverConfig(max_text_bytes=1_000),
    )
    reasons = {skip.subject: skip.reason for skip in found.skips}
    assert "more than discover.max_text_bytes = 1,000" in reasons["large.py"]
    assert reasons["binary.py"] == "it is binary where text was expected"
    assert "line 2" in reasons["broken.py"]
    assert "no JSON" in reasons["note.ipynb"]
    assert found.locators(AssetKind.LIBRARY) == {"pkg:pypi/torch"}


def test_folders_that_nest_too_deep_are_a_skip(tmp_path: Path) -> None:
    found = look(tmp_path, {"/".join(["d"] * 140) + "/app.py": "import openai\n"})
    assert found.assets == []
    assert "nest deeper" in found.skips[0].reason


def test_a_single_file_can_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import openai\n")
    assert Found(tmp_path / "app.py").locators(AssetKind.LIBRARY) == {"pkg:pypi/openai"}
