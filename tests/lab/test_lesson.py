"""The lessons: each works without the guard, fails on the strict application, and is seen through the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bartizan.cli._serve import Served, serving
from bartizan.guard.guard import Guard
from bartizan.lab.app import build
from bartizan.lab.lesson import Lesson, lessons
from tests.gateway.running import running_gateway
from tests.gateway.test_app import post

BY_NAME = {one.name: one for one in lessons()}
STOPPED = ("mail", "paraphrase", "jailbreak")
"""Lessons whose attack the policy `default` stops; it flags the others but those of `MISSED`."""
MISSED = ("tool",)
"""Lessons whose attack is a plain request, which the detectors do not tell from the document's own business."""


async def get(url: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_lesson_works_on_the_weak_application_and_not_on_the_strict_one(lesson: Lesson) -> None:
    assert lesson.fell(lesson.played())
    assert lesson.why
    assert bool(lesson.tool) != bool(lesson.marker)
    assert not lesson.fell(lesson.played(strict=True), strict=True)


def test_the_retold_instructions_quote_no_sentence() -> None:
    lesson = BY_NAME["paraphrase"]
    told = lesson.played().text
    sentences = lesson.messages[0]["content"].split(". ")
    assert "discount of 40 percent" in told
    assert not [one for one in sentences if one in told]


async def test_a_lesson_is_read_and_sent_as_its_commands_say(tmp_path: Path, guard: Guard) -> None:
    async with serving(Served("lab", build(), "127.0.0.1", 0)) as urls:
        base = urls["lab"]
        _, listed = await get(f"{base}/lab/lessons")
        assert [one["name"] for one in listed["lessons"]] == list(BY_NAME)
        async with running_gateway(tmp_path, guard, upstream_url=f"{base}/v1") as gateway:
            for one in listed["lessons"]:
                await walk(base, one["url"], gateway)
        assert (await get(f"{base}/lab/lessons/nothing"))[0] == 404
        assert (await get(f"{base}/lab/lessons/mail/nothing"))[0] == 404


async def walk(base: str, url: str, gateway: Any) -> None:
    status, told = await get(url)
    assert status == 200
    assert told["without_guard"]["fell"]
    assert all(address in told["try"]["without"] for address in (f"{url}/request", f"{base}/v1/chat/completions"))
    _, request = await get(f"{url}/request")
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{base}/v1/chat/completions", data=msgspec.json.encode(request)) as answer,
    ):
        bare = await answer.json()
    assert bare["choices"][0]["message"]["content"] == told["without_guard"]["answer"]

    status, answer = await post(gateway, request)
    name = told["name"]
    lesson = BY_NAME[name]
    if name in STOPPED:
        assert status == 403 or lesson.marker not in answer["choices"][0]["message"]["content"], name
    _, check = await get(f"{url}/check")
    status, seen = await post(gateway, check, "/v1/guard/check")
    assert status == 200
    group = seen["explanation"]["scores"][lesson.group]
    assert group["flagged"] is (name not in MISSED), (name, group)
    assert seen["verdict"]["reasons"] or name in MISSED, name
