"""Sessions: opaque ids in a cookie, kept here only as hashes, bounded in number, ended by time or log-out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import msgspec

MOST_SESSIONS = 1_000
_ID_BYTES = 32


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in.

    Attributes:
        principal: The id of the credential.
        name: What the credential is called.
        expires: When it ends, on the clock of `Sessions`.
        csrf: The token that every form of this session carries.
    """

    principal: str
    name: str
    expires: float
    csrf: str


class Sessions:
    """The sessions of one console; thread-safe. They live in memory, so a restart logs everybody out.

    Args:
        seconds: How long a session lasts from log-in.
        clock: Monotonic seconds.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, principal: str, name: str) -> str:
        """Starts a session and returns its id, which only the cookie holds. With too many, the oldest ends."""
        session_id = secrets.token_urlsafe(_ID_BYTES)
        session = Session(
            principal=principal,
            name=name,
            expires=self._clock() + self._seconds,
            csrf=secrets.token_urlsafe(_ID_BYTES),
        )
        with self._lock:
            while len(self._sessions) >= MOST_SESSIONS:
                self._sessions.popitem(last=False)
            self._sessions[_digest(session_id)] = session
        return session_id

    def get(self, session_id: str) -> Session | None:
        """Returns the session in force under this id, or None."""
        key = _digest(session_id)
        with self._lock:
            session = self._sessions.get(key)
            if session is not None and session.expires <= self._clock():
                del self._sessions[key]
                return None
        return session

    def close(self, session_id: str) -> None:
        """Ends a session."""
        with self._lock:
            self._sessions.pop(_digest(session_id), None)

    def close_all(self, principal: str) -> None:
        """Ends every session of a credential, which is what revoking it means."""
        with self._lock:
            for key in [key for key, session in self._sessions.items() if session.principal == principal]:
                del self._sessions[key]


class LoginForms:
    """Tokens for the one form that is sent before there is a session (OWASP: signed double submit).

    The cookie holds a random value, the form its HMAC under a key that only this process knows.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(_ID_BYTES)

    def value(self) -> str:
        """Returns a new random value for the cookie."""
        return secrets.token_urlsafe(_ID_BYTES)

    def token(self, value: str) -> str:
        """Returns the form's token for the cookie's value."""
        return hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()


def same(left: str, right: str) -> bool:
    """Whether two tokens are equal and not empty, in constant time."""
    return bool(left) and hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()
