"""Reading FaceNet's weights from the three common kinds of file.

- Keras: ``facenet_keras.h5`` and ``facenet_keras_weights.h5`` of nyoki-mtl/keras-facenet. The
  model description in the file holds compiled Python (Lambda layers) and is never looked at.
- PyTorch: the ``.pt`` state dicts of timesler/facenet-pytorch.
- TensorFlow: the frozen ``.pb`` graphs of davidsandberg/facenet. Only the constants are read; the
  graph is not run.

The first bytes say which kind it is. Nothing in a file is executed, and no array is made before
its shape was compared with what the network needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.keras_backend import load_engine
from anonbase.untrusted.hdf5 import dataset, read_floats
from anonbase.untrusted.stand_ins import check_weights_file
from anonbase.untrusted.torch_files import read_torch
from encoders.embed.inception import BOTTLENECK, Names, build_inception, layer_names

__all__ = ["DIMS", "read_facenet"]

#: How many numbers a vector of the networks in use has.
DIMS = (128, 512)
_EPSILON = 0.001
_HDF5 = b"\x89HDF"
_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"
_LARGEST_GRAPH = 1 << 30
_PREFIX = "InceptionResnetV1"

Array = NDArray[np.float32]


def read_facenet(path: Path) -> Any:
    """Inception-ResNet-v1 (a Keras model) with the weights of the file ``path``.

    Raises
    ------
    WeightsError
        The file cannot be read, is damaged, or of another network.
    """
    with _open(path) as file:
        network = build_inception(_dim(path, file))
        for names in (*layer_names(), BOTTLENECK):
            layer = network.get_layer(names.keras)
            layer.set_weights(_folded(path, file, names, tuple(layer.kernel.shape)))
    return network


class _File(Protocol):
    """Arrays under the names of one layout; each raises ``KeyError`` where there is none."""

    def dims(self) -> int: ...

    def kernel(self, names: Names, shape: tuple[int, ...]) -> Array: ...

    def bias(self, names: Names, shape: tuple[int, ...]) -> Array: ...

    def normalisation(self, names: Names, shape: tuple[int, ...]) -> tuple[Array, ...]:
        """Gain, shift, moving mean and moving variance."""


def _dim(path: Path, file: _File) -> int:
    try:
        dim = file.dims()
    except KeyError as error:
        raise _other_network(path, f"there is no {error.args[0]}") from error
    if dim not in DIMS:
        raise _other_network(path, f"its vectors have {dim} numbers, not {DIMS[0]} or {DIMS[1]}")
    return dim


def _folded(path: Path, file: _File, names: Names, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Kernel and bias of a layer, with the normalisation after it multiplied in."""
    try:
        kernel = file.kernel(names, shape)
        if not names.normalised:
            return _finite(path, names, kernel), _finite(path, names, file.bias(names, shape[-1:]))
        gain, shift, mean, variance = file.normalisation(names, shape[-1:])
    except KeyError as error:
        raise _other_network(path, f"there is no {error.args[0]}") from error
    if (variance < 0).any():
        raise _other_network(path, f"a variance of {names.keras} is negative")
    scale = gain / np.sqrt(variance + np.float32(_EPSILON))
    return _finite(path, names, kernel * scale), _finite(path, names, shift - mean * scale)


def _finite(path: Path, names: Names, values: Array) -> Array:
    if not np.isfinite(values).all():
        raise _other_network(path, f"a weight of {names.keras} is not a finite number")
    return values


def _other_network(path: Path, why: str) -> WeightsError:
    return WeightsError(f"{path}: not the weights of FaceNet's Inception-ResNet-v1 ({why})")


def _of_shape(name: str, actual: Any, shape: tuple[int, ...]) -> None:
    if tuple(actual) != shape:
        raise KeyError(f"{name} of shape {shape} (it is {tuple(actual)})")


@contextmanager
def _open(path: Path) -> Iterator[_File]:
    try:
        check_weights_file(path, archives=True)
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    if start == _HDF5:
        with _open_keras(path) as keras_file:
            yield keras_file
    elif start == _ZIP or start[:1] == _PICKLE:
        yield _TorchFile(read_torch(path))
    else:
        yield _TensorFlowFile(_constants(path))


# ---- Keras


@contextmanager
def _open_keras(path: Path) -> Iterator[_File]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield _KerasFile(file)
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"{path}: a damaged HDF5 file ({error})") from error


