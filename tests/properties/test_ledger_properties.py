"""The ledger against the simplest model of it: a list of all versions, and a dictionary of the last ones."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.config import StoreConfig
from bartizan.core.event import Event
from bartizan.core.finding import Finding, FindingState
from bartizan.core.record import LedgerRecord
from bartizan.core.severity import Severity
from bartizan.store.ledger import Ledger, rebuild
from bartizan.store.verify import verify

names = st.sampled_from(["a", "b", "c", "d"])
events = st.builds(Event, id=names, activity=names, outcome=names, request=st.text(max_size=3))
findings = st.builds(
    Finding,
    id=names,
    rule=names,
    asset=names,
    title=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=5),
    severity=st.sampled_from(Severity),
    state=st.sampled_from(FindingState),
    run=st.none() | names,
)
groups = st.lists(st.lists(st.one_of(events, findings), min_size=1, max_size=5), max_size=8)


@settings(max_examples=40, deadline=None)
@given(groups=groups, reopen=st.sets(st.integers(0, 8)), every=st.integers(1, 6))
def test_the_ledger_answers_as_a_dictionary_would(
    groups: list[list[LedgerRecord]], reopen: set[int], every: int
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, config = Path(place), StoreConfig(checkpoint_every=every)
        ledger = Ledger.open(folder, config)
        for number, group in enumerate(groups):
            ledger.append(*group)
            if number in reopen:
                ledger.close()
                ledger = Ledger.open(folder, config)
        ledger.close()
        every_version = [record for group in groups for record in group]
        check(folder, every_version)
        rebuild(folder)
        check(folder, every_version)


def check(folder: Path, every_version: list[LedgerRecord]) -> None:
    """Compares all that the ledger answers with the model."""
    latest: dict[tuple[type[LedgerRecord], str], tuple[int, LedgerRecord]] = {}
    for sequence, record in enumerate(every_version, start=1):
        latest[type(record), record.id] = (sequence, record)
    current = sorted(latest.values(), key=lambda pair: -pair[0])
    with Ledger.open(folder) as ledger:
        assert [entry.record for entry in ledger.entries()] == every_version
        for kind, field in ((Event, "outcome"), (Event, "request"), (Finding, "severity"), (Finding, "title")):
            mine = [(sequence, record) for sequence, record in current if type(record) is kind]
            assert [(entry.sequence, entry.record) for entry in ledger.find(kind)] == mine
            values = [str(getattr(record, field)) for _, record in mine]
            assert ledger.tally(kind, field) == {value: values.count(value) for value in values}
            for value in set(values):
                assert ledger.count(kind, {field: value}) == values.count(value)
                found = ledger.find(kind, {field: value}, limit=1)
                assert found[0].record == next(record for _, record in mine if str(getattr(record, field)) == value)
        for (cls, identity), (_, record) in latest.items():
            assert ledger.get(cls, identity) == record
    assert verify(folder).ok
