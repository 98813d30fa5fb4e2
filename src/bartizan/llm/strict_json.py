"""JSON as it may enter: one meaning for every reader, bounded in depth.

A body that two parsers read differently can show the guard one text and the model another (RFC 8259 section 4 leaves
duplicate names open; T. Bray, RFC 7493, I-JSON, forbids them). So duplicates, invalid UTF-8 and lone surrogates are
errors here, and what passes is safe to forward byte by byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from bartizan.errors import InputError, LimitError

MAX_DEPTH = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


def decode(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Decodes one JSON document.

    Raises:
        LimitError: It is nested deeper than `max_depth`.
        InputError: It is not JSON in UTF-8, or an object has a name twice.
    """
    try:
        tree = _decode(body)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except UnicodeDecodeError:
        raise InputError("the body is not valid UTF-8", hint="send JSON in UTF-8") from None
    except msgspec.DecodeError as error:
        raise InputError(f"the body is not JSON: {_reason(error)}", hint="send one JSON document in UTF-8") from None
    members, depth = _measure(tree, max_depth)
    if depth > max_depth:
        raise _too_deep(max_depth)
    # Outside strings a colon stands for exactly one member, so fewer decoded members means that a name came twice.
    # Strings need not be cut out where there are no other colons, which is quick to see.
    if body.count(b":") != members and _STRING.sub(b"", body).count(b":") != members:
        raise InputError(f"{_doubled(body)}: this name stands twice in one object", hint="send each name once")
    return tree


def at(path: Sequence[str | int]) -> str:
    """Returns a JSON path as people write it, such as `messages.2.content`; `$` for the whole document."""
    return ".".join(map(str, path)) or "$"


def expect(value: Any, kind: type | tuple[type, ...], path: Sequence[str | int]) -> Any:
    """Returns `value` where it is of this kind.

    Raises:
        InputError: It is not; the message names the path and both types, never the value.
    """
    if isinstance(value, kind) and not (isinstance(value, bool) and kind in {int, float}):
        return value
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wanted = " or ".join(_NAMES.get(one, one.__name__) for one in kinds)
    raise InputError(f"{at(path)}: expected {wanted}, got {_NAMES.get(type(value), 'something else')}")


_NAMES: Mapping[type, str] = MappingProxyType(
    {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "true or false",
        int: "an integer",
        float: "a number",
        type(None): "null",
    }
)


def _measure(tree: Any, max_depth: int) -> tuple[int, int]:
    """Returns how many members all objects have together, and the depth (more than `max_depth` once it is passed)."""
    members = depth = 0
    level = [tree] if type(tree) is dict or type(tree) is list else []
    while level and depth <= max_depth:
        depth += 1
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                members += len(node)
            for value in node.values() if type(node) is dict else node:
                if type(value) is dict or type(value) is list:
                    below.append(value)  # noqa: PERF401  (the innermost loop of every request)
        level = below
    return members, depth


def _too_deep(max_depth: int) -> LimitError:
    return LimitError(f"the body is nested deeper than {max_depth} levels", hint="flatten it")


def _reason(error: msgspec.DecodeError) -> str:
    return str(error).removeprefix("JSON is malformed: ")


class _Doubled(dict[str, Any]):
    name = ""


def _doubled(body: bytes) -> str:
    """Returns the path of a name that stands twice. The depth has been checked, so recursion is bounded."""

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = _Doubled()
        for name, value in members:
            if name in seen:
                seen.name = name
            if not isinstance(seen.get(name), _Doubled) or not seen[name].name:
                seen[name] = value
        return seen

    stack: list[tuple[tuple[str | int, ...], Any]] = [((), json.loads(body, object_pairs_hook=pairs))]
    while stack:
        path, node = stack.pop()
        if isinstance(node, _Doubled):
            if node.name:
                return at((*path, node.name))
            stack.extend(((*path, name), value) for name, value in node.items())
        elif isinstance(node, list):
            stack.extend(((*path, index), value) for index, value in enumerate(node))
    return "$"
