"""How findings, assets and skips are shown: a table for people, JSON for programs, SARIF for code hosts."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bartizan import __version__
from bartizan.cli._terminal import printable, showing
from bartizan.config import Config, load
from bartizan.core.asset import Asset
from bartizan.core.finding import Finding, Location, Skip
from bartizan.core.severity import Severity
from bartizan.core.taxonomy import Tag, parse_tag
from bartizan.errors import InputError
from bartizan.jobs.harvest import Harvest
from bartizan.jobs.progress import Progress, Step
from bartizan.store.ledger import Ledger

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FORMATS = ("table", "json", "sarif")
Job = Callable[[Config, Ledger | None, Progress], Harvest]
_MOST_ROWS = 200
_MOST_SKIPS = 40
_STYLE: Mapping[Severity, str] = MappingProxyType(
    {
        Severity.INFO: "dim",
        Severity.LOW: "cyan",
        Severity.MEDIUM: "yellow",
        Severity.HIGH: "red",
        Severity.CRITICAL: "bold white on red",
    }
)
_VERDICT_STYLE: Mapping[str, str] = MappingProxyType(
    {"clean": "green", "unscanned": "magenta", "unknown-code": "yellow"}
)
_LEVEL: Mapping[Severity, str] = MappingProxyType(
    {
        Severity.INFO: "note",
        Severity.LOW: "note",
        Severity.MEDIUM: "warning",
        Severity.HIGH: "error",
        Severity.CRITICAL: "error",
    }
)
_SCORE: Mapping[Severity, str] = MappingProxyType(
    {
        Severity.INFO: "0.0",
        Severity.LOW: "3.0",
        Severity.MEDIUM: "5.5",
        Severity.HIGH: "8.0",
        Severity.CRITICAL: "9.5",
    }
)
"""The number that code hosts sort by (`security-severity`), in the CVSS range of each step."""


def sarif(findings: Sequence[Finding], assets: Iterable[Asset], skips: Iterable[Skip] = ()) -> dict[str, Any]:
    """Returns findings as a SARIF 2.1.0 log (OASIS Standard, 27 March 2020, with errata 01).

    A rule is a plugin id; a result's fingerprint is the finding's id, so that a finding found again is recognised. What
    was skipped stands among the invocation's notifications, because it must never be read as clean.

    Args:
        findings: What was found; every tag of theirs becomes a taxonomy entry.
        assets: The assets that the findings speak of; others are ignored.
        skips: What was not examined.
    """
    by_id = {asset.id: asset for asset in assets}
    rules = sorted({finding.rule for finding in findings})
    tags = sorted({tag for finding in findings for tag in finding.tags})
    taxonomies = _taxonomies([parse_tag(tag) for tag in tags])
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Bartizan",
                "semanticVersion": __version__,
                "rules": [_rule(rule, findings) for rule in rules],
                "supportedTaxonomies": [
                    {"name": taxonomy["name"], "index": index} for index, taxonomy in enumerate(taxonomies)
                ],
            }
        },
        "invocations": [_invocation(skips)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules.index(finding.rule), by_id.get(finding.asset)) for finding in findings],
    }
    if taxonomies:
        run["taxonomies"] = taxonomies
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def plain(findings: Sequence[Finding], assets: Sequence[Asset], skips: Sequence[Skip]) -> dict[str, Any]:
    """Returns the three as one JSON-ready value."""
    return {
        "assets": msgspec.to_builtins(assets),
        "findings": msgspec.to_builtins(findings),
        "skips": msgspec.to_builtins(skips),
    }


def _taxonomies(tags: Sequence[Tag]) -> list[dict[str, Any]]:
    grouped: dict[tuple[str, str], list[Tag]] = {}
    for tag in tags:
        grouped.setdefault((tag.framework, tag.edition), []).append(tag)
    return [
        {
            "name": f"{framework}:{edition}",
            "version": edition,
            "organization": framework.partition("-")[0].upper(),
            "shortDescription": {"text": f"{framework} in its edition {edition}"},
            "taxa": [{"id": tag.entry, "name": tag.title} for tag in members],
        }
        for (framework, edition), members in sorted(grouped.items())
    ]


def _rule(rule: str, findings: Sequence[Finding]) -> dict[str, Any]:
    mine = [finding for finding in findings if finding.rule == rule]
    worst = max((finding.severity for finding in mine), key=lambda severity: severity.rank)
    tags = sorted({tag for finding in mine for tag in finding.tags})
    entry: dict[str, Any] = {
        "id": rule,
        "name": "".join(part.capitalize() for part in rule.replace(".", "_").replace("-", "_").split("_")),
        "shortDescription": {"text": f"Bartizan rule {rule}"},
        "defaultConfiguration": {"level": _LEVEL[worst]},
        "properties": {"security-severity": _SCORE[worst], "tags": ["security", *tags]},
    }
    if tags:
        entry["relationships"] = [{"target": _reference(parse_tag(tag)), "kinds": ["relevant"]} for tag in tags]
    return entry


def _reference(tag: Tag) -> dict[str, Any]:
    return {"id": tag.entry, "toolComponent": {"name": f"{tag.framework}:{tag.edition}"}}


def _result(finding: Finding, rule_index: int, asset: Asset | None) -> dict[str, Any]:
    lines = [finding.title, *finding.evidence]
    if finding.remediation:
        lines.append(f"What to do: {finding.remediation}")
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": _LEVEL[finding.severity],
        "message": {"text": "\n".join(lines)},
        "locations": [_location(finding.location, asset)],
        "partialFingerprints": {"bartizanFinding/v1": finding.id},
        "properties": {
            "severity": finding.severity.value,
            "asset": finding.asset,
            "security-severity": _SCORE[finding.severity],
        },
    }
    if finding.tags:
        result["taxa"] = [_reference(parse_tag(tag)) for tag in finding.tags]
    return result


def _location(location: Location | None, asset: Asset | None) -> dict[str, Any]:
    path = location.path if location else (asset.locator if asset else "")
    place: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": asset.id if asset else path or "unknown"}]}
    if not path:
        return place
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(path)}}
    if location and location.line is not None:
        physical["region"] = {"startLine": max(1, location.line)}
    elif location and location.offset is not None:
        physical["region"] = {"byteOffset": max(0, location.offset), "byteLength": 0}
    place["physicalLocation"] = physical
    if location and location.member:
        place["logicalLocations"].append({"fullyQualifiedName": f"{path}!{location.member}", "kind": "member"})
    return place


def _uri(path: str) -> str:
    return path if "://" in path else quote(path, errors="surrogateescape", safe="/:@!$&'()*+,;=~-._")


def _invocation(skips: Iterable[Skip]) -> dict[str, Any]:
    notes = [
        {"level": "warning", "message": {"text": f"not examined: {skip.subject}: {skip.reason}"}} for skip in skips
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}


def add_output_arguments(parser: ArgumentParser) -> None:
    """Declares what `scan` and `discover` have in common."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a file or a folder")
    parser.add_argument("--format", choices=FORMATS, default="table", help="how to show it (default: table)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there instead of to the terminal")
    parser.add_argument(
        "--state", metavar="DIR", help="the state folder with the ledger (default: state of the configuration)"
    )
    parser.add_argument("--no-ledger", action="store_true", help="append nothing to the ledger")