@dataclass(frozen=True)
class _KerasFile:
    file: Any

    def dims(self) -> int:
        return dataset(self.file, self._path(BOTTLENECK.keras, "kernel")).shape[-1]

    def kernel(self, names: Names, shape: tuple[int, ...]) -> Array:
        return self._read(names.keras, "kernel", shape)

    def bias(self, names: Names, shape: tuple[int, ...]) -> Array:
        return self._read(names.keras, "bias", shape)

    def normalisation(self, names: Names, shape: tuple[int, ...]) -> tuple[Array, ...]:
        layer = f"{names.keras}_BatchNorm"
        parts = ("beta", "moving_mean", "moving_variance")
        return np.ones(shape, np.float32), *(self._read(layer, part, shape) for part in parts)

    def _read(self, layer: str, part: str, shape: tuple[int, ...]) -> Array:
        return read_floats(self.file, self._path(layer, part), shape)

    def _path(self, layer: str, part: str) -> str:
        # a whole model has its weights in a folder of their own, a file of weights at the top
        top = "model_weights/" if "model_weights" in self.file else ""
        return f"{top}{layer}/{layer}/{part}:0"


# ---- PyTorch


@dataclass(frozen=True)
class _TorchFile:
    state: dict[str, NDArray[Any]]

    def dims(self) -> int:
        weight = self._get("last_linear.weight")
        return weight.shape[0] if weight.ndim else 0

    def kernel(self, names: Names, shape: tuple[int, ...]) -> Array:
        if names is BOTTLENECK:
            return np.ascontiguousarray(self._read("last_linear.weight", shape[::-1]).T)
        name = f"{names.torch}.conv.weight" if names.normalised else f"{names.torch}.weight"
        rows, columns, channels, filters = shape
        kernel = self._read(name, (filters, channels, rows, columns))
        return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0))

    def bias(self, names: Names, shape: tuple[int, ...]) -> Array:
        return self._read(f"{names.torch}.bias", shape)

    def normalisation(self, names: Names, shape: tuple[int, ...]) -> tuple[Array, ...]:
        layer = "last_bn" if names is BOTTLENECK else f"{names.torch}.bn"
        parts = ("weight", "bias", "running_mean", "running_var")
        return tuple(self._read(f"{layer}.{part}", shape) for part in parts)

    def _read(self, name: str, shape: tuple[int, ...]) -> Array:
        values = self._get(name)
        _of_shape(name, values.shape, shape)
        return values.astype(np.float32)

    def _get(self, name: str) -> NDArray[Any]:
        if name not in self.state or self.state[name].dtype.kind != "f":
            raise KeyError(name)
        return self.state[name]


# ---- TensorFlow


def _constants(path: Path) -> dict[str, Any]:
    """The constants of a frozen graph, each still as TensorFlow's own message."""
    load_engine()
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework import graph_pb2

    if path.stat().st_size > _LARGEST_GRAPH:
        raise WeightsError(f"{path}: larger than {_LARGEST_GRAPH >> 30} GiB")
    try:
        graph = graph_pb2.GraphDef.FromString(path.read_bytes())
    except DecodeError as error:
        raise WeightsError(
            f"{path}: neither HDF5 (facenet_keras.h5), nor a PyTorch state dict (.pt), nor a "
            "frozen TensorFlow graph (.pb)"
        ) from error
    return {node.name: node.attr["value"].tensor for node in graph.node if node.op == "Const"}


@dataclass(frozen=True)
class _TensorFlowFile:
    constants: dict[str, Any]

    def dims(self) -> int:
        shape = self._shape(f"{_PREFIX}/{BOTTLENECK.tensorflow}/weights")
        return shape[-1] if shape else 0

    def kernel(self, names: Names, shape: tuple[int, ...]) -> Array:
        return self._read(f"{_PREFIX}/{names.tensorflow}/weights", shape)

    def bias(self, names: Names, shape: tuple[int, ...]) -> Array:
        return self._read(f"{_PREFIX}/{names.tensorflow}/biases", shape)

    def normalisation(self, names: Names, shape: tuple[int, ...]) -> tuple[Array, ...]:
        layer = f"{_PREFIX}/{names.tensorflow}/BatchNorm"
        parts = ("beta", "moving_mean", "moving_variance")
        return np.ones(shape, np.float32), *(self._read(f"{layer}/{p}", shape) for p in parts)

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self.constants:
            raise KeyError(name)
        return tuple(side.size for side in self.constants[name].tensor_shape.dim)

    def _read(self, name: str, shape: tuple[int, ...]) -> Array:
        _of_shape(name, self._shape(name), shape)
        return _float_values(name, self.constants[name], shape)


def _float_values(name: str, tensor: Any, shape: tuple[int, ...]) -> Array:
    """Values of a float32 constant; a single one stands for all where there is but one."""
    from tensorflow.core.framework import types_pb2

    content = tensor.tensor_content
    values = np.frombuffer(content, "<f4") if not len(content) % 4 else np.empty(0, np.float32)
    values = values if len(values) else np.array(tensor.float_val, np.float32)
    size = int(np.prod(shape))
    if tensor.dtype != types_pb2.DT_FLOAT or len(values) not in (1, size):
        raise KeyError(f"{name} with {size} numbers of 32 bits")
    return np.broadcast_to(values, size).reshape(shape).astype(np.float32)
