"""Framing: squares cut out and back, measured on faces, and as a product with a gradient."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError
from encoders import expression
from encoders.align import align_dlib5, find_landmarks
from encoders.detect import load_detector
from encoders.frame import CropAlignment, CropSquare, estimate_alignment, resampling


def smooth(side: int) -> np.ndarray:
    small = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def faces(portraits: list[Path]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in portraits[:25]])


@pytest.mark.parametrize("size", [64, 100, 256])
def test_the_whole_square_is_a_plain_resize(size: int) -> None:
    picture = smooth(256)
    expected = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    off = np.abs(CropSquare().cut(picture[None], size)[0].astype(int) - expected)
    assert off.mean() < 1.5


def test_a_square_is_cut_where_it_lies() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[20:40, 60:80] = 200
    cut = CropSquare(0.7, 0.3, 0.2).cut(picture[None], 10)[0]
    assert (cut[1:-1, 1:-1] == 200).all()
    wider = CropSquare(0.7, 0.3, 0.4).cut(picture[None], 40)[0]
    assert wider[20, 20].tolist() == [200] * 3
    assert wider[4, 20].tolist() == [0] * 3


@pytest.mark.parametrize(
    "square", [CropSquare(0.5, 0.34, 1.57), CropSquare(0.4, 0.6, 0.7), CropSquare()]
)
def test_there_and_back(square: CropSquare) -> None:
    both = square.inverse().within(square)
    assert [both.x, both.y, both.side] == pytest.approx([0.5, 0.5, 1])


def test_within_is_one_cut_after_another() -> None:
    picture, inner, outer = smooth(256), CropSquare(0.4, 0.55, 0.6), CropSquare(0.5, 0.45, 0.8)
    twice = inner.cut(outer.cut(picture[None], 256), 64)[0].astype(int)
    once = inner.within(outer).cut(picture[None], 64)[0].astype(int)
    assert np.abs(once - twice).mean() < 2


def test_the_product_is_the_cut() -> None:
    picture, square = smooth(64), CropSquare(0.52, 0.47, 0.8)
    rows, columns = (resampling(64, square, axis, 150) for axis in "yx")
    made = np.einsum("yi,ijc,xj->yxc", rows, picture.astype(np.float32), columns)
    assert np.abs(made - square.cut(picture[None], 150)[0].astype(float)).mean() < 2


def test_outside_of_the_picture_the_product_is_black() -> None:
    rows = resampling(10, CropSquare(0.5, 0.5, 2), "y", 20)
    assert (rows.sum(axis=1) > 0).tolist() == [False] * 5 + [True] * 10 + [False] * 5


def test_a_product_that_shrinks_is_an_average() -> None:
    rows = resampling(64, CropSquare(), "y", 8)
    np.testing.assert_allclose(rows @ (np.arange(64) % 2), np.full(8, 0.5), atol=1e-6)


def test_the_measured_squares_are_dlibs_and_ffhqs(faces: np.ndarray) -> None:
    framing = estimate_alignment(faces)
    detector = load_detector("hog", 0)
    found = [(face, detector(face)) for face in faces]
    theirs = {i: align_dlib5(face, boxes[0]) for i, (face, boxes) in enumerate(found) if len(boxes)}

    def off(square: CropSquare) -> float:
        cut = square.cut(faces, 150).astype(int)
        return float(np.median([np.abs(cut[i] - chip).mean() for i, chip in theirs.items()]))

    x, y, side = framing.dlib.x, framing.dlib.y, framing.dlib.side
    moved = [(x + 0.05, y, side), (x - 0.05, y, side), (x, y + 0.05, side), (x, y - 0.05, side)]
    others = [*moved, (x, y, 1.1 * side), (x, y, 0.9 * side)]
    assert off(framing.dlib) < min(off(CropSquare(*other)) for other in others)
    chips = framing.to_ffhq(faces, 256)
    again = estimate_alignment(chips).ffhq
    assert [again.x, again.y, again.side] == [0.5, 0.5, 1]
    assert CropAlignment.from_json(framing.to_json()).ffhq.side == pytest.approx(
        framing.ffhq.side, 1e-4
    )


def test_without_faces_there_is_no_framing() -> None:
    with pytest.raises(InputError, match="finds a face in 0 of 3"):
        estimate_alignment(np.zeros((3, 64, 64, 3), np.uint8))


@pytest.mark.parametrize("side", [0.0, float("nan"), 1e9])
def test_a_framing_that_is_none_is_refused(side: float) -> None:
    square = {"x": 0.5, "y": 0.5, "side": side}
    with pytest.raises(ValueError, match="not a square"):
        CropAlignment.from_json({"ffhq": square, "dlib": square})


def test_yaw_turns_with_the_mirror_and_smile_does_not(faces: np.ndarray) -> None:
    detector = load_detector("hog", 0)
    face = next(face for face in faces if len(detector(face)) == 1)
    landmark = find_landmarks(face, detector(face)[0])
    pairs = [(36 + i, 45 - i) for i in range(4)] + [(40, 47), (41, 46), (48, 54), (49, 53)]
    mirrored = landmark.copy()
    mirrored[:, 0] = 255 - landmark[:, 0]
    order = np.arange(68)
    for a, b in pairs:
        order[[a, b]] = b, a
    mirrored = mirrored[order]
    both = np.stack([landmark, mirrored])
    assert expression.yaw(both)[0] == pytest.approx(-expression.yaw(both)[1], abs=1e-5)
    assert expression.smile(both)[0] == pytest.approx(expression.smile(both)[1], abs=1e-5)
    wide = landmark.copy()
    wide[48, 0] -= 5
    wide[54, 0] += 5
    assert expression.smile(wide[None])[0] > expression.smile(landmark[None])[0]
