"""Records: every kind survives the ledger's encoding, and nothing unknown slips in."""

import inspect

import msgspec
import pytest

from bartizan.core.asset import Asset, AssetKind, Link, Relation, asset_id
from bartizan.core.finding import Finding, finding_id
from bartizan.core.record import LedgerRecord, kind_of, kinds
from bartizan.core.severity import Severity

EXPECTED = {"asset", "finding", "run", "attempt", "verdict", "event", "alert", "incident", "control", "evidence"}


def test_every_noun_of_the_plan_is_a_kind() -> None:
    assert set(kinds()) >= EXPECTED
    assert all(kind_of(record) == kind for kind, record in kinds().items())


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_records_are_frozen_keyword_only_and_closed(kind: str) -> None:
    configuration = kinds()[kind].__struct_config__
    assert configuration.frozen
    assert all(p.kind is p.KEYWORD_ONLY for p in inspect.signature(kinds()[kind]).parameters.values())
    assert configuration.forbid_unknown_fields
    assert configuration.tag == kind


def test_a_record_survives_json() -> None:
    model = asset_id(AssetKind.MODEL, "m.pkl")
    asset = Asset(
        id=model,
        kind=AssetKind.MODEL,
        name="m",
        locator="m.pkl",
        source="scan.pickle",
        links=(Link(relation=Relation.READS, target="dataset:x~0"),),
    )
    finding = Finding(
        id=finding_id("scan.pickle", model), rule="scan.pickle", asset=model, title="t", severity=Severity.HIGH
    )
    for record in (asset, finding):
        data = msgspec.json.encode(record)
        assert msgspec.json.decode(data, type=type(record)) == record


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"record":"event","id":"e","activity":"a","outcome":"ok","x":1}', type=kinds()["event"])


def test_kinds_are_declared_not_derived_from_class_names() -> None:
    assert all(kind == kind.lower() for kind in kinds())
    assert kind_of(LedgerRecord) not in kinds()
