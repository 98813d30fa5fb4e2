"""Pickles of protocols 0 to 5, followed opcode by opcode; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from bartizan.core.severity import Severity
from bartizan.registry import Meta
from bartizan.scan import pickles
from bartizan.scan.findings import notes
from bartizan.scan.format import Format
from bartizan.scan.note import Data, Note, Part


@dataclass(frozen=True, kw_only=True)
class Pickle(Format):
    """What `pickle`, `torch.save` before 1.6, `joblib.dump` without compression, `dill` and `cloudpickle` write."""

    meta: ClassVar[Meta] = Meta(
        id="scan.pickle",
        title="Pickle",
        why="Loading a pickle runs whatever it names. A model that comes as a pickle is a program from a stranger.",
        severity=Severity.HIGH,
        tags=("owasp-llm:2026:LLM04", "owasp-agentic:2026:ASI05", "atlas:2026.09:AML.T0011.000", "cwe:4:CWE-502"),
        references=("https://docs.python.org/3/library/pickle.html", "https://arxiv.org/abs/2508.15987"),
        false_positives="Classes of in-house code are reported as unknown code until they are known to be harmless.",
    )

    def recognises(self, data: Data) -> bool:
        """Says whether it has a pickle's header, or follows like a pickle without one."""
        return pickles.recognises(data)

    def read(self, part: Part) -> Iterator[Note]:
        """Follows every pickle in the part."""
        reader = pickles.Pickles(data=part.data)
        if pickles.torch_legacy(part.data):
            reader.facts["container"] = "torch.save before 1.6"
        reader.read()
        yield from notes(reader)
