from __future__ import annotations

import pytest

from bartizan.console.query import Query
from bartizan.core.severity import Severity
from bartizan.errors import InputError


def test_an_empty_value_is_no_filter() -> None:
    query = Query({"severity": "", "before": ""}, ("severity", "before"))
    assert query.choice("severity", Severity) is None
    assert query.number("before") is None
    assert query.where("severity") == {}


def test_values_are_read() -> None:
    query = Query({"severity": "high", "before": "12", "rule": "scan.pickle"}, ("severity", "before", "rule"))
    assert query.choice("severity", Severity) is Severity.HIGH
    assert query.number("before") == 12
    assert query.where("severity", "rule", "asset") == {"severity": "high", "rule": "scan.pickle"}


@pytest.mark.parametrize("value", ["0", "-1", "1e3", "٣", " 1", "1" * 19])
def test_what_is_no_number(value: str) -> None:
    with pytest.raises(InputError):
        Query({"before": value}, ("before",)).number("before")


def test_an_unknown_filter_names_the_nearest() -> None:
    with pytest.raises(InputError) as caught:
        Query({"sevrity": "high"}, ("severity", "state"))
    assert "severity" in caught.value.hint


def test_what_is_needed_must_be_there() -> None:
    with pytest.raises(InputError):
        Query({}, ("id",)).needed("id")
