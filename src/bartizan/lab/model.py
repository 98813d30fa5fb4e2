"""The simulated model: it reads a conversation, decides which instructions to obey, and answers.

It is a rule-based simulator, not a language model. The chain is short: utterances (who said what), instructions (found
by `instruct`), obedience (decided by `temper`), answer (written by `skills`). The same request gives the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from bartizan.core.attempt import ToolCall
from bartizan.core.segment import Role
from bartizan.lab.instruct import Instruction, Intent, instructions
from bartizan.lab.retrieve import best_sentences, retrieve
from bartizan.lab.skills import first_sentence, ordinary, refuse, reveal
from bartizan.lab.temper import Temper, draw, forbidden, temper
from bartizan.lab.world import Application, World

_DOCUMENT = re.compile(r"(?is)<document[^>]{0,200}>(.*?)</document>")
_ROLES: Mapping[str, Role] = {
    "system": Role.SYSTEM,
    "developer": Role.DEVELOPER,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "document": Role.DOCUMENT,
}


class Utterance(NamedTuple):
    """A piece of the conversation and who it came from."""

    role: Role
    text: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the application answers: its text and the calls that its tools made on the way."""

    text: str
    trace: tuple[ToolCall, ...] = ()


class _Mind(NamedTuple):
    """What one decision is made from: the application, its weaknesses, its secret, and the salt of this request."""

    application: Application
    temper: Temper
    prompt: str
    salt: tuple[str, ...]

    def obeys(self, instruction: Instruction) -> bool:
        if not forbidden(instruction, kind=self.application.kind):
            return True
        return draw(*self.salt, instruction.intent, instruction.role, instruction.disguise) < self.temper.chance(
            instruction
        )


def answer(application: Application, turns: Sequence[tuple[str, str]], *, salt: str = "") -> Answer:
    """Answers a conversation.

    Args:
        application: Which application answers.
        turns: Role and text of each message, oldest first.
        salt: What makes a repetition another trial, such as the request's seed; the same salt gives the same answer.
    """
    said = [utterance for role, text in turns for utterance in _utterances(role, text)]
    words = "\x1e".join(f"{role}:{text}" for role, text in turns)
    secrets = [application.prompt, *(each.text for each in said if each.role in {Role.SYSTEM, Role.DEVELOPER})]
    mind = _Mind(application, temper(strict=application.strict), "\n".join(secrets), (application.name, words, salt))
    request = next((each.text for each in reversed(said) if each.role is Role.USER), "")
    world = World()
    asked = _heard(mind, Utterance(Role.USER, request))
    read = [each for each in said if each.role in {Role.DOCUMENT, Role.TOOL}]
    if application.kind == "rag":
        read += [Utterance(Role.DOCUMENT, document.text) for document in retrieve(request)]
    elif application.kind == "agent" and not any(each.role is Role.TOOL for each in said):
        read += _gather(asked, world)
    text = _own_answer(mind, Utterance(Role.USER, request), read)
    if asked is None or any(not mind.obeys(each) for each in asked[-1:]):
        text = refuse(*mind.salt)
    elif obeyed := [each for each in asked if mind.obeys(each)]:
        text = _act(mind, obeyed[-1], world) or text
    return Answer(text="\n\n".join([text, *_led_astray(mind, read, world)]), trace=tuple(world.trace))


def _utterances(role: str, text: str) -> Iterator[Utterance]:
    """Splits the documents off a user's message: they are content, however they came in."""
    speaker = _ROLES.get(role, Role.USER)
    if speaker is not Role.USER:
        yield Utterance(speaker, text)
        return
    for match in _DOCUMENT.finditer(text):
        yield Utterance(Role.DOCUMENT, match[1].strip())
    yield Utterance(Role.USER, _DOCUMENT.sub("", text).strip())


def _heard(mind: _Mind, utterance: Utterance) -> list[Instruction] | None:
    """Returns the instructions of a text; None where a strict application filters the text of a user."""
    found = instructions(utterance.text, utterance.role)
    if not mind.temper.filters(utterance.text):
        return found
    return None if utterance.role is Role.USER else [each for each in found if each.disguise]


def _gather(asked: Sequence[Instruction] | None, world: World) -> list[Utterance]:
    """Uses the reading tools that the user asked for and returns what they gave."""
    given: list[str] = []
    for instruction in asked or ():
        match instruction.intent:
            case Intent.READ_MAIL:
                given.append(world.read_mail())
            case Intent.LIST_FILES:
                given.append(world.list_files())
            case Intent.READ_FILE:
                given.append(world.read_file(instruction.argument["name"]))
            case _:
                continue
    return [Utterance(Role.TOOL, text) for text in given]


def _own_answer(mind: _Mind, request: Utterance, read: Sequence[Utterance]) -> str:
    """Returns what an undisturbed assistant would answer."""
    if not read:
        return ordinary(request.text, mind.application)
    if mind.application.kind == "rag":
        return best_sentences(request.text, "\n".join(each.text for each in read))
    if read[-1].role is Role.TOOL:
        subjects = re.findall(r"^Subject: (.+)$", read[-1].text, re.MULTILINE)
        return f"You have {len(subjects)} mails: {'; '.join(subjects)}." if subjects else read[-1].text[:400]
    return f"In short: {first_sentence(read[-1].text)}"


def _led_astray(mind: _Mind, read: Sequence[Utterance], world: World) -> list[str]:
    """Obeys instructions that stand in content, which no assistant should; returns what that adds to the answer.

    What tools were made to do is not mentioned, as in real systems: the trace tells, the answer does not.
    """
    spoken: list[str] = []
    for utterance in read:
        for instruction in _heard(mind, utterance) or ():
            if instruction.intent not in {Intent.READ_MAIL, Intent.LIST_FILES, Intent.READ_FILE} and mind.obeys(
                instruction
            ):
                said = _act(mind, instruction, world)
                if instruction.intent in {Intent.REVEAL, Intent.SAY}:
                    spoken.append(said)
    return list(dict.fromkeys(spoken))


def _act(mind: _Mind, instruction: Instruction, world: World) -> str:
    """Does what an instruction says and returns what there is to say about it; nothing for reading, which is done."""
    argument = instruction.argument
    match instruction.intent:
        case Intent.REVEAL:
            return reveal(mind.prompt, argument["form"])
        case Intent.SAY:
            return argument["text"]
        case Intent.SEND_MAIL if mind.application.kind == "agent":
            body = world.read_file(argument["file"]) if argument["file"] else argument["body"]
            return world.send_mail(argument["to"], body)
        case Intent.PAY if mind.application.kind == "agent":
            return world.make_payment(argument["account"], argument["amount"])
        case _:
            return ""
