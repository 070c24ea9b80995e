"""Any ONNX recognizer as a judge: its alignment, its preprocessing, and files that are hostile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import InputError, WeightsError
from anonfaces.evaluate.arcface import TEMPLATE, align_arcface, five_points, similarity
from anonfaces.evaluate.judges.judge import load_judge
from anonfaces.evaluate.onnx_embedder import Preprocessing, load_onnx

onnx = pytest.importorskip("onnx", reason="writes the networks that are read here")


def network(path: Path, shape: list[object], last: bool = False, external: bool = False) -> Path:
    """The mean color of a chip as a recognizer of three numbers, plus a weight of ones."""
    from onnx import TensorProto, helper

    weight = helper.make_tensor("one", TensorProto.FLOAT, [1], np.ones(1, np.float32))
    if external:
        weight.ClearField("float_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="secret.bin")
    nodes = []
    source = "chip"
    if last:
        nodes.append(helper.make_node("Transpose", ["chip"], ["first"], perm=[0, 3, 1, 2]))
        source = "first"
    nodes += [
        helper.make_node("GlobalAveragePool", [source], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Mul", ["flat", "one"], ["vector"]),
    ]
    given = helper.make_tensor_value_info("chip", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [None, 3])
    graph = helper.make_graph(nodes, "mean", [given], [made], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def colored(rgb: tuple[int, int, int], n: int = 2) -> np.ndarray:
    return np.full((n, 112, 112, 3), rgb, np.uint8)


@pytest.mark.parametrize(
    ("shape", "last"),
    [(["n", 3, 112, 112], False), ([1, 3, 112, 112], False), (["n", 112, 112, 3], True)],
)
def test_a_vector_is_what_the_network_says_of_length_one(
    tmp_path: Path, shape: list[object], last: bool
) -> None:
    embedder = load_onnx(network(tmp_path / "m.onnx", shape, last))
    assert (embedder.dim, embedder.chip_size, embedder.alignment) == (3, 112, "arcface-112")
    expected = (np.array([255, 51, 102]) - 127.5) / 127.5
    vectors = embedder(np.concatenate([colored((255, 51, 102), 40), colored((51, 255, 102))]))
    assert vectors.shape == (42, 3)
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected), atol=1e-4)
    np.testing.assert_allclose(vectors[41], vectors[0][[1, 0, 2]], atol=1e-4)


def test_the_order_of_colors_and_the_levels_are_the_users(tmp_path: Path) -> None:
    path = network(tmp_path / "m.onnx", ["n", 3, 112, 112])
    chips = colored((200, 100, 50))
    raw = load_onnx(path, Preprocessing(0.0, 1.0, "bgr"))(chips)[0]
    level = np.array([50, 100, 200]) / np.linalg.norm([50, 100, 200])
    np.testing.assert_allclose(raw, level, atol=1e-4)
    with pytest.raises(InputError, match="rgb or bgr"):
        Preprocessing(color="hsv")
    with pytest.raises(InputError, match="not 0"):
        Preprocessing(scale=0.0)


def test_a_file_that_is_no_recognizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_onnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match="cannot run"):
        load_onnx(tmp_path / "text.onnx")
    for shape in (["n", 3, 112, 96], ["n", 1, 112, 112], ["n", 3, 4096, 4096], [3, 112]):
        with pytest.raises(WeightsError):
            load_onnx(network(tmp_path / "odd.onnx", shape))


def test_a_network_reads_no_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(np.ones(1, np.float32).tobytes())
    with pytest.raises(WeightsError, match="cannot run"):
        load_onnx(network(tmp_path / "m.onnx", ["n", 3, 112, 112], external=True))


def test_the_command_names_it_by_its_file(tmp_path: Path) -> None:
    judge = load_judge(f"onnx:{network(tmp_path / 'my judge.onnx', ['n', 3, 112, 112])}")
    assert judge.name == "onnx:my judge.onnx"
    assert judge.took_part("ab", "optimised") == ""
    with pytest.raises(InputError, match="onnx:FILE"):
        load_judge("onnx")
    with pytest.raises(InputError, match="no judge 'magic'"):
        load_judge("magic")


@pytest.mark.parametrize("seed", range(4))
def test_a_similarity_finds_the_one_that_was_applied(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle, scale, shift = rng.uniform(-3, 3), rng.uniform(0.3, 3), rng.normal(size=2) * 50
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = rng.normal(size=(5, 2))
    found = similarity(points, points @ turn.T + shift)
    np.testing.assert_allclose(found, np.column_stack([turn, shift]), atol=1e-9)


def test_a_face_comes_to_lie_on_the_template() -> None:
    landmark = np.zeros((68, 2), np.float32)
    points = TEMPLATE * 2 + 30
    landmark[36:42], landmark[42:48], landmark[30] = points[0], points[1], points[2]
    landmark[48], landmark[54] = points[3], points[4]
    np.testing.assert_allclose(five_points(landmark), points, atol=1e-4)
    image = np.zeros((300, 300, 3), np.uint8)
    for x, y in points:
        image[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3] = 255
    chip = align_arcface(image, landmark)
    assert chip.shape == (112, 112, 3)
    for x, y in TEMPLATE:
        assert chip[round(y), round(x)].min() > 200
