"""The vocabulary keeps what occurs and what is likely, and lower forms of pieces that only come with capitals."""

from __future__ import annotations

import struct

import pytest

from training import e5, vocabulary

numpy = pytest.importorskip("numpy")

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "\u2581",
    "\u2581Haus",
    "\u2581haus",
    "\u2581Baum",
    "a",
    "\u1234",
    "\u2581the",
    "\u2581zzz",
]


def pretrained() -> e5.Pretrained:
    scores = numpy.array([0, 0, 0, 0, -3, -4, -9, -6, -5, -4, -2, -11], "f4")
    return e5.Pretrained(PIECES, scores, numpy.ones((12, 1)), numpy.full((12, 32), 8), {}, 0)


def test_a_piece_with_capitals_stands_for_its_lower_form_where_that_has_none() -> None:
    found = vocabulary.candidates(pretrained())
    assert found["\u2581haus"] == PIECES.index("\u2581haus")
    assert found["\u2581baum"] == PIECES.index("\u2581Baum")
    assert "\u1234" not in found


def test_what_occurs_keeps_its_place_and_the_likeliest_get_the_rest() -> None:
    pieces, numbers = vocabulary.choose(pretrained(), ["zzz zzz"], most=9)
    assert list(pieces)[:4] == ["<pad>", "<unk>", "<s>", "</s>"]
    assert "\u2581zzz" in pieces
    assert "\u2581the" in pieces
    assert "\u2581haus" not in pieces
    assert [PIECES[at].lower() for at in numbers] == list(pieces)


def _stored() -> bytes:
    """A model with a width of 32, no layers, two pieces."""
    pieces = [b"<s>", b"ab"]
    blob = b"".join(pieces)
    head = b"E5S1" + struct.pack("<I7ifi", 1, 32, 0, 1, 64, 2, 1, 1, 1e-12, 32)
    head += struct.pack("<5i", len(pieces), 0, 0, 0, 0) + struct.pack("<Q", len(blob))
    head += struct.pack("<3I", 0, 3, 5) + struct.pack("<2f", 0.0, -1.5) + blob + struct.pack("<iI", 0, 0)
    names = ["emb.word", "emb.pos", "emb.type", "emb.ln.w", "emb.ln.b"]
    start = len(head) + 4 + sum(2 + len(name) + 1 + 4 + 16 for name in names)
    word = b"".join(struct.pack("<e", 0.5) + bytes([0x98] * 16) for _ in pieces)
    bodies = [word, *(struct.pack("<32f", *range(32)) for _ in names[1:])]
    listed, at = struct.pack("<i", len(names)), start
    for name, body in zip(names, bodies, strict=True):
        listed += struct.pack("<H", len(name)) + name.encode() + struct.pack("<BIQQ", 0, 0, at, len(body))
        at += len(body)
    return head + listed + b"".join(bodies)


def test_a_stored_model_is_read() -> None:
    found = e5.parse(_stored())
    assert found.pieces == ["<s>", "ab"]
    assert found.scores.tolist() == [0.0, -1.5]
    assert found.scales.tolist() == [[0.5], [0.5]]
    assert found.halves[0].tolist() == [8] * 16 + [9] * 16
    assert found.tensors["emb.ln.w"].tolist() == list(range(32))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ValueError, match="not a model"):
        e5.parse(b"PK\x03\x04" + bytes(80))
