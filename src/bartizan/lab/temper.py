"""How weak the simulated model is, and whether it gives in this time."""

from __future__ import annotations

import hashlib
from functools import cache
from math import prod

import msgspec

from bartizan.core.segment import Role
from bartizan.lab.instruct import Instruction, Intent
from bartizan.lab.world import read_data


class Temper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A set of weaknesses.

    Attributes:
        sways: The chance that each technique alone sways the model.
        understands: The chance that it reads each disguise.
        filter: Phrases that are refused where they stand in the clear.
    """

    sways: dict[str, float]
    understands: dict[str, float]
    filter: tuple[str, ...] = ()

    def chance(self, instruction: Instruction) -> float:
        """Returns how likely the model is to obey an instruction that it should not obey."""
        techniques = set(instruction.signs) - {"decode"}
        if instruction.disguise:
            techniques.add("disguise")
        if instruction.role in {Role.DOCUMENT, Role.TOOL}:
            techniques.add(instruction.role.value)
        swayed = 1 - prod(1 - self.sways.get(technique, 0.0) for technique in techniques)
        return swayed * self.understands.get(instruction.disguise, 1.0)

    def filters(self, text: str) -> bool:
        """Whether a text holds a filtered phrase in the clear."""
        lowered = text.lower()
        return any(phrase in lowered for phrase in self.filter)


class _Tempers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    plain: Temper
    strict: Temper


@cache
def temper(*, strict: bool) -> Temper:
    """Returns the weaknesses of a plain or a strict application."""
    tempers = msgspec.toml.decode(read_data("temper.toml"), type=_Tempers)
    return tempers.strict if strict else tempers.plain


def forbidden(instruction: Instruction, *, kind: str) -> bool:
    """Whether an assistant should not obey: it gives its secret away, changes its role, or comes from content."""
    if instruction.intent is Intent.REVEAL or instruction.role is not Role.USER:
        return True
    if instruction.intent is Intent.SAY:
        return bool(instruction.signs & {"override", "persona", "authority", "prefix"} or instruction.disguise)
    return kind != "agent"


def draw(*parts: str) -> float:
    """Returns a number in [0, 1) that is the same for the same parts: the lab's only chance."""
    hashed = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(hashed[:8], "big") / 2**64
