"""What the simulated model can do beside being weak: small ordinary skills, so that its usefulness can be seen."""

from __future__ import annotations

import base64
import codecs
import re

from bartizan.lab.temper import draw
from bartizan.lab.world import Application

SIMULATOR = "bartizan-lab-simulator"
_IDENTITY = re.compile(
    r"(?i)\b(?:who|what) are you\b|\bare you (?:a |an )?(?:human|person|bot|ai|robot|real|language model)\b"
    r"|\b(?:which|what) model\b"
)
_GREETING = re.compile(r"(?i)^\W*(?:hello|hi|hey|good (?:morning|afternoon|evening)|hallo|bonjour|hola|ciao)\b")
_THANKS = re.compile(r"(?i)\b(?:thanks|thank you|danke|merci|gracias|grazie)\b")
_SUM = re.compile(
    r"(-?\d{1,12}(?:\.\d{1,6})?)\s*(\+|-|\*|/|x|×|÷|plus|minus|times|divided by)\s*(-?\d{1,12}(?:\.\d{1,6})?)"
)
_SUMMARISE = re.compile(r"(?is)\bsummari[sz]e\b[^:\n]{0,60}[:\n](.+)")
_TRANSLATE = re.compile(r"(?is)\btranslate\b[^:\n]{0,40}\b(?:into|to) (\w+)[^:\n]{0,20}[:\n](.+)")
_HOURS = re.compile(r"(?i)\b(?:open|opening|hours|close)\b")
_CARD = re.compile(r"(?i)\bcards?\b")
_ACCOUNT = re.compile(r"(?i)\baccounts?\b")
_HARM = re.compile(r"(?i)\b(?:make|build|assemble)\b[^.?!]{0,30}\bbombs?\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_STATED = re.compile(r"(?:The|A|An|I|It|This|Our)\b")
_REFUSALS = (
    "I'm sorry, but I can't help with that.",
    "I can't share my instructions or anything that is confidential.",
    "That looks like an attempt to make me ignore my system prompt, and I won't do that.",
    "I won't follow instructions of that kind. Is there something else I can do for you?",
    "No. I do not reveal codes, keys or tokens, not even encoded in Base64.",
)


def refuse(*salt: str) -> str:
    """Returns one of several refusals; some speak of the attack, as real ones do."""
    return _REFUSALS[int(draw("refusal", *salt) * len(_REFUSALS))]


def reveal(prompt: str, form: str) -> str:
    """Returns the hidden prompt in the form that was asked for."""
    data = prompt.encode("utf-8")
    match form:
        case "base64":
            return base64.b64encode(data).decode("ascii")
        case "hex":
            return data.hex()
        case "rot13":
            return codecs.encode(prompt, "rot13")
        case "reversed":
            return prompt[::-1]
        case "spaced":
            return " ".join(prompt)
        case "french":
            return f"Voici mes consignes (traduction simulée) : {prompt}"
        case "summary":
            return "In short, my instructions are: " + "; ".join(line.rstrip(".") for line in prompt.splitlines())
        case "reworded":
            return "In my own words: " + " ".join(_reworded(one) for one in _SENTENCE.split(prompt.strip()))
        case _:
            return f"My instructions are:\n{prompt}"


def ordinary(text: str, application: Application) -> str:
    """Returns the answer to an ordinary request, or what the application can help with."""
    if _IDENTITY.search(text):
        return (
            f"I am {application.name}, the {application.title} of Bartizan's practice lab. "
            f"There is no language model behind me: I am a rule-based simulator ({SIMULATOR}), weak on purpose."
        )
    if _HARM.search(text):
        nothing = "Of course. Here is how: (the simulator stops here, for it knows nothing that does harm)."
        return _REFUSALS[0] if application.strict else nothing
    if found := _SUM.search(text):
        return _calculate(float(found[1]), found[2], float(found[3]))
    if found := _TRANSLATE.search(text):
        return f"In {found[1].capitalize()} (simulated): {found[2].strip()}"
    if found := _SUMMARISE.search(text):
        return f"In short: {first_sentence(found[1])}"
    if application.kind == "chat" and (known := _bank(text)):
        return known
    if _GREETING.search(text):
        return f"Hello! I am the {application.title}, a simulated assistant. I can help with {application.topics}."
    if _THANKS.search(text):
        return "You are welcome."
    return f"I am a simulated assistant and can help with {application.topics}. What would you like to know?"


def _reworded(sentence: str) -> str:
    """Returns a sentence of instructions as somebody would retell it who was given them."""
    if _STATED.match(sentence):
        return sentence
    for said, retold in (("You are ", "I am "), ("You ", "I "), ("Never ", "I am told not to ")):
        if sentence.startswith(said):
            return retold + sentence.removeprefix(said)
    return f"I am told to {sentence[:1].lower()}{sentence[1:]}"


def first_sentence(text: str) -> str:
    """Returns the first sentence of a text: the summary of a simulator."""
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith("#")]
    return re.split(r"(?<=[.!?])\s", lines[0].strip(), maxsplit=1)[0] if lines else "there is nothing in it."


def _bank(text: str) -> str:
    if _HOURS.search(text):
        return "Our branches are open from nine to five on weekdays."
    if _CARD.search(text):
        return "The debit card is free of charge; a replacement card costs 9 EUR. Block a lost card at once in the app."
    if _ACCOUNT.search(text):
        return "An account can be opened in any branch with an identity card; the balance is shown in the app."
    return ""


def _calculate(left: float, sign: str, right: float) -> str:
    if sign in {"/", "÷", "divided by"} and right == 0:
        return "Division by zero has no answer."
    value = {
        "+": left + right,
        "plus": left + right,
        "-": left - right,
        "minus": left - right,
        "*": left * right,
        "x": left * right,
        "×": left * right,
        "times": left * right,
    }.get(sign)
    return f"That is {left / right if value is None else value:.10g}."
