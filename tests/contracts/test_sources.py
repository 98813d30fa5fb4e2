"""What every discovery source keeps, and what the catalogue of providers promises."""

from __future__ import annotations

import random

import pytest

from bartizan import registry
from bartizan.core.finding import Skip
from bartizan.core.taxonomy import parse_tag
from bartizan.discover import sources
from bartizan.discover.catalogue import catalogue
from bartizan.discover.source import Document, Sighting, Source

SHELF = registry.scan(sources, Source)  # type: ignore[type-abstract]
NAMES = (
    "app.py", "note.ipynb", "a.js", "requirements.txt", "pyproject.toml", "package.json", "Dockerfile", ".env",
    "mcp.json", "m.pt", "uv.lock",
)  # fmt: skip
ROLES = {
    "model-api", "inference", "training", "framework", "agent", "vector-store", "observability", "speech",
    "hub", "guardrail",
}  # fmt: skip


@pytest.fixture(params=sorted(SHELF.plugins))
def source(request: pytest.FixtureRequest) -> Source:
    return SHELF[request.param]


def document(name: str, content: str) -> Document:
    return Document(
        name=name, size=len(content), text=lambda: content, head=lambda: content.encode("utf-8", "surrogatepass")[:64]
    )


def test_it_explains_itself(source: Source) -> None:
    meta = source.meta
    assert meta.id.startswith("discover.")
    assert meta.why.endswith(".")
    assert meta.false_positives
    for tag in meta.tags:
        parse_tag(tag)


def test_it_is_a_value(source: Source) -> None:
    assert source == type(source)()
    assert hash(source) == hash(type(source)())


def test_it_wants_something_and_not_everything(source: Source) -> None:
    assert any(source.wants(document(name, "")) for name in NAMES)
    assert not source.wants(document("picture.jpeg", ""))


def test_it_never_raises_on_noise(source: Source) -> None:
    draw = random.Random(source.meta.id)
    alphabet = 'import from openai model="gpt-4o" {}[]()<>:=\'"\n\\\t#@/%!0123456789\x00\ud800\u202e' + "é" * 3
    for name in NAMES:
        for size in (0, 1, 40, 2_000):
            made = document(name, "".join(draw.choice(alphabet) for _ in range(size)))
            for noticed in source.examine(made, catalogue()):
                assert isinstance(noticed, Sighting | Skip)
                assert not (isinstance(noticed, Skip) and "reader broke" in noticed.reason), noticed


def test_nesting_is_a_skip_and_not_a_crash(source: Source) -> None:
    for name, content in {"app.py": "(" * 100_000, "note.ipynb": "[" * 200_000, "mcp.json": '{"a":' * 100_000}.items():
        made = document(name, content)
        if source.wants(made):
            for noticed in source.examine(made, catalogue()):
                assert isinstance(noticed, Skip)
                assert "reader broke" not in noticed.reason


def test_the_catalogue_knows_many_providers_each_by_something() -> None:
    providers = catalogue().providers
    assert len(providers) >= 40
    for provider in providers.values():
        assert provider.role in ROLES, provider.id
        assert provider.imports or provider.pypi or provider.npm or provider.env or provider.hosts, provider.id
        assert all(name.isupper() or "_" in name for name in provider.env), provider.id


def test_nothing_in_the_catalogue_stands_for_two_providers() -> None:
    providers = catalogue().providers.values()
    for field in ("imports", "pypi", "npm", "env", "hosts", "images"):
        names = [name for provider in providers for name in getattr(provider, field)]
        assert len(names) == len(set(names)), (field, {name for name in names if names.count(name) > 1})
