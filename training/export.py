"""Writes the encoder as int8 ONNX."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.encoder import Encoder


def export(model: Encoder, path: Path) -> None:
    """Writes the encoder with int8 weights, the activations quantised as they come."""
    model.eval()
    whole = path.with_suffix(".whole.onnx")
    ids, types = torch.ones((2, 16), dtype=torch.int64), torch.zeros((2, 16), dtype=torch.int64)
    shape = {0: "batch", 1: "tokens"}
    torch.onnx.export(
        model,
        (ids, types),
        str(whole),
        input_names=["ids", "types"],
        output_names=["heads", "marks", "vector"],
        dynamic_axes={"ids": shape, "types": shape, "heads": {0: "batch"}, "marks": shape, "vector": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )
    quantize_dynamic(whole, path, weight_type=QuantType.QInt8, per_channel=True)
    whole.unlink()
    onnx.checker.check_model(str(path))
