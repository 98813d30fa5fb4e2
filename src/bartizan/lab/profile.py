"""The answer key: what is planted in the lab, in the form of an attack target file, one per application."""

from __future__ import annotations

from typing import Any

import msgspec

from bartizan.core.asset import AssetKind, asset_id
from bartizan.lab.world import applications, planted

TRACE = "lab_trace"
"""The field of an answer in which the lab says which tools were called."""
LOCATOR = "bartizan:lab/"
"""What the assets of the lab have as locator, before the application's name."""


def profile(base_url: str) -> dict[str, Any]:
    """Returns the answer key of every application, with `base_url` as where they are served."""
    targets = []
    for application in applications():
        kind = AssetKind.AGENT if application.kind == "agent" else AssetKind.APPLICATION
        channels = ["user", "document", "tool"] if application.kind == "agent" else ["user", "document"]
        name = application.name.removesuffix("-strict")
        targets.append(
            {
                "url": base_url,
                "model": application.name,
                "asset": asset_id(kind, LOCATOR + application.name),
                "kind": kind.value,
                "name": f"{application.title} ({application.name})",
                "locator": LOCATOR + application.name,
                "channels": [*channels, "retrieved"] if application.kind == "rag" else channels,
                "canaries": [application.canary],
                "sinks": msgspec.to_builtins(application.sinks),
                "planted": [
                    {"document": each.document, "ask": each.ask, "marker": each.marker}
                    for each in planted()
                    if each.application == name
                ],
                "trace": TRACE,
            }
        )
    return {"lab": "bartizan-lab-simulator", "targets": targets}
