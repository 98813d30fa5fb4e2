"""Policies are read strictly, and errors name what was meant."""

from pathlib import Path

import pytest

from bartizan.core.verdict import Action
from bartizan.detect.engine import Engine
from bartizan.detect.group import Group
from bartizan.errors import PolicyError
from bartizan.guard.guard import Guard
from bartizan.guard.policy import MAX_POLICY_BYTES, OnFailure, Rule, load_policy, parse_policy, shipped
from tests.detect.sites import site

HEAD = 'id = "p"\ntitle = "t"\n'
RULE = '[[rules]]\nid = "r"\nwhy = "w"\ndetectors = ["injection.*"]\naction = "block"\n'


@pytest.fixture(scope="module")
def shelf() -> Engine:
    return Engine.load()


@pytest.mark.parametrize("name", shipped())
def test_shipped_policies_compile_against_the_shelf(name: str, shelf: Engine) -> None:
    policy = load_policy(name)
    assert policy.id == name
    uses = Guard(shelf, policy, thresholds=[site(one) for one in Group]).book.uses
    assert uses
    assert all(uses.values()), "a rule that uses no detector does nothing"
    assert {rule for rule, used in Guard(shelf, policy).book.uses.items() if not used} == {
        rule.id for rule in policy.rules if rule.detectors[0].startswith("site.")
    }


def test_shipped_are_the_three() -> None:
    assert shipped() == ("default", "monitor", "strict")


def test_monitor_only_flags() -> None:
    policy = load_policy("monitor")
    assert {rule.action for rule in policy.rules} == {Action.FLAG}
    assert {rule.on_failure or policy.on_failure for rule in policy.rules} == {OnFailure.FLAG}


@pytest.mark.parametrize("name", ["default", "strict"])
def test_a_failure_blocks_unless_said_otherwise(name: str) -> None:
    assert load_policy(name).on_failure is OnFailure.BLOCK
    assert parse_policy(HEAD + RULE).on_failure is OnFailure.BLOCK


def test_a_policy_is_found_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(HEAD + RULE, encoding="utf-8")
    assert load_policy(str(file)).rules == (Rule(id="r", why="w", detectors=("injection.*",), action=Action.BLOCK),)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (HEAD + "on_failur = 'flag'\n" + RULE, "unknown key 'on_failur'", "did you mean 'on_failure'?"),
        (HEAD + RULE + "treshold = 0.5", "unknown key 'treshold' in rule 'r'", "did you mean 'threshold'?"),
        (HEAD + RULE + "zzz = 1", "unknown key 'zzz'", "known here: id, why"),
        (HEAD + RULE + "threshold = 1.5", "`$.rules[0].threshold`", "docs/policies.md"),
        (HEAD + RULE + "threshold = 'high'", "`$.rules[0].threshold`", "docs/policies.md"),
        (HEAD + RULE.replace('"block"', '"blok"'), "'blok'", "docs/policies.md"),
        (HEAD + RULE.replace('["injection.*"]', "[]"), "`$.rules[0].detectors`", "docs/policies.md"),
        (HEAD + RULE + RULE, "two rules have the id 'r'", "rename"),
        (HEAD, "missing required field `rules`", "docs/policies.md"),
        (HEAD + "rules = 3", "`$.rules`", "docs/policies.md"),
        (HEAD + "rules = [3]", "`$.rules[0]`", "docs/policies.md"),
        (RULE, "missing required field `id`", "docs/policies.md"),
        (HEAD + "=", "line 3", "TOML"),
        (HEAD + RULE.replace('id = "r"', 'id = "R !"'), "`$.rules[0].id`", "docs/policies.md"),
    ],
)
def test_a_wrong_policy_is_an_error_that_helps(text: str, message: str, hint: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text, origin="mine.toml")
    assert message in caught.value.message
    assert caught.value.message.startswith("mine.toml: ")
    assert hint in caught.value.hint


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy("strickt")
    assert "did you mean 'strict'?" in caught.value.hint


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="there is no policy file"):
        load_policy(str(tmp_path / "none.toml"))
    with pytest.raises(PolicyError, match="cannot be read"):
        load_policy(f"{tmp_path}/")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(HEAD.encode() + b"# caf\xe9\n")
    with pytest.raises(PolicyError, match="not UTF-8"):
        load_policy(str(latin))
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * (MAX_POLICY_BYTES + 1))
    with pytest.raises(PolicyError, match="larger than"):
        load_policy(str(huge))
