"""TensorFlow.js graph models: each operation against TensorFlow's own, and hostile files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import graph_writer as writer
import numpy as np
import pytest
from graph_writer import Model, numbers, steps, text, texts

from anonbase.errors import WeightsError
from anonfaces.evaluate.judges.graph_file import read_graph
from anonfaces.evaluate.judges.graph_model import OPERATIONS, build_graph

RNG = np.random.default_rng(0)
FACES = RNG.random((3, 8, 8, 3), dtype=np.float32) - np.float32(0.4)


def _weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(int(np.prod(shape))).standard_normal(shape).astype(np.float32)


KERNEL, DEPTHWISE, BIAS = _weight(3, 3, 3, 5), _weight(3, 3, 3, 2), _weight(5)
ONES = np.ones(3, np.float32)
AXES, ROOM = np.array([1, 2], np.int32), np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32)


def _run(model: Model, output: str, folder: Path, faces: np.ndarray = FACES) -> Any:
    graph = read_graph(model.write(folder / "model.json"))
    return build_graph(graph, (output,), lambda x: x).predict_on_batch(faces)


def _with_weights(op: str, *weights: np.ndarray, **attr: Any) -> Callable[[Model], str]:
    return lambda model: model.node(op, "faces", *map(model.weight, weights), **attr)


def _flat(op: str, *weights: np.ndarray, **attr: Any) -> Callable[[Model], str]:
    """The same on the mean pixel of each face."""

    def build(model: Model) -> str:
        mean = model.node("Mean", "faces", model.weight(AXES))
        return model.node(op, mean, *map(model.weight, weights), **attr)

    return build


def _tf(operation: Callable[..., Any]) -> Callable[[], np.ndarray]:
    def run() -> np.ndarray:
        import tensorflow as tf

        return operation(tf, tf.constant(FACES)).numpy()

    return run


def _biased_depthwise(tf: Any, x: Any) -> Any:
    return tf.nn.relu(tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 1, 1, 1], "SAME") + _weight(6))


OPS = {
    "Abs": (_with_weights("Abs"), lambda tf, x: tf.abs(x)),
    "Add": (_with_weights("Add", _weight(3)), lambda tf, x: x + _weight(3)),
    "AddV2": (lambda m: m.node("AddV2", "faces", "faces"), lambda tf, x: x + x),
    "Conv2D": (
        _with_weights("Conv2D", KERNEL, **steps(2)),
        lambda tf, x: tf.nn.conv2d(x, KERNEL, 2, "SAME"),
    ),
    "DepthwiseConv2dNative": (
        _with_weights("DepthwiseConv2dNative", DEPTHWISE, **steps(2, "VALID")),
        lambda tf, x: tf.nn.depthwise_conv2d(x, DEPTHWISE, [1, 2, 2, 1], "VALID"),
    ),
    "FusedDepthwiseConv2dNative": (
        _with_weights("FusedDepthwiseConv2dNative", DEPTHWISE, _weight(6),
                      **steps(1, "SAME", "BiasAdd", "Relu")),
        _biased_depthwise,
    ),
    "MatMul": (
        _flat("MatMul", _weight(3, 4)),
        lambda tf, x: tf.reduce_mean(x, [1, 2]) @ _weight(3, 4),
    ),
    "Maximum": (_with_weights("Maximum", _weight(1)[0]), lambda tf, x: tf.maximum(x, _weight(1))),
    "Mean": (
        _with_weights("Mean", AXES, keep_dims={"b": True}),
        lambda tf, x: tf.reduce_mean(x, [1, 2], keepdims=True),
    ),
    "Minimum": (_with_weights("Minimum", _weight(3)), lambda tf, x: tf.minimum(x, _weight(3))),
    "Mul": (_with_weights("Mul", _weight(1, 3)), lambda tf, x: x * _weight(3)),
    "Pad": (_with_weights("Pad", ROOM), lambda tf, x: tf.pad(x, ROOM)),
    "Relu": (_with_weights("Relu"), lambda tf, x: tf.nn.relu(x)),
    "Reshape": (
        _with_weights("Reshape", np.array([-1, 192], np.int32)),
        lambda tf, x: tf.reshape(x, [-1, 192]),
    ),
    "Rsqrt": (
        lambda m: m.node("Rsqrt", m.node("Add", m.node("Abs", "faces"), m.weight(ONES))),
        lambda tf, x: tf.math.rsqrt(tf.abs(x) + 1),
    ),
    "Sigmoid": (_with_weights("Sigmoid"), lambda tf, x: tf.sigmoid(x)),
    "Softmax": (_flat("Softmax"), lambda tf, x: tf.nn.softmax(tf.reduce_mean(x, [1, 2]))),
    "CropSquare": (_with_weights("CropSquare"), lambda tf, x: tf.square(x)),
    "Squeeze": (
        lambda m: m.node("Squeeze", m.node("Mean", "faces", m.weight(AXES), keep_dims={"b": True}),
                         squeeze_dims=numbers(1, 2)),
        lambda tf, x: tf.reduce_mean(x, [1, 2]),
    ),
    "Sub": (_with_weights("Sub", _weight(3)), lambda tf, x: x - _weight(3)),
    "Sum": (_with_weights("Sum", np.array(-1, np.int32)), lambda tf, x: tf.reduce_sum(x, -1)),
    "_FusedConv2D": (
        _with_weights("_FusedConv2D", KERNEL, BIAS, **steps(1, "VALID", "BiasAdd")),
        lambda tf, x: tf.nn.conv2d(x, KERNEL, 1, "VALID") + BIAS,
    ),
    "_FusedMatMul": (
        _flat("_FusedMatMul", _weight(3, 4), _weight(4), fused_ops=texts("BiasAdd", "Relu")),
        lambda tf, x: tf.nn.relu(tf.reduce_mean(x, [1, 2]) @ _weight(3, 4) + _weight(4)),
    ),
}  # fmt: skip


def test_every_known_operation_has_its_row() -> None:
    assert set(OPS) == set(OPERATIONS)


@pytest.mark.parametrize("op", OPS)
def test_an_operation_is_tensorflows(op: str, tmp_path: Path) -> None:
    build, theirs = OPS[op]
    model = Model()
    ours = _run(model, build(model), tmp_path)
    np.testing.assert_allclose(ours, _tf(theirs)(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("stored", "error"), [("", 0), ("float16", 2e-3), ("uint8", 2e-2), ("uint16", 1e-4)]
)
@pytest.mark.parametrize("shards", [1, 3])
def test_weights_are_read_however_they_are_stored(
    stored: str, error: float, shards: int, tmp_path: Path
) -> None:
    model = Model()
    model.weight(KERNEL, stored, name="kernel")
    model.weight(AXES, name="axes")
    graph = read_graph(model.write(tmp_path / "model.json", shards))
    np.testing.assert_allclose(graph.weights["kernel"], KERNEL, atol=error)
    np.testing.assert_array_equal(graph.weights["axes"], AXES)
    whole = (tmp_path / "model.json").read_bytes() + model.content
    assert graph.sha256 == hashlib.sha256(whole).hexdigest()


def test_a_face_is_computed_by_itself(tmp_path: Path) -> None:
    model = Model()
    output = OPS["FusedDepthwiseConv2dNative"][0](model)
    together = _run(model, output, tmp_path)
    alone = _run(model, output, tmp_path, FACES[1:2])
    np.testing.assert_allclose(alone[0], together[1], atol=1e-6)


def _loop(model: Model) -> str:
    model.node("Add", "faces", "round", name="there")
    return model.node("Relu", "there", name="round")


def _const_alone(model: Model) -> str:
    return model.node("Add", model.weight(BIAS), model.weight(BIAS))


def _too_large(model: Model) -> str:
    return model.node("Conv2D", "faces", model.weight(np.ones((1, 1, 3, 300_000), "f4")), **steps())


REFUSED: dict[str, tuple[Callable[[Model], str], str]] = {
    "an operation that is not known": (
        lambda m: m.node("ReadFile", "faces"), "model.json: the operation ReadFile of node1",
    ),
    "no such output": (lambda m: "nowhere", "there is no node nowhere"),
    "no such input": (lambda m: m.node("Relu", "nowhere"), "there is no node nowhere"),
    "an output of a node that has but one": (
        lambda m: m.node("Relu", "faces:1"), "there is no node faces:1",
    ),
    "made of itself": (_loop, "is made of itself"),
    "no weights": (lambda m: m.node("Const"), "there are no weights for node1"),
    "an output without a face": (lambda m: m.weight(BIAS), "does not depend on faces"),
    "computing without a face": (_const_alone, "computes without a face"),
    "too few inputs": (lambda m: m.node("Conv2D", "faces", **steps()), "does not fit its inputs"),
    "a kernel for other channels": (
        _with_weights("Conv2D", _weight(3, 3, 4, 5), **steps()), "does not fit its inputs",
    ),
    "a kernel of three sides": (
        _with_weights("Conv2D", _weight(3, 3, 3), **steps()), "no weight with 4 sides",
    ),
    "a face as the kernel": (
        lambda m: m.node("Conv2D", "faces", "faces", **steps()), "no weight with 4 sides",
    ),
    "NCHW": (
        _with_weights("Conv2D", KERNEL, **(steps() | {"data_format": text("NCHW")})), "not NHWC",
    ),
    "another padding": (_with_weights("Conv2D", KERNEL, **steps(1, "EXPLICIT")), "explicit"),
    "a stride over faces": (
        _with_weights("Conv2D", KERNEL, **(steps() | {"strides": numbers(2, 1, 1, 1)})), "strides",
    ),
    "a stride of nothing": (_with_weights("Conv2D", KERNEL, **steps(0)), "strides"),
    "a stride that is no number": (
        _with_weights("Conv2D", KERNEL, **(steps() | {"strides": texts("1", "1", "1", "1")})),
        r"strides \(\)",
    ),
    "another activation": (
        _with_weights("_FusedConv2D", KERNEL, BIAS, **steps(1, "SAME", "BiasAdd", "Elu")),
        "BiasAdd and Elu",
    ),
    "a bias that is missing": (
        _with_weights("_FusedConv2D", KERNEL, **steps(1, "SAME", "BiasAdd")), "too many inputs",
    ),
    "a transposed product": (
        _flat("MatMul", _weight(3, 4), transpose_b={"b": True}), "only rows times a matrix",
    ),
    "a flag that is none": (
        _flat("MatMul", _weight(3, 4), transpose_b={"b": 1}), "neither true nor false",
    ),
    "a mean over faces": (_with_weights("Mean", np.array([0, 1], np.int32)), "mixes faces"),
    "a mean over what is not fixed": (
        lambda m: m.node("Mean", "faces", "faces"), "must be fixed whole numbers",
    ),
    "faces on end": (
        _with_weights("Reshape", np.array([-1, 96], np.int32)), "mixes faces",
    ),
    "faces in one row": (
        _with_weights("Reshape", np.array([1, -1], np.int32)), "does not keep faces apart",
    ),
    "more faces": (_with_weights("Pad", ROOM[::-1].T.repeat(2, 0)[:4]), "margin|fit"),
    "a wide margin": (_with_weights("Pad", ROOM * 1000), "a margin is too wide"),
    "another number for each face": (
        _with_weights("Mul", _weight(3, 1, 1, 3)), "do not fit each other",
    ),
    "more values than a face has": (_too_large, "is too large"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_graph_that_is_no_face_network_is_refused(why: str, tmp_path: Path) -> None:
    build, message = REFUSED[why]
    model = Model()
    with pytest.raises(WeightsError, match=message):
        _run(model, build(model), tmp_path)


@pytest.mark.parametrize(
    ("sides", "message"),
    [((8, 9, 3), "no square face"), ((8, 8, 1), "no square face"), ((4096, 4096, 3), "no square")],
)
def test_what_does_not_take_a_face_is_refused(
    sides: tuple[int, ...], message: str, tmp_path: Path
) -> None:
    model = Model()
    model.nodes[0] = writer.placeholder(*sides)
    with pytest.raises(WeightsError, match=message):
        _run(model, model.node("Relu", "faces"), tmp_path)


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    model = Model()
    model.nodes.append(writer.placeholder(8, 8, 3) | {"name": "other"})
    with pytest.raises(WeightsError, match="it has 2 inputs"):
        _run(model, model.node("Relu", "faces"), tmp_path)


def _changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        model = json.loads(path.read_text())
        changed = change(model)
        path.write_text(json.dumps(model if changed is None else changed))

    return damage


def _entry(**values: Any) -> Callable[[Path], None]:
    return _changed(lambda model: model["weightsManifest"][0]["weights"][0].update(values))


def _shard(name: Any) -> Callable[[Path], None]:
    return _changed(lambda model: model["weightsManifest"][0].update(paths=[name]))


def _nodes(*nodes: Any) -> Callable[[Path], None]:
    return _changed(lambda model: model["modelTopology"].update(node=list(nodes)))


def _link(path: Path) -> None:
    (path.parent / "elsewhere").write_bytes((path.parent / "model0.bin").read_bytes())
    (path.parent / "model0.bin").unlink()
    (path.parent / "model0.bin").symlink_to("elsewhere")


def _pipe(path: Path) -> None:
    (path.parent / "model0.bin").unlink()
    os.mkfifo(path.parent / "model0.bin")


def _cut(path: Path) -> None:
    weights = path.parent / "model0.bin"
    weights.write_bytes(weights.read_bytes()[:-1])


DAMAGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "gone": (Path.unlink, "cannot be read"),
    "no JSON": (lambda path: path.write_bytes(b"\x00\xff"), "no JSON"),
    "nested": (lambda path: path.write_text("[" * 200_000), "no JSON"),
    "a long number": (lambda path: path.write_text('{"a": ' + "9" * 5000 + "}"), "no JSON"),
    "a list": (_changed(lambda model: [model]), "the file is missing or no object"),
    "no topology": (_changed(lambda model: model.pop("modelTopology") and None), "modelTopology"),
    "no manifest": (_changed(lambda model: model.pop("weightsManifest") and None), "Manifest"),
    "a node that is text": (_nodes("Relu"), "a node is missing or no object"),
    "a node without a name": (_nodes({"op": "Relu"}), "the name of a node"),
    "two nodes of one name": (_nodes(*[{"name": "a", "op": "Relu"}] * 2), "two nodes"),
    "too many nodes": (_nodes(*[{"name": "a", "op": "Relu"}] * 5001), "more than 5000 nodes"),
    "an input that is a number": (
        _nodes({"name": "a", "op": "Relu", "input": [1]}), "an input of a",
    ),
    "weights outside": (_shard("../model0.bin"), "do not lie in its folder"),
    "weights anywhere": (_shard("/etc/passwd"), "do not lie in its folder"),
    "weights of another system": (_shard("C:secret"), "do not lie in its folder"),
    "the folder itself": (_shard(".."), "do not lie in its folder"),
    "a path that is a number": (_shard(3), "a path of weights is missing or no text"),
    "weights that are a link": (_link, "are a link"),
    "weights that never end": (_pipe, "no file"),
    "weights that are gone": (lambda path: (path.parent / "model0.bin").unlink(), "cannot be read"),
    "weights cut short": (_cut, "the weights end before"),
    "bytes left over": (
        lambda path: (path.parent / "model0.bin").write_bytes(b"0" * 541), "bytes follow",
    ),
    "a side that is text": (_entry(shape=["3", "x"]), "no whole number"),
    "a side that is a truth": (_entry(shape=[True]), "no whole number"),
    "a negative side": (_entry(shape=[-3, -45]), "has no shape"),
    "many sides": (_entry(shape=[1] * 7), "has no shape"),
    "a huge shape": (_entry(shape=[99_999_999_999] * 6), "the weights end before"),
    "another type": (_entry(dtype="string"), "is stored as 'string'"),
    "a type that is a list": (_entry(dtype=["float32"]), "is stored as"),
    "another quantisation": (_entry(quantization={"dtype": "int4"}), "is stored as 'int4'"),
    "a quantised whole number": (
        _entry(dtype="int32", quantization={"dtype": "uint8"}), "and quantised",
    ),
    "no scale": (
        _entry(shape=[4, 3, 3, 15], quantization={"dtype": "uint8", "min": 0}), "scale of kernel",
    ),
    "an endless scale": (
        _entry(shape=[4, 3, 3, 15], quantization={"dtype": "uint8", "min": 0, "scale": 1e999}),
        "scale of kernel is no number",
    ),
    "no number": (
        lambda path: (path.parent / "model0.bin").write_bytes(b"\xff" * 540), "finite numbers",
    ),
    "two weights of one name": (
        _changed(lambda m: m["weightsManifest"].append(m["weightsManifest"][0])), "two weights",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_file_is_refused(how: str, tmp_path: Path) -> None:
    damage, message = DAMAGED[how]
    model = Model()
    model.weight(KERNEL, name="kernel")
    path = model.write(tmp_path / "model.json")
    damage(path)
    with pytest.raises(WeightsError, match=message) as refused:
        read_graph(path)
    assert str(tmp_path) in str(refused.value)


def test_files_larger_than_a_face_network_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model()
    model.weight(KERNEL)
    path = model.write(tmp_path / "model.json")
    monkeypatch.setattr("anonfaces.evaluate.judges.graph_file._LARGEST_SHARDS", 500)
    with pytest.raises(WeightsError, match="larger than"):
        read_graph(path)
    monkeypatch.setattr("anonfaces.evaluate.judges.graph_file._LARGEST_JSON", 100)
    with pytest.raises(WeightsError, match=r"model.json: larger than"):
        read_graph(path)
