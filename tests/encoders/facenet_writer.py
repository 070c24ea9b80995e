"""FaceNet's weights made by a formula, and written in the three layouts in which people have them.

The layouts are those of nyoki-mtl/keras-facenet (Keras 2's HDF5), timesler/facenet-pytorch and
davidsandberg/facenet.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from torch_writer import state_dict

from encoders.embed.inception import BOTTLENECK, Names, build_inception, layer_names

Array = NDArray[np.float32]
TOP = "InceptionResnetV1"


@dataclass(frozen=True)
class Layer:
    """A convolution and, if ``names.normalised``, the moving averages after it."""

    names: Names
    kernel: Array
    shift: Array
    mean: Array
    variance: Array


def layers(dim: int) -> list[Layer]:
    """Weights that any machine makes alike, and that keep the activations in range."""
    network = build_inception(dim)
    return [
        _layer(names, tuple(network.get_layer(names.keras).kernel.shape), phase)
        for phase, names in enumerate((*layer_names(), BOTTLENECK))
    ]


def chips() -> NDArray[np.uint8]:
    """Three chips of coarse blocks of colour."""
    blocks = (256 * noise((3, 8, 8, 3), 999)).astype(np.uint8)
    return blocks.repeat(20, axis=1).repeat(20, axis=2)


def noise(shape: tuple[int, ...], phase: float) -> NDArray[np.float64]:
    """Numbers from 0 to 1 without a visible pattern."""
    waves = np.sin(np.arange(np.prod(shape)) * 12.9898 + phase) * 43758.5453
    return (waves - np.floor(waves)).reshape(shape)


def _layer(names: Names, shape: tuple[int, ...], phase: int) -> Layer:
    reach = np.sqrt(6 / np.prod(shape[:-1]))
    kernel = (2 * noise(shape, phase) - 1) * reach
    shift, mean, variance = (noise(shape[-1:], phase + part / 8) for part in (1, 2, 3))
    parts = (kernel, shift - 0.5, mean - 0.5, variance + 0.5)
    return Layer(names, *(part.astype(np.float32) for part in parts))


def write_keras(path: Path, some: list[Layer], top: str = "model_weights/") -> None:
    with h5py.File(path, "w") as file:
        # a whole model also describes itself, with Python in it that must never be run
        file.attrs["model_config"] = b'{"class_name": "Lambda", "config": {"function": ["4wEA"]}}'
        for layer in some:
            name = layer.names.keras
            file[f"{top}{name}/{name}/kernel:0"] = layer.kernel
            if not layer.names.normalised:
                file[f"{top}{name}/{name}/bias:0"] = layer.shift
                continue
            parts = {"beta": "shift", "moving_mean": "mean", "moving_variance": "variance"}
            for part, field in parts.items():
                place = f"{top}{name}_BatchNorm/{name}_BatchNorm/{part}:0"
                file[place] = getattr(layer, field)


def torch_arrays(some: list[Layer]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for layer in some:
        last = layer.names == BOTTLENECK
        kernel = layer.kernel.T if last else layer.kernel.transpose(3, 2, 0, 1)
        if not layer.names.normalised:
            arrays[f"{layer.names.torch}.weight"] = kernel
            arrays[f"{layer.names.torch}.bias"] = layer.shift
            continue
        arrays["last_linear.weight" if last else f"{layer.names.torch}.conv.weight"] = kernel
        norm = "last_bn" if last else f"{layer.names.torch}.bn"
        arrays[f"{norm}.weight"] = np.ones_like(layer.shift)
        arrays[f"{norm}.bias"] = layer.shift
        arrays[f"{norm}.running_mean"] = layer.mean
        arrays[f"{norm}.running_var"] = layer.variance
    return arrays


def write_torch(path: Path, some: list[Layer]) -> None:
    path.write_bytes(state_dict(torch_arrays(some)))


def write_tensorflow(path: Path, some: list[Layer]) -> None:
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    graph.node.add(name="image_batch", op="Placeholder")
    for layer in some:
        place = f"{TOP}/{layer.names.tensorflow}"
        constants = {f"{place}/weights": layer.kernel}
        if layer.names.normalised:
            constants[f"{place}/BatchNorm/beta"] = layer.shift
            constants[f"{place}/BatchNorm/moving_mean"] = layer.mean
            constants[f"{place}/BatchNorm/moving_variance"] = layer.variance
        else:
            constants[f"{place}/biases"] = layer.shift
        for name, values in constants.items():
            node = graph.node.add(name=name, op="Const")
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values))
    path.write_bytes(graph.SerializeToString())
