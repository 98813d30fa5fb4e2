"""Environment names are recorded, their values never."""

from __future__ import annotations

from pathlib import Path

import pytest

from bartizan.core.asset import AssetKind
from tests.discover.seeing import look

SECRET = "sk-ant-this-is-a-secret"


@pytest.mark.parametrize(
    "name", [".env", ".env.production", "prod.env", "docker-compose.yml", ".github/workflows/ci.yml", "deploy.sh"]
)
def test_the_name_is_recorded_and_the_value_is_not(tmp_path: Path, name: str) -> None:
    found = look(tmp_path, {name: f"# keys\nANTHROPIC_API_KEY={SECRET}\n"})
    service = found.one(AssetKind.SERVICE, "anthropic")
    assert service.places == (f"{name}:2",)
    assert service.attributes["environment"] == "ANTHROPIC_API_KEY"
    assert SECRET not in repr(found.assets)


def test_several_names_of_one_service_are_listed_once_each(tmp_path: Path) -> None:
    found = look(tmp_path, {".env": "OPENAI_API_KEY=a\nOPENAI_BASE_URL=b\nOPENAI_API_KEY=c\n"})
    assert found.one(AssetKind.SERVICE, "openai").attributes["environment"] == "OPENAI_API_KEY, OPENAI_BASE_URL"


def test_names_inside_other_names_do_not_count(tmp_path: Path) -> None:
    assert look(tmp_path, {".env": "MY_OPENAI_API_KEY_OLD=a\nOPENAI_API_KEYS=b\n"}).assets == []


def test_tables_of_names_in_other_files_do_not_count(tmp_path: Path) -> None:
    assert (
        look(tmp_path, {"catalogue.toml": "env = ['OPENAI_API_KEY']\n", "notes.txt": "OPENAI_API_KEY=1\n"}).assets == []
    )
