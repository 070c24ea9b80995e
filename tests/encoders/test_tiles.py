"""Pictures in tiles: each face once, whatever its size and place."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from encoders.detect import load_detector
from encoders.detect._boxes import distinct, overlap, same_face
from encoders.detect._suppression import distinct_candidates
from encoders.detect._tiles import SHRINK, Scored, Tiling, _spans, look_in_tiles

SIDES = (20, 33, 47, 70, 101, 149, 230, 420, 777)


def _white_squares(tile: NDArray[np.uint8]) -> Scored:
    """What a perfect detector of white squares finds: those of 20 px and more, cut ones too."""
    import cv2

    _, _, stats, _ = cv2.connectedComponentsWithStats((tile[:, :, 0] > 127).astype(np.uint8))
    left, top, width, height = stats[1:, :4].T.astype(np.float64)
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    large = np.maximum(width, height) >= 20
    border = np.array([tile.shape[1], tile.shape[0]])
    # as a face detector does: a face that the tile cuts is drawn in full
    grow = (boxes[:, 2:] >= border) * 0.3 * width[:, None] - 0.0
    boxes[:, 2:] += grow
    boxes[:, :2] -= (boxes[:, :2] <= 0) * 0.3 * width[:, None]
    return boxes[large], np.ones(int(large.sum()))


@pytest.fixture(scope="module")
def squares() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture of 3,100 x 2,300 with squares of many sizes, none at its border."""
    picture = np.zeros((2300, 3100, 3), np.uint8)
    rng = np.random.default_rng(4)
    boxes: list[list[int]] = []
    for side in sorted(SIDES * 3, reverse=True):
        for _ in range(1000):
            x, y = (int(rng.integers(10, end - side - 10)) for end in (3100, 2300))
            if not picture[max(y - 9, 0) : y + side + 9, max(x - 9, 0) : x + side + 9].any():
                picture[y : y + side, x : x + side] = 255
                boxes.append([x, y, x + side, y + side])
                break
    return picture, np.array(boxes, np.float64)


@pytest.mark.parametrize("tiling", [Tiling(640, 160), Tiling(1024, 240), Tiling(5000, 160)])
def test_each_square_is_found_once(
    squares: tuple[NDArray[np.uint8], NDArray[np.float64]], tiling: Tiling
) -> None:
    picture, truth = squares
    assert len(truth) >= 20
    boxes, _ = look_in_tiles(picture, _white_squares, tiling)
    over = overlap(boxes, truth)
    assert (over.max(axis=0) > 0.9).all()
    assert len(boxes) == len(truth)


@pytest.mark.parametrize("length", [100, 640, 641, 1121, 5000, 20_000])
def test_tiles_leave_nothing_out_and_overlap_enough(length: int) -> None:
    spans = _spans(length, Tiling(640, 160))
    assert spans[0].start == 0
    assert spans[-1].stop == length
    assert all(span.stop - span.start <= 640 for span in spans)
    overlaps = [a.stop - b.start for a, b in pairwise(spans)]
    assert min(overlaps, default=160) >= 160 - 1  # what rounding takes


def test_every_size_is_looked_for_somewhere() -> None:
    """MTCNN's smallest face in a shrunk copy is smaller than what its tiles overlap by."""
    from encoders.detect import mtcnn

    assert mtcnn._TILING.overlap >= mtcnn._SMALLEST * SHRINK


def test_faces_of_45_pixels_in_a_wide_picture(portraits: list[Path]) -> None:
    """Twelve times as wide as a detector is shown at once: shrunk to that, they would be 20 px."""
    picture = np.full((110, 5000, 3), 180, np.uint8)
    places = [(60, 20), (1990, 30), (2530, 5), (4880, 33)]
    for (x, y), path in zip(places, portraits[1:], strict=False):
        face = Image.open(path).convert("RGB").resize((75, 75), Image.Resampling.LANCZOS)
        picture[y : y + 75, x : x + 75] = np.array(face)
    boxes = load_detector("hog", 1)(picture)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for x, y in places:
        assert np.abs(middles - [x + 37, y + 42]).max(axis=1).min() < 15
    assert len(boxes) == len(places)


def test_a_box_within_a_box_is_one_face() -> None:
    boxes = np.array([[0, 0, 100, 100], [20, 20, 70, 70], [40, 40, 52, 52], [90, 0, 190, 100]])
    assert same_face(boxes[:1], boxes)[0].tolist() == [True, True, False, False]
    assert distinct(boxes, np.array([0.5, 0.9, 0.1, 0.7])).tolist() == [1, 3, 2]


@pytest.mark.parametrize("method", ["union", "min"])
@pytest.mark.parametrize("initial_sort", [True, False])
@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 500])
def test_candidates_compared_in_blocks_are_those_of_the_package(
    count: int, initial_sort: bool, method: str
) -> None:
    from mtcnn.utils.bboxes import smart_nms_from_bboxes

    rng = np.random.default_rng(count)
    corner, size = rng.uniform(0, 200, (count, 2)), rng.uniform(5, 60, (count, 2))
    score = rng.uniform(size=(count, 1))
    boxes = np.hstack([np.zeros((count, 1)), corner, corner + size, score])
    how = {"method": method, "initial_sort": initial_sort}
    theirs = smart_nms_from_bboxes(boxes, 0.5, **how)
    np.testing.assert_array_equal(distinct_candidates(boxes, 0.5, **how), theirs)


def test_ten_thousand_boxes_of_a_crowd_take_little_memory() -> None:
    rng = np.random.default_rng(0)
    corner = np.repeat(rng.permutation(400)[:, None] * [150.0, 0.0], 25, axis=0)
    boxes = np.hstack([corner, corner + 100]) + rng.uniform(-5, 5, (10_000, 4))
    tracemalloc.start()
    kept = distinct(boxes, rng.uniform(size=len(boxes)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == 400
    assert peak < 2**24
