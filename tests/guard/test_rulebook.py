"""Which rules apply where."""

import pytest

from bartizan.core.segment import Direction, Role, Segment
from bartizan.errors import PolicyError
from bartizan.guard.policy import parse_policy
from bartizan.guard.rulebook import RuleBook

DETECTORS = ("injection.override", "injection.hint", "secrets.key")


def book(rules: str, *, disabled: tuple[str, ...] = ()) -> RuleBook:
    return RuleBook(parse_policy(f'id = "p"\ntitle = "t"\n{rules}'), DETECTORS, disabled=disabled)


def rule(body: str, detectors: str = '"injection.*"', action: str = "block") -> str:
    return f'[[rules]]\nid = "r"\nwhy = "w"\ndetectors = [{detectors}]\naction = "{action}"\n{body}'


def fires(
    rules: RuleBook,
    role: Role = Role.USER,
    direction: Direction = Direction.INPUT,
    *,
    source: str = "messages",
    trusted: bool = False,
    detector: str = "injection.override",
) -> bool:
    segment = Segment(text="", role=role, source=source, trusted=trusted)
    return any(rules.rules_for(detector, direction, segment))


def test_without_conditions_a_rule_applies_everywhere() -> None:
    everywhere = book(rule(""))
    assert all(
        fires(everywhere, role, direction, trusted=trusted)
        for role in Role
        for direction in Direction
        for trusted in (True, False)
    )
    assert not fires(everywhere, detector="secrets.key")


def test_each_condition_narrows() -> None:
    assert not fires(book(rule('directions = ["output"]')))
    assert not fires(book(rule('roles = ["tool", "document"]')))
    assert fires(book(rule('roles = ["tool", "document"]')), Role.TOOL)
    assert fires(book(rule("trusted = false")))
    assert not fires(book(rule("trusted = false")), trusted=True)
    assert not fires(book(rule("trusted = true")))
    assert fires(book(rule('sources = ["tool:*", "document:*"]')), source="document:a\nb.pdf")
    assert not fires(book(rule('sources = ["tool:*"]')), source="messages")
    assert not fires(book(rule('except_sources = ["tool:own_*"]')), source="tool:own_notes")
    assert fires(book(rule('except_sources = ["tool:own_*"]')), source="tool:mail")


def test_exceptions_are_part_of_their_rule() -> None:
    rules = book(rule('except_detectors = ["injection.hint"]'))
    assert rules.uses == {"r": ("injection.override",)}
    assert not fires(rules, detector="injection.hint")


def test_a_star_is_every_detector() -> None:
    assert book(rule("", '"*"')).uses == {"r": tuple(sorted(DETECTORS))}


def test_allow_does_nothing_and_exempts_nothing() -> None:
    allow = rule("", action="allow")
    assert not fires(book(allow))
    assert fires(book(allow + rule("").replace('"r"', '"s"')))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("injection.overide", "did you mean 'injection.override'?"),
        ("injetion.*", "did you mean 'injection.*'?"),
        ("secrets", "secrets"),
        ("inj*", "injection"),
    ],
)
@pytest.mark.parametrize("key", ["detectors", "except_detectors"])
def test_an_unknown_detector_names_the_nearest(name: str, hint: str, key: str) -> None:
    text = rule("", f'"{name}"') if key == "detectors" else rule(f'except_detectors = ["{name}"]')
    with pytest.raises(PolicyError, match="which is no detector") as caught:
        book(text)
    assert hint in caught.value.hint
    assert repr(name) in caught.value.message


@pytest.mark.parametrize(
    ("name", "disabled"),
    [("pii.email", "pii.email"), ("pii.email", "pii.*"), ("pii.*", "pii.*"), ("pii.*", "pii.email")],
)
def test_a_policy_may_name_what_is_switched_off(name: str, disabled: str) -> None:
    assert book(rule("", f'"{name}"'), disabled=(disabled,)).uses == {"r": ()}


def test_the_failure_of_the_engine_itself_is_everybodys() -> None:
    rules = book(rule("") + rule("", '"secrets.*"').replace('"r"', '"s"'))
    segment = Segment(text="", role=Role.USER)
    found = rules.rules_on_failure("engine", Direction.INPUT, segment)
    assert sorted(one.id for one in found) == ["r", "s"]
    assert [one.id for one in rules.rules_on_failure("secrets.key", Direction.INPUT, segment)] == ["s"]
