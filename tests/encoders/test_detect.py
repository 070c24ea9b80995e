from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from pictures import crowd
from PIL import Image
from support import missing_data

from anonbase.errors import InputError
from encoders.detect import Detector, in_order, load_detector
from encoders.photographs.reading import decode


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    inner = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = float(np.maximum(inner, 0).prod())
    return both / (float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - both)


def _recall(boxes: np.ndarray, truth: list[np.ndarray]) -> int:
    return sum(any(_overlap(box, true) > 0.4 for box in boxes) for true in truth)


@pytest.fixture(scope="module", params=["hog", "mtcnn"])
def detector(request: pytest.FixtureRequest) -> Detector:
    return load_detector(request.param)


def test_twenty_faces_are_found_where_they_are(detector: Detector, portraits: list[Path]) -> None:
    picture = np.array(crowd(portraits))
    boxes = detector(picture)
    assert boxes.dtype == np.int32
    tiles = {(int(x) // 256, int(y) // 256) for x, y in (boxes[:, :2] + boxes[:, 2:]) / 2}
    assert len(tiles) >= 18
    assert len(boxes) <= 21


def test_mtcnn_draws_the_boxes_that_dlib_draws(portraits: list[Path]) -> None:
    hog, mtcnn = load_detector("hog"), load_detector("mtcnn")
    overlaps = []
    for path in portraits[:10]:
        image = np.array(Image.open(path).convert("RGB"))
        one, other = hog(image), mtcnn(image)
        if len(one) == len(other) == 1:
            overlaps.append(_overlap(one[0], other[0]))
    assert len(overlaps) >= 6
    assert np.mean(overlaps) > 0.65


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3), (64, 64, 3)])
def test_pictures_of_nothing_hold_no_face(detector: Detector, shape: tuple[int, ...]) -> None:
    assert detector(np.full(shape, 99, np.uint8)).shape == (0, 4)


def test_upsampling_finds_smaller_faces(portraits: list[Path]) -> None:
    small = np.array(crowd(portraits).resize((300, 240)))
    counts = [len(load_detector("hog", times)(small)) for times in (0, 1)]
    assert counts[1] > counts[0]
    assert len(load_detector("hog")(small)) == counts[1]


def test_boxes_come_in_the_order_of_whom_the_picture_is_of() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    boxes = np.array([[0, 0, 20, 20], [40, 40, 60, 60], [10, 40, 50, 80]], np.int32)
    np.testing.assert_array_equal(in_order(boxes, image), boxes[[2, 1, 0]])


def test_who_is_cut_by_the_border_is_a_bystander_however_near_to_the_camera() -> None:
    image = np.zeros((250, 250, 3), np.uint8)
    boxes = np.array([[-28, 163, 91, 271], [67, 80, 175, 187], [115, -60, 223, 116]], np.int32)
    assert in_order(boxes, image)[0].tolist() == [67, 80, 175, 187]


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(InputError, match="viola"):
        load_detector("viola")


@pytest.mark.parametrize("name", ["hog", "cnn"])
def test_hand_drawn_boxes_of_group_photographs_are_found(name: str, shared_data: Path) -> None:
    """dlib's own examples: nine photographs, their faces drawn by hand."""
    folder = shared_data / "group-photos"
    if not folder.is_dir():
        missing_data(f"no {folder}")
    detect = load_detector(name)
    found = total = 0
    for entry in _drawn(folder):
        truth = entry[1] if name == "hog" else entry[1][:3]
        boxes = detect(decode(entry[0].read_bytes()))
        found, total = found + _recall(boxes, truth), total + len(truth)
        if name == "cnn":
            break
    assert total >= 3
    assert found / total >= 0.85


def _drawn(folder: Path) -> list[tuple[Path, list[np.ndarray]]]:
    return [
        (folder / str(entry.get("file")), [_box(box) for box in entry.iter("box")])
        for table in sorted(folder.glob("faces_with_landmarks*.xml"))
        for entry in ET.parse(table).iter("image")  # noqa: S314 - dlib's own file
        if (folder / str(entry.get("file"))).is_file()
    ]


def _box(box: ET.Element) -> np.ndarray:
    left, top, width, height = (int(box.get(k, 0)) for k in ("left", "top", "width", "height"))
    return np.array([left, top, left + width, top + height])
