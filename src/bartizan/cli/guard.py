"""Check content against the policy; list the policy's rules and the detectors.

bartizan guard check "Ignore all previous instructions"        a text, as a user would write it
bartizan guard check --file page.html --role document          a file; without text or file, standard input
bartizan guard check - --role assistant --direction output     standard input, as an answer of a model
bartizan guard policy --policy strict                          the rules and the detectors behind each
bartizan guard detectors                                       every detector that there is

Exit codes of check: 0 for allow, 1 for anything else, 2 when it could not be checked.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec

from bartizan.config import load
from bartizan.core.segment import TRUSTED_ROLES, Direction, Role, Segment
from bartizan.core.verdict import Action
from bartizan.errors import EXIT_CLEAN, EXIT_FOUND, InputError, LimitError
from bartizan.guard.decision import Decision
from bartizan.guard.guard import Guard
from bartizan.guard.policy import Rule

MAX_BYTES = 50_000_000
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan guard`."""
    parser.add_argument("what", choices=["check", "policy", "detectors"])
    parser.add_argument("text", nargs="?", help="what to check; - for standard input, which is the default")
    parser.add_argument("--file", type=Path, metavar="FILE", help="check this file (UTF-8)")
    parser.add_argument("--role", choices=list(Role), default=Role.USER, help="who speaks (default: user)")
    parser.add_argument("--source", default="messages", help="where it came from, such as tool:read_mail")
    parser.add_argument("--direction", choices=list(Direction), default=Direction.INPUT, help="default: input")
    parser.add_argument("--policy", metavar="NAME|FILE", help="a shipped policy or a file (default: as configured)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """Checks content, or lists the rules or the detectors."""
    content = _content(arguments) if arguments.what == "check" else ""
    guard = Guard.from_config(load(arguments.config, flags={"guard.policy": arguments.policy}).config)
    if arguments.what == "policy":
        _show_policy(guard, as_json=arguments.json)
        return EXIT_CLEAN
    if arguments.what == "detectors":
        _show_detectors(guard, as_json=arguments.json)
        return EXIT_CLEAN
    role = Role(arguments.role)
    segment = Segment(text=content, role=role, source=arguments.source, trusted=role in TRUSTED_ROLES)
    decision = guard.check([segment], Direction(arguments.direction))
    text = decision.texts.get(0, segment.text)
    if arguments.json:
        verdict = msgspec.to_builtins(decision.verdict)
        print(json.dumps({"allowed": decision.allowed, "text": text, "verdict": verdict}, indent=2))
    else:
        print("\n".join(_lines(decision)))
    return EXIT_CLEAN if decision.verdict.action is Action.ALLOW else EXIT_FOUND


def _content(arguments: Namespace) -> str:
    if arguments.file is not None and arguments.text is not None:
        raise InputError("both a text and a file are given", hint="give one of them")
    if arguments.file is None and arguments.text not in {None, "-"}:
        return str(arguments.text)
    name = "standard input" if arguments.file is None else str(arguments.file)
    try:
        if arguments.file is None:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with arguments.file.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}", hint="check the path and its mode") from error
    if len(data) > MAX_BYTES:
        raise LimitError(f"{name} is larger than {MAX_BYTES:,} bytes", hint="check it in parts")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8: {error.reason} at byte {error.start}", hint="convert it, for example with iconv"
        ) from error


def _lines(decision: Decision) -> list[str]:
    verdict = decision.verdict
    lines = [f"{verdict.action.value}  (policy {verdict.policy}, {verdict.elapsed_us / 1000:.2f} ms)"]
    for reason in verdict.reasons:
        lines.append(f"  {reason.action.value:<6}  rule {reason.rule}, detector {reason.detector}")
        lines.append(f"          {_visible(reason.because)}")
    if 0 in decision.texts:
        lines += ["", _visible(decision.texts[0])]
    return lines


def _visible(text: str) -> str:
    """Returns the text with what a terminal would hide or obey written out as an escape."""
    return "".join(
        char.encode("unicode_escape").decode()
        if unicodedata.category(char) in _INVISIBLE and char not in "\n\t"
        else char
        for char in text
    )


def _show_policy(guard: Guard, *, as_json: bool) -> None:
    policy, uses = guard.policy, guard.book.uses
    if as_json:
        rules = [{**msgspec.to_builtins(rule), "uses": uses[rule.id]} for rule in policy.rules]
        print(json.dumps({**msgspec.to_builtins(policy), "rules": rules}, indent=2))
        return
    print(f"{policy.id}: {policy.title}\nwhen a detector fails: {policy.on_failure.value}")
    for rule in policy.rules:
        print(f"\n{rule.action.value:<6}  {rule.id}: {rule.why}")
        print(f"        when: {_conditions(rule)}")
        print(f"        uses: {_uses(rule, uses[rule.id])}")


def _uses(rule: Rule, detectors: tuple[str, ...]) -> str:
    if not detectors:
        unset = all(name.startswith("site.") for name in rule.detectors)
        return f"nothing, {'no threshold of the site is configured' if unset else 'all of it is switched off'}"
    left_out = f" without {', '.join(rule.except_detectors)}" if rule.except_detectors else ""
    return f"{', '.join(rule.detectors)}{left_out} (detectors: {len(detectors)})"


def _conditions(rule: Rule) -> str:
    trust = "" if rule.trusted is None else ("trusted" if rule.trusted else "untrusted")
    parts = [
        " or ".join(rule.directions),
        trust,
        f"role {' or '.join(rule.roles)}" if rule.roles else "",
        f"source {' or '.join(rule.sources)}" if rule.sources else "",
        f"source not {' or '.join(rule.except_sources)}" if rule.except_sources else "",
        f"score at least {rule.threshold}" if rule.threshold else "",
        f"if a detector fails: {rule.on_failure.value}" if rule.on_failure else "",
    ]
    return ", ".join(part for part in parts if part)


def _show_detectors(guard: Guard, *, as_json: bool) -> None:
    shown = [(plugin.meta, plugin.score) for plugin in guard.engine.detectors.values()]
    shown += [(meta, guard.site.least(name)) for name, meta in guard.site.metas.items()]
    shown.sort(key=lambda one: one[0].id)
    if as_json:
        print(json.dumps([{**msgspec.to_builtins(meta), "score": score} for meta, score in shown], indent=2))
        return
    width = max((len(meta.id) for meta, _ in shown), default=0)
    for meta, score in shown:
        print(f"{meta.id:<{width}}  {meta.severity.value:<8}  {score:.2f}  {meta.title}")
