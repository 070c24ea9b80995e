from __future__ import annotations

from pathlib import Path

import dlib
import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError
from encoders.align import align, align_dlib5, align_ffhq, ffhq_landmarks, find_landmarks
from encoders.detect import in_order, load_detector
from encoders.models import model_path, shape_predictor


@pytest.fixture(scope="module")
def photographs(portraits: list[Path]) -> list[np.ndarray]:
    return [np.array(Image.open(path)) for path in portraits[:12]]


@pytest.fixture(scope="module")
def found(photographs: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Image, box and landmarks of each photograph with a face."""
    detect = load_detector("hog")
    boxes = [in_order(detect(image), image) for image in photographs]
    return [
        (image, box[0], find_landmarks(image, box[0]))
        for image, box in zip(photographs, boxes, strict=True)
        if len(box)
    ]


def test_dlib_chips_give_the_vectors_of_face_recognition(found: list) -> None:
    """face_recognition hands dlib the photograph and the 5 landmarks; we hand it the chip."""
    path = model_path("dlib_face_recognition_resnet_model_v1.dat")
    network = dlib.face_recognition_model_v1(str(path))
    for image, box, _ in found[:4]:
        shape = shape_predictor(5)(image, dlib.rectangle(*box.tolist()))
        theirs = np.array(network.compute_face_descriptor(image, shape, 1))
        ours = np.array(network.compute_face_descriptor(align_dlib5(image, box)))
        np.testing.assert_array_equal(ours, theirs)


def test_landmarks_of_an_ffhq_chip_lie_where_the_formula_puts_them(found: list) -> None:
    """The eyes' middle lies 0.1 of the way to the mouth above the middle of the chip."""
    assert len(found) >= 10
    for image, _, landmark in found:
        chip = align_ffhq(image, landmark, 256)
        again = find_landmarks(chip, np.array([64, 80, 192, 208]))
        left, right = again[36:42].mean(0), again[42:48].mean(0)
        mouth = again[[48, 54]].mean(0)
        eyes = (left + right) / 2
        assert abs((left - right)[1]) < 8
        np.testing.assert_allclose(eyes + 0.1 * (mouth - eyes), [127.5, 127.5], atol=8)
        half = max(2.0 * np.hypot(*(right - left)), 1.8 * np.hypot(*(mouth - eyes)))
        assert half == pytest.approx(128, abs=14)


def test_landmarks_go_where_the_pixels_under_them_go(found: list) -> None:
    """A photograph that holds its own coordinates, cut as an FFHQ chip, tells where it is from."""
    landmark = np.stack([points for _, _, points in found])
    on_chips = ffhq_landmarks(landmark, 256)
    across, down = np.meshgrid(*[np.arange(256, dtype=np.uint8)] * 2)
    for points, moved in zip(landmark, on_chips, strict=True):
        chip = align_ffhq(np.stack([across, down, down], axis=-1), points, 256)
        inside = moved[27:60]  # nose, eyes and mouth
        at = chip[*np.rint(inside[:, ::-1]).astype(int).T, :2]
        np.testing.assert_allclose(at, points[27:60], atol=1.5)


def test_a_turned_photograph_gives_the_same_ffhq_chip(found: list) -> None:
    image, _, landmark = found[0]
    turned = np.ascontiguousarray(np.rot90(image))
    moved = np.stack([landmark[:, 1], image.shape[1] - 1 - landmark[:, 0]], axis=1)
    one, other = align_ffhq(image, landmark, 128), align_ffhq(turned, moved, 128)
    off = np.abs(one.astype(int) - other)
    assert off[40:110, 30:98].mean() < 1.0
    assert off.mean() < 4.0  # what is filled in around the photograph need only be alike


@pytest.mark.parametrize("times", [3, 8])
def test_a_larger_photograph_gives_the_same_ffhq_chip(found: list, times: int) -> None:
    image, _, landmark = found[0]
    large = image.repeat(times, axis=0).repeat(times, axis=1)
    moved = (landmark + 0.5) * times - 0.5
    small = align_ffhq(image, landmark, 64).astype(int)
    assert np.abs(align_ffhq(large, moved, 64) - small).mean() < 2.0


def test_fine_stripes_average_out_in_an_ffhq_chip(found: list) -> None:
    _, _, landmark = found[0]
    stripes = np.zeros((2048, 2048, 3), np.uint8)
    stripes[:, ::2] = 255
    chip = align_ffhq(stripes, landmark * 8, 64)
    assert np.abs(chip.astype(int) - 127).max() <= 16


def test_a_face_at_the_edge_still_fills_its_chip(found: list) -> None:
    image, _, landmark = found[0]
    cut = np.ascontiguousarray(image[:, 100:])
    chip = align_ffhq(cut, landmark - [100, 0], 128)
    assert chip.shape == (128, 128, 3)
    assert chip.std(axis=(0, 1)).min() > 1


@pytest.mark.parametrize(
    ("alignment", "size"),
    [("dlib-5-150-0.25", 150), ("ffhq-68-96", 96), ("mtcnn-160-32", 160), ("mtcnn-160-0", 160)],
)
def test_alignments_by_name(found: list, alignment: str, size: int) -> None:
    chip = align(*found[0], alignment, size)
    assert chip.shape == (size, size, 3)
    assert chip.dtype == np.uint8


@pytest.mark.parametrize("alignment", ["", "dlib", "dlib-68-150-0.25", "ffhq-5-64", "arcface-112"])
def test_an_unknown_alignment_is_refused(found: list, alignment: str) -> None:
    with pytest.raises(InputError, match="alignment"):
        align(*found[0], alignment, 112)


@pytest.mark.parametrize("points", [np.zeros((68, 2)), np.full((68, 2), 1e6)])
def test_landmarks_without_sense_do_no_harm(found: list, points: np.ndarray) -> None:
    assert align_ffhq(found[0][0], points.astype(np.float32), 64).shape == (64, 64, 3)
