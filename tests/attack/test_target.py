"""Target files: read strictly, with a clear error for what is wrong."""

import re
from pathlib import Path

import msgspec
import pytest

from bartizan.attack.target import Channel, bare, read_profile, read_target
from bartizan.errors import InputError
from bartizan.lab.profile import profile

GOOD = """
url = "http://127.0.0.1:9/v1"
model = "m"
key = "env:KEY"
channels = ["user", "tool"]
canaries = ["BZN-TEST-7Q4M"]
[[sinks]]
tool = "pay"
arguments = { to = "x" }
ask = "pay x"
[options]
temperature = 0.2
"""


def test_a_good_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text(GOOD)
    target = read_target(file)
    assert target.channels == {Channel.USER, Channel.TOOL}
    assert target.sinks[0].arguments == {"to": "x"}
    assert target.asset_id.startswith("application:")
    moved = target.at("http://127.0.0.1:10/v1")
    assert moved.url != target.url
    assert moved.asset_id == target.asset_id


@pytest.mark.parametrize(
    "text",
    [
        "url = 1",
        "model = 'm'",
        GOOD.replace("channels", "chanels"),
        GOOD.replace('"tool"]', '"telepathy"]'),
        GOOD.replace("BZN-TEST-7Q4M", "short"),
        "not toml",
        "a = " + "[" * 5_000,
        "\x00",
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "target.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"target\.toml"):
        read_target(file)


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_target(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError):
        read_target(tmp_path / "binary.toml")
    with pytest.raises(InputError):
        read_target(tmp_path)


def test_the_labs_answer_key_is_a_set_of_targets() -> None:
    body = msgspec.json.encode(profile("http://127.0.0.1:9/v1"))
    assert read_profile(body).model == "lab-agent"
    assert read_profile(body, model="lab-chat-strict").canaries
    with pytest.raises(InputError, match="nobody"):
        read_profile(body, model="nobody")
    for wrong in (b"", b"{}", b"[" * 100_000, b"\xff", b'{"targets": [{}]}'):
        with pytest.raises(InputError):
            read_profile(wrong)


def test_a_bare_model_gets_a_secret_of_its_own() -> None:
    target = bare("http://127.0.0.1:9/v1", "m")
    assert target.canaries[0] in target.system
    assert target.traced
    assert bare("http://127.0.0.1:9/v1", "m") == target
    assert bare("http://127.0.0.1:9/v1", "other").canaries != target.canaries


def test_the_file_in_the_documentation_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "attack.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.+?)```", page, re.DOTALL)
    file = tmp_path / "target.toml"
    file.write_text(example, encoding="utf-8")
    target = read_target(file)
    assert target.sinks
    assert target.planted
