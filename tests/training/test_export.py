"""The encoder as a file says what the trained one says, from weights in 4 bits."""

from __future__ import annotations

from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


def test_a_matrix_in_4_bits_stays_what_it_is_when_it_is_rounded_again() -> None:
    from training.encoder import blocks, rounded

    weight = torch.randn(6, 64, generator=torch.Generator().manual_seed(1))
    scales, halves = blocks(weight)
    assert scales.shape == (6, 2)
    assert halves.shape == (6, 64)
    assert halves.min() >= 0
    assert halves.max() <= 15
    once = rounded(weight)
    assert torch.equal(rounded(once), once)
    steps = scales.abs().repeat_interleave(32, 1)
    assert ((once - weight).abs() <= steps * 1.01).all()
    assert torch.equal(rounded(torch.zeros(1, 32)), torch.zeros(1, 32))


def test_packed_columns_come_back() -> None:
    from training.export import pack

    halves = numpy.arange(32, dtype=numpy.uint8).reshape(2, 16) % 16
    packed = pack(halves)
    assert packed.shape == (2, 8)
    assert (numpy.concatenate([packed & 15, packed >> 4], 1) == halves).all()


def test_the_file_says_what_the_model_says(tmp_path: Path) -> None:
    from training.encoder import WIDTH, Body, Encoder, Layer, blocks
    from training.export import export

    torch.manual_seed(3)
    model = Encoder(Body(50, 5)).eval()
    for layer in model.body.layers:
        assert isinstance(layer, Layer)
        layer.rounds = True
    scales, halves = (part.numpy() for part in blocks(model.body.pieces.weight.detach()))
    with torch.no_grad():
        steps = numpy.repeat(scales, WIDTH // scales.shape[1], 1)
        model.body.pieces.weight.copy_(torch.from_numpy((halves - 8) * steps))
    export(model, tmp_path / "encoder.onnx", (scales, halves.astype(numpy.uint8)))
    session = runtime.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    ids = numpy.array([[2, 7, 9, 11, 3], [2, 8, 3, 0, 0]])
    types = numpy.array([[0, 0, 0, 1, 1], [0, 0, 0, 1, 1]])
    heads, marks, vector = session.run(("heads", "marks", "vector"), {"ids": ids, "types": types})
    with torch.no_grad():
        wanted = [part.numpy() for part in model(torch.from_numpy(ids), torch.from_numpy(types))]
    assert numpy.abs(heads - wanted[0]).max() < 0.1
    assert numpy.abs(marks[0] - wanted[1][0]).max() < 0.1
    assert numpy.abs(vector - wanted[2]).max() < 0.2
