"""What the numbers of the stages mean: one record, made by training, that turns them into scores."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from bartizan.detect.models.encoder import HERE

_STEEPEST: Final = 40.0


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log odds of a head: `encoder * its log odds + linear * those of the linear stage + offset`.

    They are set so that 0.5 and 0.85 stand for stated shares of false alarms on ordinary traffic, not for a share of
    attacks among texts, which nobody knows.
    """

    encoder: float
    linear: float
    offset: float


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that training found out about the stages.

    Attributes:
        heads: The encoder's outputs, in their order.
        views: The linear head that stands before each of the encoder's.
        curves: How a head's log odds are made of both stages.
        alone: The same where there is no encoder.
        clear: By linear head, the log odds below which a text is cleared without the encoder.
        clear_limited: The same for a user's turn where the operator has set limits that it may run against.
    """

    heads: tuple[str, ...]
    views: dict[str, str]
    curves: dict[str, Curve]
    alone: dict[str, Curve]
    clear: dict[str, float]
    clear_limited: float

    @classmethod
    def load(cls) -> Calibration:
        """Reads the record that ships with the package.

        Raises:
            OSError: It is missing.
            msgspec.DecodeError: It is damaged.
        """
        return msgspec.json.decode((HERE / "calibration.json").read_bytes(), type=cls)


def score(log_odds: float) -> float:
    """Returns log odds as a score from 0 to 1."""
    return 1 / (1 + math.exp(-max(-_STEEPEST, min(_STEEPEST, log_odds))))
