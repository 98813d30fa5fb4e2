"""The filters in a page's address: read strictly, so that garbage is a clear 400 and never an unfiltered list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from starlette.exceptions import HTTPException

from bartizan.errors import InputError
from bartizan.registry import nearest

E = TypeVar("E", bound=StrEnum)
_LONGEST = 300
_NUMBER = re.compile(r"[1-9]\d{0,17}")


class Query:
    """The filters of one visit.

    Args:
        values: The parameters as they came.
        known: The parameters that the page understands.

    Raises:
        InputError: A parameter is unknown or too long.
    """

    def __init__(self, values: Mapping[str, str], known: tuple[str, ...]) -> None:
        for name, value in values.items():
            if name not in known:
                raise InputError(f"this page has no filter {name[:40]!r}", hint=nearest(name[:40], list(known)))
            if len(value) > _LONGEST:
                raise InputError(f"the filter {name} is too long", hint=f"at most {_LONGEST} characters")
        self._values = {name: value for name, value in values.items() if value}

    def text(self, name: str) -> str:
        """Returns the value as it came; empty where there is none."""
        return self._values.get(name, "")

    def choice(self, name: str, kind: type[E]) -> E | None:
        """Returns the value as a member of `kind`, None where there is none.

        Raises:
            InputError: It is not a member.
        """
        value = self._values.get(name)
        if value is None:
            return None
        if value not in set(kind):
            raise InputError(
                f"{name} cannot be {value[:40]!r}", hint=nearest(value[:40], [member.value for member in kind])
            )
        return kind(value)

    def number(self, name: str) -> int | None:
        """Returns the value as a whole number from 1, None where there is none.

        Raises:
            InputError: It is not such a number.
        """
        value = self._values.get(name)
        if value is not None and not _NUMBER.fullmatch(value):
            raise InputError(f"{name} cannot be {value[:40]!r}", hint="it is a whole number from 1")
        return None if value is None else int(value)

    def needed(self, name: str) -> str:
        """Returns the value of a parameter without which there is nothing to show.

        Raises:
            InputError: It is missing.
        """
        if name not in self._values:
            raise InputError(f"the address lacks ?{name}=", hint="follow a link from a list rather than typing it")
        return self._values[name]

    def where(self, *names: str) -> dict[str, str | int]:
        """Returns the parameters that are given, as the ledger takes them."""
        return {name: self._values[name] for name in names if name in self._values}


def missing(what: str, record_id: str) -> HTTPException:
    """Returns the 404 for a record that the ledger does not have."""
    return HTTPException(404, f"The ledger has no {what} {record_id[:120]}.")
