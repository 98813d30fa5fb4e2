"""What a mutator is: a way to disguise a payload so that filters do not see what the model still reads."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

from bartizan.attack import mutators
from bartizan.errors import PluginError
from bartizan.registry import Meta, Shelf, scan


@dataclass(frozen=True, kw_only=True)
class Mutator(ABC):
    """The base of all mutators. The same payload and seed give the same disguise."""

    meta: ClassVar[Meta]

    @final
    def __call__(self, payload: str, *, seed: str = "") -> str:
        """Returns the disguised payload.

        Raises:
            PluginError: The mutator left nothing.
        """
        mutated = self.apply(payload, random.Random(f"{self.meta.id}\x1f{seed}"))  # noqa: S311  (a plan, not a secret)
        if not mutated.strip() and payload.strip():
            raise PluginError(f"the mutator {self.meta.id} left nothing of its payload")
        return mutated

    @abstractmethod
    def apply(self, payload: str, chance: random.Random) -> str:
        """Returns the disguised payload, with the frame that tells the model how to read it."""


def shelf() -> Shelf[Mutator]:
    """Returns every mutator by its id."""
    return scan(mutators, Mutator)  # type: ignore[type-abstract]
