"""Controls: what a framework asks; evidence: what proves it, until what it was measured on changes."""

from __future__ import annotations

from datetime import datetime

from bartizan.core.record import LedgerRecord


class Control(LedgerRecord, frozen=True, kw_only=True, tag="control"):
    """A demand of one edition of a framework, which taxonomy tags point at."""

    tag: str
    title: str
    asks: str


class Evidence(LedgerRecord, frozen=True, kw_only=True, tag="evidence"):
    """What proves that a control holds: the records behind it, and the hash of what they were measured on."""

    control: str
    records: tuple[str, ...]
    measured_on: str
    expires: datetime | None = None
