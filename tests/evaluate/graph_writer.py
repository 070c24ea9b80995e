"""Small TensorFlow.js graph models, written as ``tensorflowjs_converter`` writes them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2", "int32": "<i4"}


def text(value: str) -> dict[str, Any]:
    return {"s": base64.b64encode(value.encode()).decode()}


def texts(*values: str) -> dict[str, Any]:
    return {"list": {"s": [text(value)["s"] for value in values]}}


def numbers(*values: int) -> dict[str, Any]:
    return {"list": {"i": [str(value) for value in values]}}


def placeholder(*sides: int) -> dict[str, Any]:
    shape = {"shape": {"dim": [{"size": str(side)} for side in (-1, *sides)]}}
    return {"name": "faces", "op": "Placeholder", "attr": {"shape": shape}}


def steps(stride: int = 1, padding: str = "SAME", *fused: str) -> dict[str, Any]:
    """Attributes of a convolution."""
    return {
        "strides": numbers(1, stride, stride, 1),
        "dilations": numbers(1, 1, 1, 1),
        "padding": text(padding),
        "data_format": text("NHWC"),
        "fused_ops": texts(*fused),
        "explicit_paddings": {"list": {}},
    }


@dataclass
class Model:
    """Nodes and weights; ``node`` and ``weight`` add one and answer its name."""

    side: int = 8
    nodes: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)
    content: bytes = b""

    def __post_init__(self) -> None:
        self.nodes.append(placeholder(self.side, self.side, 3))

    def node(self, op: str, *inputs: str, name: str = "", **attr: Any) -> str:
        name = name or f"node{len(self.nodes)}"
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attr})
        return name

    def weight(self, values: NDArray[Any], stored: str = "", name: str = "") -> str:
        name = self.node("Const", name=name)
        dtype = "int32" if values.dtype.kind == "i" else "float32"
        entry = {"name": name, "shape": list(values.shape), "dtype": dtype}
        if stored.startswith("uint"):
            least = float(values.min())
            scale = float(np.ptp(values)) / np.iinfo(stored).max
            entry["quantization"] = {"dtype": stored, "scale": scale, "min": least}
            values = np.rint((values - least) / scale)
        elif stored:
            entry["quantization"] = {"dtype": stored}
        self.weights.append(entry)
        self.content += values.astype(BYTES[stored or dtype]).tobytes()
        return name

    def json(self, *paths: str) -> dict[str, Any]:
        return {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes, "versions": {}},
            "weightsManifest": [{"paths": list(paths), "weights": self.weights}],
        }

    def write(self, path: Path, shards: int = 1) -> Path:
        names = [f"{path.stem}{number}.bin" for number in range(shards)]
        step = -(-len(self.content) // shards)
        for number, name in enumerate(names):
            part = self.content[number * step : (number + 1) * step]
            (path.parent / name).write_bytes(part)
        path.write_text(json.dumps(self.json(*names)))
        return path


def faceres(rng: np.random.Generator) -> Model:
    """A network that answers as FaceRes does, by weights that mean nothing."""

    def some(*shape: int, spread: float = 0.02) -> NDArray[np.float32]:
        return (spread * rng.standard_normal(shape)).astype(np.float32)

    model = Model(224)
    kernel = model.weight(some(16, 16, 3, 8))
    maps = model.node("Conv2D", "faces", kernel, **steps(16))
    flat = model.node("Relu", maps)
    model.node(
        "Mean", flat, model.weight(np.array([1, 2], np.int32)),
        name="global_pooling/Mean", keep_dims={"b": False},
    )  # fmt: skip
    for name, op, dim in (("gender_pred", "Sigmoid", 1), ("age_pred", "Softmax", 100)):
        weights = model.weight(some(8, dim, spread=0.2)), model.weight(some(dim))
        dense = model.node(
            "_FusedMatMul", "global_pooling/Mean", *weights, fused_ops=texts("BiasAdd")
        )
        model.node(op, dense, name=f"{name}/{op}")
    return model
