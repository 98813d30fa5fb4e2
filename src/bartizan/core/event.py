"""Events: what happened; alerts: what looked wrong; incidents: what people work on."""

from __future__ import annotations

from enum import StrEnum

from bartizan.core.record import LedgerRecord
from bartizan.core.severity import Severity


class Event(LedgerRecord, frozen=True, kw_only=True, tag="event"):
    """Something that happened.

    Attributes:
        activity: What, as room.verb, such as `gateway.chat` or `console.login`.
        principal: Who did it: the id of a credential, never the credential.
        outcome: How it ended: `ok`, `blocked`, `denied`, `failed`.
        request: The request's id, where there was one.
        status: The HTTP status that the client saw, where there was one.
        attributes: Facts, named after OpenTelemetry's GenAI conventions where they have a name.
    """

    activity: str
    outcome: str
    principal: str = ""
    request: str = ""
    status: int | None = None
    attributes: dict[str, str | int | float | bool] = {}


class Alert(LedgerRecord, frozen=True, kw_only=True, tag="alert"):
    """Something that looked wrong: what watched, how bad, and the ids of the records that made it."""

    watcher: str
    title: str
    severity: Severity
    records: tuple[str, ...] = ()


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    CONTAINED = "contained"
    CLOSED = "closed"


class Incident(LedgerRecord, frozen=True, kw_only=True, tag="incident"):
    """What people work on: alerts and findings that belong together."""

    title: str
    severity: Severity
    state: IncidentState = IncidentState.OPEN
    alerts: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
