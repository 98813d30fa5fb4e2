"""Policies: what is done about which signal, in TOML; `docs/policies.md` explains every key with examples.

The order of rules means nothing. Each rule that applies to a signal gives its action, and the strictest one wins.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bartizan.core.record import Record
from bartizan.core.segment import Direction, Role
from bartizan.core.verdict import Action
from bartizan.errors import PolicyError
from bartizan.guard import policies as shelf
from bartizan.registry import nearest

MAX_POLICY_BYTES = 1_000_000

_Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=64)]
_Words = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class OnFailure(StrEnum):
    """What is done when a detector behind a rule fails or runs out of time."""

    BLOCK = "block"
    FLAG = "flag"
    ALLOW = "allow"

    @property
    def action(self) -> Action:
        """The action of the same name."""
        return Action(self.value)


class Redaction(StrEnum):
    """What stands in the place of a redacted span: `[REDACTED:category]`, or `[REDACTED]`, which hides the kind too."""

    LABEL = "label"
    BLANK = "blank"


class Rule(Record, frozen=True, kw_only=True):
    """What is done about the signals of some detectors on some segments.

    Attributes:
        id: Unique in the policy.
        why: The reason, in words that a verdict can repeat.
        detectors: Detector ids, `family.*`, or `*`.
        except_detectors: What `detectors` names and this rule leaves alone, written in the same way.
        action: What is done. `allow` states in writing that nothing is; it exempts nothing from other rules.
        directions: Which way the content travels; both where it is not given.
        roles: Who speaks; everybody where it is empty.
        trusted: Only trusted or only untrusted segments; both where it is not given.
        sources: Shell patterns of which one matches the segment's source, such as `tool:*`; all where it is empty.
        except_sources: Shell patterns of sources that the rule leaves alone.
        threshold: The lowest score that counts, 0 to 1.
        redaction: What stands in the place of a redacted span.
        on_failure: What is done when one of the detectors fails; the policy's own where it is not given.
    """

    id: _Id
    why: _Words
    detectors: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    action: Action
    except_detectors: tuple[str, ...] = ()
    directions: Annotated[tuple[Direction, ...], msgspec.Meta(min_length=1)] = (Direction.INPUT, Direction.OUTPUT)
    roles: tuple[Role, ...] = ()
    trusted: bool | None = None
    sources: tuple[str, ...] = ()
    except_sources: tuple[str, ...] = ()
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    redaction: Redaction = Redaction.LABEL
    on_failure: OnFailure | None = None


class Policy(Record, frozen=True, kw_only=True):
    """A set of rules.

    Attributes:
        id: What verdicts call it.
        title: What it is for.
        rules: In any order.
        on_failure: What is done when a detector fails, for rules that do not say otherwise.
    """

    id: _Id
    title: _Words
    rules: tuple[Rule, ...]
    on_failure: OnFailure = OnFailure.BLOCK


def shipped() -> tuple[str, ...]:
    """Returns the names of the policies that come with the product."""
    names = (file.name for file in files(shelf).iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_policy(name: str) -> Policy:
    """Loads a shipped policy by its name, or a file by its path: anything with a `/` or that ends in `.toml`.

    Raises:
        PolicyError: There is no such policy, it cannot be read, or something in it is wrong.
    """
    if "/" in name or name.endswith(".toml"):
        return parse_policy(_read(Path(name).expanduser()), origin=name)
    if name not in shipped():
        raise PolicyError(f"there is no policy {name!r}", hint=f"{nearest(name, list(shipped()))}; or give a path")
    return parse_policy(files(shelf).joinpath(f"{name}.toml").read_text(encoding="utf-8"), origin=name)


def parse_policy(text: str, *, origin: str = "policy") -> Policy:
    """Parses a policy.

    Args:
        text: TOML.
        origin: What error messages call it.

    Raises:
        PolicyError: It is not TOML, a key is unknown, missing or of the wrong type, or two rules have one id.
    """
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{origin}: {error}", hint="a policy is TOML in UTF-8") from error
    except RecursionError:
        raise PolicyError(f"{origin}: it is nested too deep", hint="docs/policies.md explains every key") from None
    for problem in _unknown_keys(tree):
        raise PolicyError(f"{origin}: {problem[0]}", hint=problem[1])
    try:
        policy = msgspec.convert(tree, type=Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(f"{origin}: {error}", hint="docs/policies.md explains every key") from error
    seen: set[str] = set()
    for rule in policy.rules:
        if rule.id in seen:
            raise PolicyError(f"{origin}: two rules have the id {rule.id!r}", hint="rename one of them")
        seen.add(rule.id)
    return policy


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_POLICY_BYTES + 1)
        text = data.decode("utf-8")
    except FileNotFoundError:
        raise PolicyError(f"there is no policy file {path}", hint=f"shipped are: {', '.join(shipped())}") from None
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path} is not UTF-8: {error.reason}", hint="a policy is TOML in UTF-8") from error
    except OSError as error:
        raise PolicyError(f"{path} cannot be read: {error.strerror}", hint="check the path and its mode") from error
    if len(data) > MAX_POLICY_BYTES:
        raise PolicyError(f"{path} is larger than {MAX_POLICY_BYTES:,} bytes", hint="is this the right file?")
    return text


def _unknown_keys(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields what is wrong with each unknown key, and a hint."""
    yield from _unknown(tree, Policy, "")
    rules = tree.get("rules")
    for number, rule in enumerate(rules if isinstance(rules, list) else (), start=1):
        if isinstance(rule, Mapping):
            yield from _unknown(rule, Rule, f" in rule {rule.get('id', number)!r}")


def _unknown(table: Mapping[str, Any], shape: type[msgspec.Struct], where: str) -> Iterator[tuple[str, str]]:
    known = shape.__struct_fields__
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
            yield f"unknown key {key!r}{where}", hint
