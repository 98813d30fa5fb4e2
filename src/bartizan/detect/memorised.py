"""Private texts that a model must not recite: an index of what they say, and where an answer repeats it.

A text counts as memorised where an answer repeats 50 tokens of it in a row (Carlini et al., "Extracting Training Data
from Large Language Models", USENIX Security 2021; "Quantifying Memorization Across Neural Language Models", ICLR 2023).
The index holds 64-bit hashes of every shingle of 16 words and no text; whoever has it can test guesses, and no more.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bartizan.detect.sentences import Words, words
from bartizan.errors import InputError, LimitError

RUN = 50
"""Words in a row from which on an answer recites, as in the papers."""
_SHINGLE = 16
_MAGIC = b"bartizan memorised 1\n"
_HEADER = struct.Struct("<HQ")
_DIGEST = 32
_MAX_BYTES = 1 << 30


class Recital(NamedTuple):
    """A run of words of a known text: `text[start:end]`, of so many words."""

    start: int
    end: int
    words: int


@dataclass(frozen=True)
class Memorised:
    """An index of private texts.

    Attributes:
        hashes: The hashes of all shingles, in order.
    """

    hashes: array[int]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Memorised:
        """Builds the index of some texts; one of fewer than 16 words leaves nothing."""
        found = {value for text in texts for value in _hashes(words(text))}
        return cls(array("Q", sorted(found)))

    def recitals(self, answer: str, *, least: int = RUN) -> Iterator[Recital]:
        """Yields every run of at least so many words, 16 or more, that stands in a known text word for word."""
        spoken = words(answer)
        if len(spoken) < least:
            return
        known = [self._holds(value) for value in _hashes(spoken)]
        begin = None
        for at, is_known in enumerate([*known, False]):
            if is_known and begin is None:
                begin = at
            elif not is_known and begin is not None:
                last = at + _SHINGLE - 2
                if last - begin + 1 >= least:
                    yield Recital(spoken.places[begin][0], spoken.places[last][1], last - begin + 1)
                begin = None

    def save(self, path: Path) -> None:
        """Writes the index, with a digest, to a file that did not exist.

        Raises:
            InputError: The file exists or cannot be written.
        """
        body = _HEADER.pack(_SHINGLE, len(self.hashes)) + _little_endian(self.hashes).tobytes()
        try:
            with path.open("xb") as file:
                file.write(_MAGIC + body + hashlib.sha256(body).digest())
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror}", hint="give a new path") from error

    @classmethod
    def load(cls, path: Path) -> Memorised:
        """Reads an index; nothing in the file is run.

        Raises:
            InputError: It cannot be read, or is no index, or was changed.
            LimitError: It is larger than 1 GiB.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}", hint="check the path and its mode") from error
        if len(data) > _MAX_BYTES:
            raise LimitError(f"{path} is larger than {_MAX_BYTES:,} bytes", hint="split the texts over several indexes")
        body = data[len(_MAGIC) : -_DIGEST]
        is_whole = data.startswith(_MAGIC) and hashlib.sha256(body).digest() == data[-_DIGEST:]
        if not is_whole or len(body) < _HEADER.size:
            raise InputError(f"{path} is no index of texts, or was changed", hint="build it again with Memorised.of")
        size, count = _HEADER.unpack_from(body)
        if size != _SHINGLE or len(body) != _HEADER.size + 8 * count:
            raise InputError(f"{path} is an index of another version", hint="build it again with Memorised.of")
        hashes = array("Q")
        hashes.frombytes(body[_HEADER.size :])
        return cls(_little_endian(hashes))

    def _holds(self, value: int) -> bool:
        at = bisect_left(self.hashes, value)
        return at < len(self.hashes) and self.hashes[at] == value


def _hashes(spoken: Words) -> Iterator[int]:
    texts = spoken.texts
    for at in range(len(texts) - _SHINGLE + 1):
        shingle = " ".join(texts[at : at + _SHINGLE]).encode("utf-8", "replace")
        yield int.from_bytes(hashlib.blake2b(shingle, digest_size=8).digest(), "little")


def _little_endian(hashes: array[int]) -> array[int]:
    """Returns the hashes with the bytes of each in the order of a file, or back."""
    if sys.byteorder == "little":
        return hashes
    swapped = array("Q", hashes)
    swapped.byteswap()
    return swapped
