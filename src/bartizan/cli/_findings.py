"""How findings, assets and skips are shown: a table for people, JSON for programs, SARIF for code hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from bartizan import __version__
from bartizan.core.asset import Asset
from bartizan.core.finding import Finding, Location, Skip
from bartizan.core.severity import Severity
from bartizan.core.taxonomy import Tag, parse_tag

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: Mapping[Severity, str] = {
    Severity.INFO: "note",
    Severity.LOW: "note",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}
_SCORE: Mapping[Severity, str] = {
    Severity.INFO: "0.0",
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
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
    return path if "://" in path else quote(path, safe="/:@!$&'()*+,;=~-._")


def _invocation(skips: Iterable[Skip]) -> dict[str, Any]:
    notes = [
        {"level": "warning", "message": {"text": f"not examined: {skip.subject}: {skip.reason}"}} for skip in skips
    ]
    return {"executionSuccessful": True, "toolExecutionNotifications": notes}
