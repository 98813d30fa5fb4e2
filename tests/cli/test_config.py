"""`bartizan config`."""

import json
from pathlib import Path

import pytest

from bartizan.cli import main
from bartizan.errors import EXIT_BROKEN


def test_show_says_where_each_value_came_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.toml"
    file.write_text('[gateway.upstreams.main]\nurl = "http://127.0.0.1:1/v1"\nkey = "env:MY_KEY"\n', encoding="utf-8")
    assert main(["config", "show", "--config", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("gateway.upstreams.main.key" in line and '"env:MY_KEY"' in line and str(file) in line for line in lines)
    assert any("lab.port" in line and "(default)" in line for line in lines)


def test_schema_is_json_schema_of_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"Config", "GatewayConfig", "AttackConfig"} <= set(schema["$defs"])


def test_check_accepts_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check"]) == 0
    assert "is right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[guard]\npolicy = "no-such-policy"', "no-such-policy"),
        ('[gateway.upstreams.a]\nurl = "http://127.0.0.1:1/v1"\nkey = "env:NOT_SET_ANYWHERE"', "NOT_SET_ANYWHERE"),
        ('[gateway.upstreams.a]\nurl = "http://127.0.0.1:1/v1"\nkey = "sk-in-the-clear"', "in clear"),
    ],
)
def test_check_follows_what_the_file_points_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    file = tmp_path / "my.toml"
    file.write_text(text, encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == EXIT_BROKEN
    printed = capsys.readouterr().err
    assert message in printed
    assert "sk-in-the-clear" not in printed
