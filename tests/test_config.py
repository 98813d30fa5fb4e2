"""The configuration: layers, origins, did-you-mean, and secrets that never stand in clear."""

import re
from pathlib import Path

import pytest

from bartizan.config import Config, flatten, load, secret
from bartizan.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    file = folder / "bartizan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_need_no_file() -> None:
    assert load(environ={}).config == Config()


def test_layers_override_in_order_and_remember_their_origin(tmp_path: Path) -> None:
    file = write(tmp_path, "[gateway]\nport = 1\nmax_depth = 10\n[lab]\nport = 7\n")
    environ = {"BARTIZAN_GATEWAY__PORT": "2", "BARTIZAN_LAB__PORT": "8"}
    loaded = load(file, flags={"gateway.port": 3, "console.port": None}, environ=environ)
    assert (loaded.config.gateway.port, loaded.config.lab.port, loaded.config.gateway.max_depth) == (3, 8, 10)
    assert loaded.origins == {
        "gateway.port": "flag",
        "lab.port": "$BARTIZAN_LAB__PORT",
        "gateway.max_depth": str(file),
    }


def test_the_file_is_found_by_the_environment(tmp_path: Path) -> None:
    file = write(tmp_path, 'state = "elsewhere"')
    assert load(environ={"BARTIZAN_CONFIG": str(file)}).config.state == "elsewhere"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[gatway]\nport = 1", "unknown key gatway", "did you mean gateway?"),
        ("[gateway]\nprot = 1", "unknown key gateway.prot", "did you mean gateway.port?"),
        ('[gateway.upstreams.a]\nurll = "x"', "unknown key gateway.upstreams.a.urll", "gateway.upstreams.a.url?"),
        ('[gateway]\nport = "high"', "Expected `int`", "schema"),
        ("[gateway]\nport = 70000", "<= 65535", "schema"),
        ("[detect]\ndecode_depth = 99", "<= 8", "schema"),
        ('[gateway]\naudit = "maybe"', "strict|grouped", "schema"),
        ("gateway = 3", "Expected `object`", "schema"),
        ("this is not toml", "Expected '='", "TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write(tmp_path, text), environ={})
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert "bartizan.toml" in raised.value.message


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        load(tmp_path / "nowhere.toml", environ={})


def test_a_section_cannot_also_be_a_value() -> None:
    with pytest.raises(ConfigError, match="a value where a section is needed"):
        load(environ={"BARTIZAN_GATEWAY": "1", "BARTIZAN_GATEWAY__PORT": "2"})


def test_secrets_are_references(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n", encoding="utf-8")
    assert secret("env:KEY", environ={"KEY": "from-env"}) == "from-env"
    assert secret(f"file:{file}") == "from-file"
    assert secret("") == ""


@pytest.mark.parametrize("reference", ["env:NOT_SET", "file:/nowhere/at/all", "sk-in-the-clear"])
def test_a_secret_that_cannot_be_had_is_explained_without_showing_it(reference: str) -> None:
    with pytest.raises(ConfigError) as raised:
        secret(reference, environ={})
    assert "sk-in-the-clear" not in raised.value.explain()


def test_flatten_gives_every_leaf_and_keeps_empty_tables() -> None:
    assert dict(flatten({"a": {"b": 1, "c": {}}, "d": [1]})) == {"a.b": 1, "a.c": {}, "d": [1]}


def test_classifiers_and_topics_are_named_tables(tmp_path: Path) -> None:
    text = '[detect.classifiers.own]\npath = "x"\nlabels = { LABEL_1 = "injection" }\n'
    config = load(write(tmp_path, text), environ={}).config
    assert config.detect.classifiers["own"].labels == {"LABEL_1": "injection"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[detect.classifiers.own]\npath = "x"\nlabels = { A = "injecton" }\n', "injection"),
        ('[detect.classifiers.own]\npath = "x"\nlabels = {}\n', "length"),
        ('[detect.classifiers."Own one"]\npath = "x"\nlabels = { A = "injection" }\n', "a-z"),
        ('[detect.classifiers.own]\npath = "x"\nlabel = { A = "injection" }\n', "detect.classifiers.own.label"),
        ('[detect.topics.own]\nexamples = ["a", "b"]\n', "length"),
    ],
)
def test_wrong_classifiers_and_topics_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text), environ={})
    assert said in caught.value.message


def test_the_configurations_of_the_detection_page_are_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "detect.md").read_text(encoding="utf-8")
    blocks = re.findall(r'```toml title="bartizan.toml"\n(.*?)```', page, re.DOTALL)
    configs = [load(write(tmp_path, block), environ={}).config.detect for block in blocks]
    assert {name for config in configs for name in config.classifiers} >= {"prompt_guard"}
    assert {name for config in configs for name in config.topics} >= {"investment"}