def run_job(arguments: Namespace, job: Job) -> Harvest:
    """Runs a job with the ledger that the arguments ask for, and shows its progress on a terminal.

    Raises:
        BartizanError: The path, the configuration or the ledger cannot be used.
    """
    config = load(arguments.config, flags={"state": arguments.state}).config
    with ExitStack() as stack:
        ledger = None
        if not arguments.no_ledger:
            ledger = stack.enter_context(Ledger.open(Path(config.state), config.store))
        progress = stack.enter_context(showing("looking ...", _step))
        return job(config, ledger, progress)


def show(arguments: Namespace, harvest: Harvest) -> None:
    """Prints or writes what a job brought in.

    Raises:
        InputError: The output file cannot be written.
    """
    if arguments.format == "json":
        text = json.dumps(plain(harvest.findings, harvest.assets, harvest.skips), indent=2)
    elif arguments.format == "sarif":
        text = json.dumps(sarif(harvest.findings, harvest.assets, harvest.skips), indent=2)
    else:
        text = table(harvest, width=None if arguments.output is None else 120)
    if arguments.output is None:
        print(text)
        return
    try:
        arguments.output.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{arguments.output} cannot be written: {error.strerror}", hint="check the folder") from error
    print(f"written to {arguments.output}: {summary(harvest)}")


