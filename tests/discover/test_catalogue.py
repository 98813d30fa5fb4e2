"""Looking providers up by what gives them away."""

from __future__ import annotations

import pytest

from bartizan.discover.catalogue import catalogue


@pytest.mark.parametrize(
    ("module", "provider"),
    [
        ("openai", "openai"),
        ("openai.types.chat", "openai"),
        ("google.genai.types", "google-genai"),
        ("google.cloud.aiplatform", "vertex-ai"),
        ("google.cloud.storage", None),
        ("langchain_core.prompts", "langchain"),
        ("openaix", None),
    ],
)
def test_imports_by_the_longest_known_parent(module: str, provider: str | None) -> None:
    found = catalogue().by_import(module)
    assert (found.id if found else None) == provider


@pytest.mark.parametrize(
    ("package", "provider"), [("Sentence_Transformers", "transformers"), ("FAISS.cpu", "faiss"), ("requests", None)]
)
def test_python_packages_in_any_spelling(package: str, provider: str | None) -> None:
    found = catalogue().by_pypi(package)
    assert (found.id if found else None) == provider


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai", "azure-openai"),
        ("api.anthropic.com", "anthropic"),
        ("https://api.openai.com.evil.example/v1", None),
        ("https://notapi.openai.community", None),
        ("http://[::1", None),
    ],
)
def test_hosts_exactly_or_below_a_dot(url: str, provider: str | None) -> None:
    found = catalogue().by_host(url)
    assert (found.id if found else None) == provider
