from __future__ import annotations

import msgspec

from bartizan.console.catalogue import catalogue, index, title_of


def test_the_catalogue_finds_every_shelf_by_the_rule_of_names() -> None:
    found = {(group.room, group.name) for group in catalogue()}
    expected = {("detect", "detectors"), ("scan", "formats"), ("discover", "sources")}
    expected |= {("attack", name) for name in ("probes", "mutators", "judges")}
    assert expected <= found


def test_every_plugin_is_there_once() -> None:
    entries = [entry for group in catalogue() for entry in group.entries]
    assert len(entries) == len(index())
    assert index()["pii.payment_card"].shelf == "detectors"
    assert title_of("pii.payment_card") == "Payment card number"
    assert title_of("gone.away") == "gone.away"


def test_the_catalogue_is_plain_data() -> None:
    assert msgspec.json.decode(msgspec.json.encode(catalogue()))