def table(harvest: Harvest, *, width: int | None = None) -> str:
    """Returns a harvest as text for people: assets, findings from the worst to the mildest, and what was skipped."""
    console = Console(
        width=width, highlight=False, file=StringIO(), force_terminal=sys.stdout.isatty() and width is None
    )
    if harvest.assets:
        console.print(_assets_table(harvest.assets))
    ranked = sorted(harvest.findings, key=lambda finding: (-finding.severity.rank, finding.asset, finding.title))
    if ranked:
        console.print(_findings_table(ranked))
    if harvest.skips:
        console.print(_skips_table(harvest))
    console.print(Text(summary(harvest), style="bold"))
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue().rstrip("\n")


def summary(harvest: Harvest) -> str:
    """Returns the counts in one line; what was skipped is always in it."""
    counts = [f"{harvest.severities[step]} {step.value}" for step in reversed(Severity) if step in harvest.severities]
    findings = ", ".join(counts) or "no findings"
    return f"{_count(len(harvest.assets), 'asset')}: {findings}; {harvest.skipped} not examined"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _assets_table(assets: Sequence[Asset]) -> Table:
    shown = Table(box=SIMPLE_HEAD, title="Assets", title_justify="left")
    shown.add_column("kind", no_wrap=True)
    shown.add_column("name", overflow="fold")
    shown.add_column("what is known", overflow="fold")
    shown.add_column("where", overflow="fold")
    for asset in assets[:_MOST_ROWS]:
        where = ", ".join(asset.places[:3]) + (f" and {len(asset.places) - 3} more" if len(asset.places) > 3 else "")
        shown.add_row(asset.kind.value, Text(printable(asset.name)), _known(asset), Text(printable(where)))
    if len(assets) > _MOST_ROWS:
        shown.caption = f"and {len(assets) - _MOST_ROWS} more; --format json lists all"
    return shown


def _known(asset: Asset) -> Text:
    verdict = asset.attributes.get("verdict", "")
    text = Text(verdict, style=_VERDICT_STYLE.get(verdict, "red") if verdict else "")
    for key in ("format", "provider", "role", "version", "transport", "environment", "third_party", "assets"):
        if key in asset.attributes:
            text.append(
                f"{', ' if text else ''}{key.replace('_', ' ')} {printable(asset.attributes[key])}", style="default"
            )
    return text


def _findings_table(findings: Sequence[Finding]) -> Table:
    shown = Table(box=SIMPLE_HEAD, title="Findings", title_justify="left")
    shown.add_column("severity", no_wrap=True)
    shown.add_column("what", overflow="fold", ratio=3)
    shown.add_column("where", overflow="fold", ratio=2)
    for finding in findings[:_MOST_ROWS]:
        severity = Text(finding.severity.value, style=_STYLE[finding.severity])
        shown.add_row(severity, Text(printable(finding.title)), Text(printable(_where(finding))))
    if len(findings) > _MOST_ROWS:
        shown.caption = f"and {len(findings) - _MOST_ROWS} more; --format json lists all"
    return shown


def _where(finding: Finding) -> str:
    location = finding.location
    if location is None:
        return finding.asset
    place = f"{location.path}!{location.member}" if location.member else location.path
    if location.line is not None:
        return f"{place}:{location.line}"
    return f"{place} at byte {location.offset}" if location.offset is not None else place


def _skips_table(harvest: Harvest) -> Table:
    shown = Table(box=SIMPLE_HEAD, title="Not examined, which is not the same as clean", title_justify="left")
    shown.add_column("what", overflow="fold")
    shown.add_column("why", overflow="fold")
    for skip in harvest.skips[:_MOST_SKIPS]:
        shown.add_row(Text(printable(skip.subject)), Text(printable(skip.reason)))
    if harvest.skipped > _MOST_SKIPS:
        shown.caption = f"and {harvest.skipped - _MOST_SKIPS} more; --format json lists them"
    return shown


def _step(step: Step) -> str:
    return f"{step.job}: {step.done} {printable(step.note[-60:])}"
