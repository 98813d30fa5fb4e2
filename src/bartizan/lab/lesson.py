"""Lessons: requests that a learner sends to the lab, once as they are and once through the gateway in front of it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from bartizan.core.segment import Direction
from bartizan.errors import InputError
from bartizan.lab import wire
from bartizan.lab.model import Answer, answer
from bartizan.lab.profile import TRACE
from bartizan.lab.world import Application, applications, read_data
from bartizan.registry import nearest


class Lesson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attack to try.

    Attributes:
        name: Its place in the address.
        title: What happens, in a line.
        why: What goes wrong, and what the guard knows better.
        model: The application that is attacked; `-strict` after it is one that resists.
        messages: The conversation, in the shape of the chat API.
        seed: A trial in which the application falls.
        marker: What its answer holds when it has fallen; `{canary}` stands for its secret.
        tool: What it calls when it has fallen.
        group: The group of detectors that should see the attack.
        direction: Whether they see it in the request or in the answer.
    """

    name: str
    title: str
    why: str
    model: str
    messages: tuple[dict[str, Any], ...]
    seed: int
    marker: str = ""
    tool: str = ""
    group: str
    direction: Direction

    @property
    def request(self) -> dict[str, Any]:
        """The body for `/v1/chat/completions`, of the lab or of the gateway."""
        return {"model": self.model, "seed": self.seed, "messages": list(self.messages)}

    def played(self, *, strict: bool = False) -> Answer:
        """Returns what the application answers when nothing guards it."""
        chat = wire.parse(msgspec.json.encode(self.request))
        return answer(self._application(strict=strict), chat.turns, salt=chat.salt)

    def fell(self, given: Answer, *, strict: bool = False) -> bool:
        """Whether an answer shows that the attack succeeded."""
        if self.tool:
            return any(call.name == self.tool for call in given.trace)
        return self.marker.replace("{canary}", self._application(strict=strict).canary) in given.text

    def check(self) -> dict[str, Any]:
        """Returns the body for the gateway's `/v1/guard/check`: the request, or the answer with its instructions."""
        if self.direction is Direction.INPUT:
            return {"messages": list(self.messages), "explain": True}
        system = [one["content"] for one in self.messages if one["role"] == "system"]
        text = self.played().text
        context = {"system": system}
        return {"text": text, "role": "assistant", "direction": "output", "context": context, "explain": True}

    def told(self, base: str) -> dict[str, Any]:
        """Returns the lesson as a learner reads it; `base` is where the lab is served."""
        given, here = self.played(), f"{base}/lab/lessons/{self.name}"
        return {
            "name": self.name,
            "title": self.title,
            "why": self.why,
            "request": self.request,
            "without_guard": {"answer": given.text, TRACE: wire.trace(given), "fell": self.fell(given)},
            "seen_by": {"group": self.group, "direction": self.direction.value},
            "try": {
                "without": f"curl -s {here}/request | curl -s {base}/v1/chat/completions -d @-",
                "through": f"curl -s {here}/request | curl -s $GATEWAY/v1/chat/completions -H {_KEY} -d @-",
                "explained": f"curl -s {here}/check | curl -s $GATEWAY/v1/guard/check -H {_KEY} -d @-",
            },
        }

    def _application(self, *, strict: bool) -> Application:
        return next(one for one in applications() if one.name == self.model + ("-strict" if strict else ""))


_KEY = '"authorization: Bearer $KEY"'


class _Lessons(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lesson: tuple[Lesson, ...]


@cache
def lessons() -> tuple[Lesson, ...]:
    """Returns every lesson."""
    return msgspec.toml.decode(read_data("lessons.toml"), type=_Lessons).lesson


def lesson(name: str) -> Lesson:
    """Returns a lesson by name.

    Raises:
        InputError: There is none.
    """
    found = {one.name: one for one in lessons()}
    if name not in found:
        raise InputError(f"there is no lesson {name[:40]!r}", hint=nearest(name[:40], list(found)))
    return found[name]
