"""What manifests and lock files give away."""

from __future__ import annotations

from pathlib import Path

import pytest

from bartizan.core.asset import AssetKind
from tests.discover.seeing import look

CASES = [
    ("requirements.txt", "openai==1.2.3  # the SDK\n-r other.txt\n", "pkg:pypi/openai", "==1.2.3"),
    (
        "requirements-dev.txt",
        "Sentence_Transformers[x] >=2,<3 ; python_version>'3'\n",
        "pkg:pypi/sentence-transformers",
        ">=2,<3",
    ),
    ("requirements/base.txt", "torch\n", "pkg:pypi/torch", None),
    ("setup.py", "setup(install_requires=['faiss-cpu>=1.7'])\n", "pkg:pypi/faiss-cpu", ">=1.7"),
    ("setup.cfg", "install_requires =\n    cohere>=5\n", "pkg:pypi/cohere", ">=5"),
    ("poetry.lock", '[[package]]\nname = "litellm"\nversion = "1.2.3"\n', "pkg:pypi/litellm", "1.2.3"),
    ("uv.lock", '[[package]]\nname = "vllm"\nversion = "0.6"\n', "pkg:pypi/vllm", "0.6"),
    ("package.json", '{"dependencies": {\n  "openai": "^4.0.0"\n}}', "pkg:npm/openai", "^4.0.0"),
    ("package.json", '{"dependencies": {\n  "@langchain/core": "1"\n}}', "pkg:npm/@langchain/core", "1"),
    ("package-lock.json", '{\n"node_modules/cohere-ai": {\n  "version": "7.0.0"\n', "pkg:npm/cohere-ai", "7.0.0"),
    ("environment.yml", "dependencies:\n  - conda-forge::xgboost=2.0\n", "pkg:pypi/xgboost", "=2.0"),
    ("Dockerfile", "FROM vllm/vllm-openai:v0.6 AS base\n", "pkg:docker/vllm/vllm-openai", "v0.6"),
    ("Dockerfile.gpu", "RUN pip install --no-cache-dir 'transformers==4.40' x\n", "pkg:pypi/transformers", "==4.40"),
    ("docker-compose.yml", "services:\n  db:\n    image: qdrant/qdrant:v1\n", "pkg:docker/qdrant/qdrant", "v1"),
]


@pytest.mark.parametrize(("name", "content", "locator", "version"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_each_kind_of_manifest(tmp_path: Path, name: str, content: str, locator: str, version: str | None) -> None:
    library = look(tmp_path, {name: content}).one(AssetKind.LIBRARY, locator)
    assert library.attributes.get("version") == version


def test_packages_that_are_not_ai_are_passed_over(tmp_path: Path) -> None:
    assert look(tmp_path, {"requirements.txt": "requests\nopenai-but-not\n# openai\n"}).assets == []
