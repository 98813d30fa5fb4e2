"""The command line's front door: help, unknown commands, errors and exit codes."""

from pathlib import Path

import pytest

from bartizan.cli import main
from bartizan.errors import EXIT_BROKEN


def test_help_lists_every_command_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    commands = [path for path in Path("src/bartizan/cli").glob("*.py") if not path.stem.startswith("_")]
    assert commands
    for path in commands:
        summary = path.read_text(encoding="utf-8").splitlines()[0].strip('".')
        assert any(line.split() and line.split()[0] == path.stem and summary in line for line in printed.splitlines())


def test_each_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for path in Path("src/bartizan/cli").glob("[!_]*.py"):
        with pytest.raises(SystemExit) as stopped:
            main([path.stem, "--help"])
        assert stopped.value.code == 0
        assert f"usage: bartizan {path.stem}" in capsys.readouterr().out


def test_an_unknown_command_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["confg"]) == EXIT_BROKEN
    assert "did you mean 'config'?" in capsys.readouterr().err


def test_an_error_is_explained_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bartizan.toml"
    file.write_text("[gateway]\nprot = 1\n", encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == EXIT_BROKEN
    printed = capsys.readouterr().err
    assert "did you mean gateway.port?" in printed
    assert "Traceback" not in printed


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip()[0].isdigit()
