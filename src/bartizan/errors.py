"""The exception tree of Bartizan and the exit codes of its commands.

    BartizanError               every error that Bartizan raises on purpose
      ConfigError               the configuration file, an environment variable or a flag is wrong
      PluginError               a plugin on a shelf is malformed or its id is taken
      MissingExtra              an optional dependency is not installed (also an ImportError)
      InputError                an artefact or a request cannot be read; engines turn it into a finding
      LimitError                an input is larger, deeper or slower than the limit set for it
      AuthError                 a credential is missing, wrong, expired or lacks the scope
      TargetError               the other side of a connection misbehaved
      StoreError                the ledger cannot be read or written
      PolicyError               a guard policy or rule is wrong

Each error says what happened, whose fault it was, and what to do next. Libraries raise, edges translate once:
the command line into an exit code, the gateway into a status and an error object.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

EXIT_CLEAN = 0
"""Nothing was found."""
EXIT_FOUND = 1
"""At least one finding, or a verdict that is not allow."""
EXIT_BROKEN = 2
"""The command could not do its job."""


class Fault(StrEnum):
    """Whose fault an error is; h11's local and remote split, with the operator between."""

    OURS = "ours"
    CALLER = "caller"
    OPERATOR = "operator"
    UPSTREAM = "upstream"


class BartizanError(Exception):
    """An error with a hint.

    Args:
        message: What happened, in one sentence, without secrets.
        hint: What the reader can do about it.
    """

    fault: ClassVar[Fault] = Fault.OURS

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def explain(self) -> str:
        """Returns the message and, where there is one, the hint on a line of its own."""
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class ConfigError(BartizanError):
    """The configuration file, an environment variable or a flag is wrong."""

    fault = Fault.OPERATOR


class PluginError(BartizanError):
    """A plugin on a shelf is malformed or its id is taken."""


class MissingExtra(BartizanError, ImportError):  # noqa: N818  (reads as what it is: a missing extra)
    """An optional dependency is not installed."""

    fault = Fault.OPERATOR


class InputError(BartizanError):
    """An artefact or a request cannot be read."""

    fault = Fault.CALLER


class LimitError(InputError):
    """An input is larger, deeper or slower than the limit set for it."""


class AuthError(BartizanError):
    """A credential is missing, wrong, expired or lacks the scope."""

    fault = Fault.CALLER


class TargetError(BartizanError):
    """The other side of a connection misbehaved: refused, timed out, or answered with garbage."""

    fault = Fault.UPSTREAM


class StoreError(BartizanError):
    """The ledger cannot be read or written."""

    fault = Fault.OPERATOR


class PolicyError(BartizanError):
    """A guard policy or rule is wrong."""

    fault = Fault.OPERATOR
