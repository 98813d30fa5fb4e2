"""What the TOML manifests of Python give away."""

from __future__ import annotations

from pathlib import Path

import pytest

from bartizan.core.asset import AssetKind
from tests.discover.seeing import look

CASES = [
    ("pyproject.toml", '[project]\ndependencies = [\n  "anthropic>=0.30",\n]\n', "pkg:pypi/anthropic", ">=0.30"),
    ("pyproject.toml", '[tool.poetry.dependencies]\nlangchain = "^0.3"\n', "pkg:pypi/langchain", "^0.3"),
    ("pyproject.toml", '[tool.poetry.dependencies]\ntorch = { version = "2" }\n', "pkg:pypi/torch", None),
    ("Pipfile", '[packages]\ngroq = "*"\n', "pkg:pypi/groq", "*"),
    (
        "pyproject.toml",
        "[project.optional-dependencies]\nml = [\"torch>=2 ; python_version > '3'\"]\n",
        "pkg:pypi/torch",
        ">=2",
    ),
    (
        "pyproject.toml",
        '[dependency-groups]\ndev = ["openai==1.2", {include-group = "x"}]\n',
        "pkg:pypi/openai",
        "==1.2",
    ),
    ("pyproject.toml", '[tool.poetry.group.ai.dependencies]\nvllm = "*"\n', "pkg:pypi/vllm", "*"),
]


@pytest.mark.parametrize(("name", "content", "locator", "version"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_each_table_that_declares(tmp_path: Path, name: str, content: str, locator: str, version: str | None) -> None:
    library = look(tmp_path, {name: content}).one(AssetKind.LIBRARY, locator)
    assert library.attributes.get("version") == version
    assert library.places[0].startswith(f"{name}:")


def test_a_name_that_stands_elsewhere_is_no_dependency(tmp_path: Path) -> None:
    content = '[tool.ruff.lint.flake8-tidy-imports]\nbanned-module-level-imports = ["torch", "openai"]\n'
    assert look(tmp_path, {"pyproject.toml": content}).assets == []


@pytest.mark.parametrize("content", ["not toml", "a = " + "[" * 5000, "[project]\ndependencies = 3\n"])
def test_what_is_no_manifest_is_told_and_harms_nothing(tmp_path: Path, content: str) -> None:
    found = look(tmp_path, {"pyproject.toml": content, "requirements.txt": "openai\n"})
    assert found.locators(AssetKind.LIBRARY) == {"pkg:pypi/openai"}
    assert bool(found.skips) == (not content.startswith("[project]"))
