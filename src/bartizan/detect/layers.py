"""All that the normaliser undoes, in one list."""

from __future__ import annotations

from bartizan.detect.codes import CODES
from bartizan.detect.encodings import ENCODINGS, Encoding
from bartizan.detect.lettering import LETTERINGS
from bartizan.detect.markup import MARKUPS
from bartizan.detect.respelling import RESPELLINGS
from bartizan.detect.splicing import SPLICINGS

LAYERS: tuple[Encoding, ...] = (*ENCODINGS, *CODES, *RESPELLINGS, *LETTERINGS, *SPLICINGS, *MARKUPS)
"""The encodings, codes, spellings and disguises, in the order in which they are tried."""
