"""Who may pass: API keys, checked against the ledger and remembered for a moment."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable

from bartizan.core.credential import Credential, Scope, identify, matches
from bartizan.errors import AuthError
from bartizan.store.ledger import Ledger

LIFETIME_SECONDS = 2.0
"""How long a verified key is remembered, which is how long a revoked one still passes."""
_MOST_REMEMBERED = 4096
_BEARER = b"bearer "


class KeyRing:
    """Checks API keys. What is remembered is a keyed hash of the key, never the key."""

    def __init__(self, ledger: Ledger, scope: Scope, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._scope = scope
        self._clock = clock
        self._pepper = secrets.token_bytes(32)
        self._known: dict[bytes, tuple[str, float]] = {}

    async def principal(self, authorization: bytes) -> str:
        """Returns the id of the credential that an Authorization header carries.

        Raises:
            AuthError: There is no key in it, or it is unknown, revoked or for something else. Which one is not said.
            StoreError: The ledger cannot be read.
        """
        if authorization[: len(_BEARER)].lower() != _BEARER:
            raise AuthError("no API key was given", hint="send it as `Authorization: Bearer KEY`")
        presented = authorization[len(_BEARER) :].strip()
        mark = hashlib.blake2b(presented, key=self._pepper, digest_size=16).digest()
        known = self._known.get(mark)
        if known is not None and known[1] > self._clock():
            return known[0]
        principal = await asyncio.to_thread(self._verify, presented)
        while len(self._known) >= _MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known.pop(mark, None)
        self._known[mark] = (principal, self._clock() + LIFETIME_SECONDS)
        return principal

    def _verify(self, presented: bytes) -> str:
        key = presented.decode("latin-1")
        claimed = identify(key)
        credential = self._ledger.get(Credential, claimed) if claimed else None
        if credential is None or not matches(credential, key) or not credential.allows(self._scope):
            raise AuthError("the API key is not valid", hint="`bartizan keys issue` makes one")
        return credential.id
