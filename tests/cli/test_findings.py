"""SARIF against what the standard demands of a log."""

from __future__ import annotations

from bartizan.cli._findings import sarif
from bartizan.core.asset import Asset, AssetKind
from bartizan.core.finding import Finding, Location, Skip
from bartizan.core.severity import Severity

ASSET = Asset(id="model:a~1", kind=AssetKind.MODEL, name="a", locator="dir/a b.pkl", source="scan.pickle")
FINDINGS = [
    Finding(
        id="finding:one",
        rule="scan.pickle",
        asset=ASSET.id,
        title="would call",
        severity=Severity.CRITICAL,
        location=Location(path="dir/a b.pkl", offset=12, member="data.pkl"),
        evidence=("at byte 12",),
        remediation="Do not load it.",
        tags=("owasp-llm:2026:LLM04", "cwe:4:CWE-502"),
    ),
    Finding(id="finding:two", rule="injection.direct", asset="endpoint:x", title="obeys", severity=Severity.LOW),
    Finding(
        id="finding:three",
        rule="scan.pickle",
        asset=ASSET.id,
        title="needs code",
        severity=Severity.MEDIUM,
        location=Location(path="app.py", line=3),
    ),
]
LOG = sarif(FINDINGS, [ASSET], [Skip(subject="b.pt", reason="too large")])
RUN = LOG["runs"][0]


def test_the_log_names_its_version_and_schema() -> None:
    assert LOG["version"] == "2.1.0"
    assert LOG["$schema"].endswith("sarif-schema-2.1.0.json")


def test_each_result_points_at_its_rule() -> None:
    rules = RUN["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["injection.direct", "scan.pickle"]
    for result in RUN["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_fingerprints_are_the_ids_of_findings() -> None:
    assert [result["partialFingerprints"]["bartizanFinding/v1"] for result in RUN["results"]] == [
        finding.id for finding in FINDINGS
    ]


def test_levels_are_those_of_the_standard() -> None:
    assert [result["level"] for result in RUN["results"]] == ["error", "note", "warning"]


def test_locations_are_addresses_with_offset_line_and_member() -> None:
    first, second, third = [result["locations"][0] for result in RUN["results"]]
    assert first["physicalLocation"]["artifactLocation"]["uri"] == "dir/a%20b.pkl"
    assert first["physicalLocation"]["region"]["byteOffset"] == 12
    assert first["logicalLocations"][1]["fullyQualifiedName"] == "dir/a b.pkl!data.pkl"
    assert "physicalLocation" not in second
    assert third["physicalLocation"]["region"] == {"startLine": 3}


def test_every_tag_is_an_entry_of_a_taxonomy_in_the_log() -> None:
    known = {(taxonomy["name"], taxon["id"]) for taxonomy in RUN["taxonomies"] for taxon in taxonomy["taxa"]}
    for result in RUN["results"]:
        for taxon in result.get("taxa", []):
            assert (taxon["toolComponent"]["name"], taxon["id"]) in known
    assert ("cwe:4", "CWE-502") in known


def test_skips_are_notifications() -> None:
    notes = RUN["invocations"][0]["toolExecutionNotifications"]
    assert [note["message"]["text"] for note in notes] == ["not examined: b.pt: too large"]


def test_a_log_without_findings_is_a_log() -> None:
    empty = sarif([], [])
    assert empty["runs"][0]["results"] == []
    assert "taxonomies" not in empty["runs"][0]
