"""What JavaScript and TypeScript give away."""

from __future__ import annotations

from pathlib import Path

from bartizan.core.asset import AssetKind
from tests.discover.seeing import look


def test_imports_in_every_form(tmp_path: Path) -> None:
    lines = [
        "import OpenAI from 'openai';",
        'require("@anthropic-ai/sdk");',
        "await import('replicate');",
        "import 'cohere-ai';",
    ]
    code = "\n".join(lines)
    found = look(tmp_path, {"a.ts": code})
    expected = {"pkg:npm/openai", "pkg:npm/@anthropic-ai/sdk", "pkg:npm/replicate", "pkg:npm/cohere-ai"}
    assert found.locators(AssetKind.LIBRARY) == expected
    assert found.one(AssetKind.LIBRARY, "pkg:npm/replicate").places == ("a.ts:3",)


def test_models_only_where_a_package_is_used(tmp_path: Path) -> None:
    files = {"a.js": "import x from 'openai'\nx({ model: 'gpt-4o' })\n", "b.js": "car({ model: 'gpt-5' })\n"}
    assert look(tmp_path, files).locators(AssetKind.MODEL) == {"model:gpt-4o"}


def test_minified_and_declared_files_are_passed_over(tmp_path: Path) -> None:
    assert look(tmp_path, {"a.min.js": "import 'openai'", "b.d.ts": "import 'openai'"}).assets == []
