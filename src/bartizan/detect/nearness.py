"""Names that are one slip away from well-known ones: how squatters name packages and domains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

_SHORTEST = 5
_SURE = 6
"""In names shorter than this, another letter makes another word; only swapped and doubled letters are slips."""
_LOOKS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("3", "e"), ("5", "s"), ("7", "t"), ("4", "a"))


@dataclass(frozen=True)
class Names:
    """Well-known names.

    Attributes:
        known: The names, in small letters.
    """

    known: Collection[str]

    @cached_property
    def _without(self) -> Mapping[str, frozenset[str]]:
        """The names by what is left of them without one letter, and by themselves (Garbe's symmetric deletion)."""
        found: dict[str, set[str]] = defaultdict(set)
        for name in self.known:
            if len(name) >= _SHORTEST:
                for rest in (name, *_deletions(name)):
                    found[rest].add(name)
        return {rest: frozenset(names) for rest, names in found.items()}

    def meant(self, name: str) -> str | None:
        """Returns the well-known name that another one is a slip or a look-alike of; None where it is none."""
        if name in self.known:
            return None
        for look in _lookalikes(name):
            if look in self.known and len(look) >= _SHORTEST:
                return look
        near = {one for rest in (name, *_deletions(name)) for one in self._without.get(rest, ())}
        return min((one for one in near if _is_slip(name, one)), default=None)


def _deletions(name: str) -> Iterator[str]:
    for at in range(len(name)):
        yield name[:at] + name[at + 1 :]


def _lookalikes(name: str) -> Iterator[str]:
    for written, meant in _LOOKS:
        at = name.find(written)
        while at >= 0:
            yield name[:at] + meant + name[at + len(written) :]
            at = name.find(written, at + 1)
    folded = name
    for written, meant in _LOOKS[3:]:
        folded = folded.replace(written, meant)
    if folded != name:
        yield folded


def _is_slip(name: str, known: str) -> bool:
    """Whether two names differ by one letter more, less, other or swapped with its neighbour."""
    if len(name) == len(known):
        places = [at for at in range(len(name)) if name[at] != known[at]]
        if len(places) == 1:
            return len(known) >= _SURE and name[places[0]].isalnum() and not name[places[0]].isdigit()
        swapped = len(places) == 2 and places[1] == places[0] + 1
        return swapped and name[places[0]] == known[places[1]] and name[places[1]] == known[places[0]]
    longer, shorter = (name, known) if len(name) > len(known) else (known, name)
    if len(longer) != len(shorter) + 1:
        return False
    at = next((at for at in range(len(shorter)) if longer[at] != shorter[at]), len(shorter))
    if longer[at + 1 :] != shorter[at:]:
        return False
    is_doubled = at > 0 and longer[at] == longer[at - 1]
    return is_doubled or (len(known) >= _SURE and longer[at].isalpha())
