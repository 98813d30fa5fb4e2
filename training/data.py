"""All rows that models are made from: the shared files, the recipes, and which of them are held out."""

from __future__ import annotations

import gzip
import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, Final

from training import recipes
from training.row import Row, View

SHARED: Final = Path("../shared/data")
"""Where the shared data lies, seen from the repository; it is not part of it."""
CALIBRATION: Final = frozenset(
    {
        "fastchat_questions",
        "self_instruct_tasks",
        "cpython_code_and_docs",
        "taubench_tool_outputs",
        "synth_benign_emails",
        "cyberseceval_frr",
        "owasp_llm_docs",
    }
)
"""Benign sources that no model is trained on: default thresholds are set on them."""
SECURITY_PROSE: Final = frozenset({"owasp_llm_docs"})
"""What quotes attacks and writes about them; a small part of ordinary traffic."""
HELD_OUT: Final = frozenset(
    {
        "deepset_prompt_injections",
        "giskard_prompt_injections",
        "garak_injection_jailbreak",
        "gptfuzz_jailbreak_templates",
        "cyberseceval_prompt_injection",
        "cyberseceval_prompt_injection_multilingual",
        "asb_attack_instructions",
        "navirocker_redteam",
        "garak_rtp_toxic_prompts",
        "synth_trigger_word_negatives",
    }
)
"""Sources that no model is trained or calibrated on: they are looked at once, at the end."""
_LEFT_OUT: Final = frozenset(
    {"synth_pii", "synth_secrets", "synth_system_prompt_leak", "synth_hidden_text", "hh_rlhf_redteam_first_turns"}
)
_ONE_IN: Final = 12
_CONTENT_KINDS: Final = ("email", "html", "document", "tool", "code", "indirect", "reference", "carrier")
_ROLE_PLAY: Final = ("act as", "i want you to act", "you are a ", "pretend")


def held_out(row: Row) -> bool:
    """Whether a generated row's family is kept from training: one family in a dozen, by its name."""
    return blake2b(f"{row.source}/{row.family}".encode(), digest_size=4).digest()[0] % _ONE_IN == 0


def recipe_rows(seed: int) -> Iterator[Row]:
    """Yields the rows of every recipe."""
    for found in sorted(pkgutil.iter_modules(recipes.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{recipes.__name__}.{found.name}")
        if hasattr(module, "rows"):
            yield from module.rows(Random(f"{seed}:{found.name}"))


def shared_rows(folder: Path = SHARED) -> Iterator[Row]:
    """Yields the rows of the shared files that injection, jailbreak and moderation are learned from.

    Raises:
        FileNotFoundError: The folder is not there.
    """
    for path in sorted(folder.iterdir()):
        name = path.name.partition(".")[0]
        if ".jsonl" not in path.name or name in _LEFT_OUT:
            continue
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for line in data.splitlines():
            row = _shared_row(json.loads(line), name)
            if row is not None:
                yield row


def _shared_row(raw: Mapping[str, Any], source: str) -> Row | None:
    text, label, kind = raw["text"], raw["label"], raw.get("kind", "")
    meta = raw.get("meta") or {}
    attack = {"injection": True, "jailbreak": True}.get(label, False if label == "benign" else None)
    if source.startswith("deepset") and attack and any(words in text.casefold() for words in _ROLE_PLAY):
        return None  # plain role-play that the file calls an injection
    if source == "hindi_hinglish_injection" and attack:
        return None  # most are plain harmful requests, which moderation finds; nothing tells them from the others
    if source == "asb_attack_instructions" or source == "synth_indirect_injection" or "tool" in kind:
        view = View.CONTENT
    else:
        view = View.CONTENT if any(part in kind for part in _CONTENT_KINDS) else View.USER
    return Row(
        text=text,
        view=view,
        attack=attack,
        family=f"{label}.{kind}",
        source=source,
        lang=meta.get("lang") or _LANGS.get(source, "en"),
        task=meta.get("system_prompt") or "" if view is View.USER else "",
        spans=_spans(text, meta) if attack else (),
        harms=_harms(label, source),
    )


_LANGS: Final = {
    "korean_moderation": "ko",
    "plexpt_zh_questions": "zh",
    "hindi_hinglish_injection": "hi",
    "awesome_prompt_book_multilingual": "mixed",
}


def _spans(text: str, meta: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    payload = meta.get("payload") or ""
    at = text.find(payload) if payload else -1
    return ((at, at + len(payload)),) if at >= 0 and len(payload) < len(text) else ()


def _harms(label: str, source: str) -> frozenset[str] | None:
    """What a file's label says; `any` stands for harm of a category that the file does not name."""
    if label == "hate":
        return frozenset({"hate"})
    if label == "offensive":
        return frozenset({"profanity"})
    if label == "harmful" or label == "toxic_prompt":
        return frozenset({"any"})
    return (
        frozenset()
        if label == "benign" and source not in {"cyberseceval_frr", "cyberseceval_frr_multilingual"}
        else None
    )
