"""The keys of a first start: made where there are none in force, shown once."""

from __future__ import annotations

from collections.abc import Iterable

from bartizan.core.credential import Credential, Scope, issue
from bartizan.store.ledger import Ledger

_MOST_KEYS = 1000
"""How many credentials are looked through for one that is in force, the newest first."""


def first_keys(ledger: Ledger, scopes: Iterable[Scope]) -> dict[Scope, str]:
    """Makes a key for each scope that has none in force.

    Returns:
        The new keys in clear, by scope; they are durable and kept only as hashes.
    """
    known = [entry.record for entry in ledger.find(Credential, limit=_MOST_KEYS)]
    made: dict[Scope, str] = {}
    for scope in scopes:
        if not any(credential.allows(scope) for credential in known):
            record, made[scope] = issue(f"first {scope} key", scope)
            ledger.append(record).wait()
    return made
