"""Writes the encoder as ONNX: embeddings in the 4 bits that they came in, weights in the 4 bits that they learned with.

The graph is put together here node by node, of operators that onnxruntime has in one piece, because what an exporter
makes of the same layers takes half as long again. Weights are stored in 4 bits to be small; nodes that onnxruntime
folds when it opens the file make int8 of them, by channel, which it multiplies fastest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from training.e5 import BLOCK
from training.encoder import WIDTH, Encoder, Layer, blocks

_MICROSOFT: Final = "com.microsoft"
_EPSILON: Final = 1e-12
_FAR: Final = -1e4


def export(model: Encoder, path: Path, table: tuple[np.ndarray, np.ndarray]) -> None:
    """Writes the encoder; activations are quantised as they come.

    Args:
        model: The encoder.
        path: Where to.
        table: Its embeddings: scales, `(pieces, WIDTH / BLOCK)`, and halves, 0 to 15, `(pieces, WIDTH)`.
    """
    graph = _Graph()
    x = _embedded(graph, model, *table)
    empty = graph.add("Equal", "ids", graph.keep(np.array(0)))
    there = graph.add("Cast", graph.add("Not", empty), to=TensorProto.INT32)
    for layer in model.body.layers:
        assert isinstance(layer, Layer)
        x = _layer(graph, layer, x, there)
    _heads(graph, model, x)
    names = {"heads": ("batch", "head"), "marks": ("batch", "tokens"), "vector": ("batch", "width")}
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ("batch", "tokens")) for name in ("ids", "types")],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in names.items()],
            graph.kept,
        ),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid(_MICROSOFT, 1)],
        ir_version=9,
    )
    onnx.save(made, str(path))


class _Graph:
    """Nodes and weights, named as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.kept: list[onnx.TensorProto] = []

    def keep(self, value: np.ndarray | Tensor) -> str:
        name = f"w{len(self.kept)}"
        array = value if isinstance(value, np.ndarray) else value.detach().float().numpy()
        self.kept.append(numpy_helper.from_array(np.array(array, order="C"), name))
        return name

    def add(self, kind: str, *inputs: str, name: str = "", domain: str = "", **more: Any) -> str:
        made = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], domain=domain, **more))
        return made

    def normed(self, x: str, y: str, norm: object) -> str:
        """Adds the layer norm of a sum."""
        weights = (self.keep(norm.weight), self.keep(norm.bias))  # type: ignore[attr-defined]
        # Not in one piece: onnxruntime's fused kernel takes six times as long (1.31, CPU).
        return self.add("LayerNormalization", self.add("Add", x, y), *weights, epsilon=_EPSILON)

    def product(self, x: str, weight: Tensor, bias: Tensor) -> str:
        """Adds a linear layer: weights stored in 4 bits, multiplied in 8."""
        scales, halves = (part.numpy() for part in blocks(weight.detach()))
        rows, columns = halves.shape
        packed = self.keep(pack(halves.astype(np.uint8)))
        full = self.unpacked(packed, self.keep(scales.astype(np.float16)), (rows, columns))
        most = self.add("ReduceMax", self.add("Abs", full), self.keep(np.array([1])), keepdims=1)
        step = self.add("Div", most, self.keep(np.array(127, np.float32)))
        whole = self.add("Cast", self.add("Round", self.add("Div", full, step)), to=TensorProto.INT8)
        turned = self.add("Transpose", whole, perm=[1, 0])
        scale = self.add("Reshape", step, self.keep(np.array([rows])))
        zeros = self.keep(np.zeros(rows, np.int8))
        return self.add("DynamicQuantizeMatMul", x, turned, scale, zeros, self.keep(bias), domain=_MICROSOFT)

    def unpacked(self, packed: str, scales: str, shape: tuple[int, ...]) -> str:
        """Adds what makes floats of the bytes of `pack`; a 0 in the shape stands for the size that is there."""
        low = self.add("BitwiseAnd", packed, self.keep(np.array(15, np.uint8)))
        four = self.keep(np.full((1,) * len(shape), 4, np.uint8))
        high = self.add("BitShift", packed, four, direction="RIGHT")
        whole = self.add("Cast", self.add("Concat", low, high, axis=-1), to=TensorProto.FLOAT)
        centred = self.add("Sub", whole, self.keep(np.array(8, np.float32)))
        parts = self.add("Reshape", centred, self.keep(np.array([*shape[:-1], shape[-1] // BLOCK, BLOCK])))
        wide = self.add("Unsqueeze", self.add("Cast", scales, to=TensorProto.FLOAT), self.keep(np.array([-1])))
        return self.add("Reshape", self.add("Mul", parts, wide), self.keep(np.array(shape)))


def pack(halves: np.ndarray) -> np.ndarray:
    """Returns two columns a byte: the first half of the columns lies in the lower bits."""
    middle = halves.shape[1] // 2
    return (halves[:, :middle] | (halves[:, middle:] << 4)).astype(np.uint8)


def _embedded(graph: _Graph, model: Encoder, scales: np.ndarray, halves: np.ndarray) -> str:
    """Adds the embeddings of tokens, places and types."""
    rows = graph.add("Gather", graph.keep(pack(halves)), "ids")
    pieces = graph.unpacked(rows, graph.add("Gather", graph.keep(scales.astype(np.float16)), "ids"), (0, 0, WIDTH))
    count = graph.add("Slice", graph.add("Shape", "ids"), *(graph.keep(np.array([at])) for at in (1, 2)))
    numbers = (graph.keep(np.array([0])), count, graph.keep(np.array([0])))
    places = graph.add("Slice", graph.keep(model.body.places.weight), *numbers)
    types = graph.add("Gather", graph.keep(model.body.types.weight), "types")
    return graph.normed(graph.add("Add", pieces, places), types, model.body.norm)


def _layer(graph: _Graph, layer: Layer, x: str, there: str) -> str:
    joined = graph.product(x, layer.joined.weight, layer.joined.bias)
    parts = [f"{joined}_{part}" for part in "qkv"]
    graph.nodes.append(helper.make_node("Split", [joined, graph.keep(np.array([WIDTH] * 3))], parts, axis=-1))
    seen = graph.add(
        "MultiHeadAttention",
        *parts,
        "",
        there,
        domain=_MICROSOFT,
        num_heads=layer.heads,
        mask_filter_value=_FAR,
    )
    x = graph.normed(x, graph.product(seen, layer.out.weight, layer.out.bias), layer.norm)
    up = graph.add("Gelu", graph.product(x, layer.up.weight, layer.up.bias), domain=_MICROSOFT)
    return graph.normed(x, graph.product(up, layer.down.weight, layer.down.bias), layer.last)


def _heads(graph: _Graph, model: Encoder, x: str) -> None:
    zero, last, first = (graph.keep(np.array(value)) for value in (0, [-1], [1]))
    is_text = graph.add("And", graph.add("Not", graph.add("Equal", "ids", zero)), graph.add("Equal", "types", zero))
    own = graph.add("Unsqueeze", graph.add("Cast", is_text, to=TensorProto.FLOAT), last)
    count = graph.add("ReduceSum", own, first, keepdims=0)
    total = graph.add("ReduceSum", graph.add("Mul", x, own), first, keepdims=0)
    mean = graph.add("Div", total, graph.add("Max", count, graph.keep(np.array(1, np.float32))), name="vector")
    hidden = graph.add("Where", graph.add("Unsqueeze", is_text, last), x, graph.keep(np.array(_FAR, np.float32)))
    peak = graph.add("ReduceMax", hidden, first, keepdims=0)
    begin = graph.add("Gather", x, zero, axis=1)
    joined = graph.add("Concat", begin, mean, peak, axis=-1)
    graph.add("Gemm", joined, graph.keep(model.head.weight), graph.keep(model.head.bias), name="heads", transB=1)
    marks = graph.add("MatMul", x, graph.keep(model.mark.weight.detach().numpy().T))
    graph.add("Squeeze", graph.add("Add", marks, graph.keep(model.mark.bias)), last, name="marks")
