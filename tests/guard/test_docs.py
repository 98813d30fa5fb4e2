"""docs/policies.md is right: its examples load and run, and it names every key."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from bartizan.config import Config, DetectConfig
from bartizan.core.segment import Role
from bartizan.core.verdict import Action
from bartizan.detect.engine import Engine
from bartizan.detect.group import Group
from bartizan.detect.site import IDS
from bartizan.guard.guard import Guard
from bartizan.guard.policy import OnFailure, Policy, Redaction, Rule, parse_policy, shipped
from tests.detect.sites import site

PAGE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(toml|python)(?: title=\"([^\"\n]+)\")?\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_policy_loads() -> None:
    (text,) = [text for _, title, text in EXAMPLES if title == "support-desk.toml"]
    guard = Guard(Engine.load(), parse_policy(text))
    assert set(guard.book.uses) == {"injection-in-content", "card-numbers", "suspicious-mail"}
    assert "injection.chat_template_tokens" not in guard.book.uses["injection-in-content"]


def test_the_example_by_the_site_alone_loads() -> None:
    (text,) = [text for _, title, text in EXAMPLES if title == "by-the-site.toml"]
    engine = Engine.load(DetectConfig(models=False))
    policy = parse_policy(text)
    assert Guard(engine, policy).book.uses["attacks-and-leaks"] == ()
    uses = Guard(engine, policy, thresholds=[site(Group.INJECTION), site(Group.PII)]).book.uses
    assert uses["attacks-and-leaks"] == ("site.injection",)


def test_every_group_of_the_site_is_explained() -> None:
    section = PAGE.partition("## Thresholds of the site")[2].partition("\n## ")[0]
    assert not [name for name in IDS if f"`{name}`" not in section]


def test_the_example_configuration_is_right() -> None:
    (text,) = [text for _, title, text in EXAMPLES if title == "bartizan.toml"]
    assert msgspec.convert(tomllib.loads(text), type=Config).guard.policy.endswith("support-desk.toml")


def test_the_library_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (text,) = [text for language, _, text in EXAMPLES if language == "python"]
    exec(text, {})  # the page's own example
    assert capsys.readouterr().out.startswith(
        "False Tells the model to ignore its earlier instructions, in user content"
    )


@pytest.mark.parametrize(("heading", "shape"), [("The keys of a policy", Policy), ("The keys of a rule", Rule)])
def test_every_key_is_explained(heading: str, shape: type[msgspec.Struct]) -> None:
    section = PAGE.partition(f"### {heading}")[2].partition("\n#")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", section, re.MULTILINE)
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    assert {name for name, _ in rows} == set(fields)
    assert {name for name, default in rows if default == "required"} == {
        name for name, field in fields.items() if field.required
    }


def test_every_word_a_policy_may_use_is_explained() -> None:
    words = {*shipped(), *Action, *Role, *OnFailure, *Redaction}
    assert not [word for word in words if f"`{word}`" not in PAGE]
