"""TensorFlow.js graph models as Keras models: the operations that face networks are made of.

A graph is built as a Keras model through ``keras.ops``, so shapes are checked before anything is
computed, it runs on any engine, and it has a gradient. What is known of an operation is narrow on
purpose: what would mix the faces of a batch, or compute without a face, is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.keras_backend import load_engine
from anonfaces.evaluate.judges.graph_file import Damaged, Graph, Node, require

__all__ = ["OPERATIONS", "build_graph"]

_LARGEST_INPUT, _MOST_VALUES = 1024, 1 << 24


def build_graph(graph: Graph, outputs: tuple[str, ...], prepare: Callable[[Any], Any]) -> Any:
    """Keras model: faces float (n, s, s, 3) to the nodes ``outputs``, a list if several.

    ``prepare`` turns RGB levels from 0 to 255 into what the graph's placeholder takes.

    Raises:
        WeightsError: the graph lacks an output, has an operation that is not known here or that
            does not fit its inputs, or is larger than a face network is.
    """
    load_engine()
    import keras

    try:
        faces = keras.Input(_input_shape(graph))
        run = _Run(graph, prepare(faces))
        tensor = [run.value(name) for name in outputs]
    except Damaged as damage:
        raise WeightsError(f"{graph.path}: {damage}") from damage
    return keras.Model(faces, tensor if len(tensor) > 1 else tensor[0], name="graph")


def _input_shape(graph: Graph) -> tuple[int, ...]:
    inputs = [node for node in graph.nodes.values() if node.op == "Placeholder"]
    require(len(inputs) == 1, f"it has {len(inputs)} inputs, not one")
    shape = inputs[0].shape()
    square = len(shape) == 4 and shape[1] == shape[2] and shape[3] == 3
    require(square and 0 < shape[1] <= _LARGEST_INPUT, f"its input {shape} is no square face")
    return shape[1:]


@dataclass
class _Run:
    """Values of nodes: KerasTensors (None, ...), and the weights as arrays."""

    graph: Graph
    faces: Any
    values: dict[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        """What node ``name`` answers, once all that it is made of was computed."""
        for node in _in_order(self.graph.nodes, name):
            if node.name not in self.values:
                self.values[node.name] = self._compute(node)
        require(not isinstance(self.values[name], np.ndarray), f"{name} does not depend on faces")
        return self.values[name]

    def _compute(self, node: Node) -> Any:
        if node.op == "Placeholder":
            return self.faces
        if node.op == "Const":
            require(node.name in self.graph.weights, f"there are no weights for {node.name}")
            return self.graph.weights[node.name]
        require(node.op in OPERATIONS, f"the operation {node.op} of {node.name} is not known here")
        inputs = [self.values[name] for name in node.inputs]
        return _checked(node, _applied(node, inputs))


def _in_order(nodes: Mapping[str, Node], last: str) -> Iterable[Node]:
    """``last`` and all that it is made of, inputs first."""
    done: dict[str, Node] = {}
    waiting, entered = [last], set()
    while waiting:
        name = waiting[-1]
        require(name in nodes, f"there is no node {name}")
        entered.add(name)
        missing = [source for source in nodes[name].inputs if source not in done]
        require(not entered & set(missing), f"{name} is made of itself")
        waiting.extend(missing)
        if not missing:
            done[waiting.pop()] = nodes[name]
    return done.values()


def _applied(node: Node, inputs: list[Any]) -> Any:
    flowing = [value for value in inputs if not isinstance(value, np.ndarray)]
    require(bool(flowing), f"{node.name} computes without a face")
    try:
        return OPERATIONS[node.op](node, *inputs)
    except Damaged as damage:
        raise Damaged(f"{node.op} {node.name}: {damage}") from damage
    except (TypeError, ValueError, IndexError) as error:
        raise Damaged(f"{node.op} {node.name} does not fit its inputs") from error


def _checked(node: Node, tensor: Any) -> Any:
    """The same, once each face has its own row of numbers, and not too many of them."""
    sides = tensor.shape[1:]
    apart = tensor.shape[0] is None and len(sides) > 0 and all(sides)
    require(apart, f"{node.op} {node.name} mixes faces")
    require(math.prod(sides) <= _MOST_VALUES, f"{node.op} {node.name} is too large")
    return tensor


# ---- operations: (node, inputs) -> KerasTensor


def _keras(name: str) -> Callable[..., Any]:
    def operation(node: Node, x: Any) -> Any:
        import keras

        return getattr(keras.ops, name)(x)

    return operation


def _of_two(name: str) -> Callable[..., Any]:
    def operation(node: Node, x: Any, y: Any) -> Any:
        import keras

        weights = [value for value in (x, y) if isinstance(value, np.ndarray)]
        fits = _per_channel(weights[0]) if weights else len(x.shape) == len(y.shape)
        require(fits, "its two inputs do not fit each other")
        return getattr(keras.ops, name)(x, y)

    return operation


def _per_channel(weight: NDArray[Any]) -> bool:
    """One number, or one a channel: what no batch can be mixed with."""
    return weight.dtype.kind == "f" and weight.size == (weight.shape or (1,))[-1]


def _rows(kind: str) -> Callable[..., Any]:
    """A sum or mean over sides of a face."""

    def operation(node: Node, x: Any, over: NDArray[Any]) -> Any:
        import keras

        axes = tuple(int(axis) % len(x.shape) for axis in _whole_numbers(over))
        return getattr(keras.ops, kind)(x, axis=axes, keepdims=node.flag("keep_dims"))

    return operation


def _whole_numbers(weight: Any) -> NDArray[np.int32]:
    fixed = isinstance(weight, np.ndarray) and weight.dtype.kind == "i"
    require(fixed, "an input that must be fixed whole numbers is not")
    return weight.ravel()


def _kernel(weight: Any, sides: int) -> NDArray[np.float32]:
    fits = isinstance(weight, np.ndarray) and weight.ndim == sides and weight.dtype.kind == "f"
    require(fits, f"its kernel is no weight with {sides} sides")
    return weight


def _convolution(kind: str) -> Callable[..., Any]:
    def operation(node: Node, x: Any, kernel: Any, *more: Any) -> Any:
        import keras

        require(node.text("data_format", "NHWC") == "NHWC", "it is not NHWC")
        padding = node.text("padding").lower()
        require(padding in ("same", "valid"), f"padding {padding!r}")
        run = getattr(keras.ops, kind)
        strides, dilations = _pair(node, "strides"), _pair(node, "dilations")
        y = run(x, _kernel(kernel, 4), strides, padding, "channels_last", dilations)
        return _fused(node, y, more)

    return operation


def _pair(node: Node, name: str) -> tuple[int, int]:
    """How far to step down and across, of the four numbers that a node has for it."""
    numbers = node.numbers(name)
    fits = len(numbers) == 4 and numbers[0] == numbers[3] == 1
    require(fits and 1 <= min(numbers) <= max(numbers) <= 16, f"{name} {numbers}")
    return numbers[1], numbers[2]


def _product(node: Node, x: Any, matrix: Any, *more: Any) -> Any:
    import keras

    turned = node.flag("transpose_a") or node.flag("transpose_b")
    require(not turned and len(x.shape) == 2, "only rows times a matrix are known")
    return _fused(node, keras.ops.matmul(x, _kernel(matrix, 2)), more)


def _fused(node: Node, x: Any, more: tuple[Any, ...]) -> Any:
    """What TensorFlow computes in one go with a product: bias, then an activation."""
    import keras

    steps = node.texts("fused_ops")
    known = steps in ((), ("BiasAdd",), ("BiasAdd", "Relu"))
    require(known, f"{' and '.join(steps)} after it is not known")
    require(len(more) == len(steps[:1]), "it has too many inputs, or too few")
    y = x + _kernel(more[0], 1) if more else x
    return keras.ops.relu(y) if "Relu" in steps else y


def _reshaped(node: Node, x: Any, shape: Any) -> Any:
    import keras

    sides = [int(side) for side in _whole_numbers(shape)[1:]]
    require(int(_whole_numbers(shape)[0]) == -1, "it does not keep faces apart")
    require(math.prod(sides) == math.prod(x.shape[1:]), "it mixes faces")
    return keras.ops.reshape(x, (-1, *sides))


def _padded(node: Node, x: Any, room: Any) -> Any:
    import keras

    pairs = _whole_numbers(room).reshape(-1, 2)
    require(not pairs[0].any() and pairs.min() >= 0 and pairs.max() <= 16, "a margin is too wide")
    return keras.ops.pad(x, [tuple(map(int, pair)) for pair in pairs])


def _squeezed(node: Node, x: Any) -> Any:
    import keras

    return keras.ops.squeeze(x, axis=node.numbers("squeeze_dims"))


#: What a graph may be made of, beside its placeholder and its weights.
OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "Abs": _keras("abs"),
    "Add": _of_two("add"),
    "AddV2": _of_two("add"),
    "Conv2D": _convolution("conv"),
    "DepthwiseConv2dNative": _convolution("depthwise_conv"),
    "FusedDepthwiseConv2dNative": _convolution("depthwise_conv"),
    "MatMul": _product,
    "Maximum": _of_two("maximum"),
    "Mean": _rows("mean"),
    "Minimum": _of_two("minimum"),
    "Mul": _of_two("multiply"),
    "Pad": _padded,
    "Relu": _keras("relu"),
    "Reshape": _reshaped,
    "Rsqrt": _keras("rsqrt"),
    "Sigmoid": _keras("sigmoid"),
    "Softmax": _keras("softmax"),
    "CropSquare": _keras("square"),
    "Squeeze": _squeezed,
    "Sub": _of_two("subtract"),
    "Sum": _rows("sum"),
    "_FusedConv2D": _convolution("conv"),
    "_FusedMatMul": _product,
}
