"""FD, BB and LM on pictures that were moved by a known number of pixels; PSNR and SSIM."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError
from anonfaces.evaluate import (
    FaceGeometry,
    bootstrap,
    face_geometry,
    geometry_kept,
    perceptual_distance,
    psnr,
    ssim,
)

MOVED = 24  # dlib's boxes come in steps of about 10 px at this size


@pytest.fixture(scope="module")
def face(everybody: list[list[Path]]) -> np.ndarray:
    """With room around it, so that all of it is there when it has moved."""
    canvas = np.full((256, 256, 3), 128, np.uint8)
    with Image.open(everybody[1][0]) as image:
        canvas[40:216, 40:216] = np.asarray(image.convert("RGB").resize((176, 176)))
    return canvas


@pytest.mark.parametrize("detector", ["dlib", pytest.param("mtcnn", marks=pytest.mark.slow)])
def test_a_moved_face_is_measured_as_far_as_it_was_moved(face: np.ndarray, detector: str) -> None:
    nothing = np.full_like(face, 128)
    moved = np.roll(face, (MOVED, MOVED), axis=(0, 1))
    before = face_geometry([face, face, face], detector)
    after = face_geometry([face, moved, nothing], detector)
    assert after.found.tolist() == [True, True, False]
    kept = geometry_kept(before, after)
    assert kept.mean("FD") == pytest.approx(2 / 3)
    assert kept.pairs == 2
    assert kept.box[0] == kept.landmark[0] == 0
    assert kept.box[1] == pytest.approx(MOVED * np.sqrt(2), abs=12)
    assert kept.landmark[1] == pytest.approx(MOVED, abs=2)
    assert np.isnan(kept.box[2])
    assert np.isnan(kept.landmark[2])


def geometry(detector: str, *box: float) -> FaceGeometry:
    shape = (1, 68 if detector == "dlib" else 5, 2)
    return FaceGeometry(detector=detector, box=np.array([box]), landmark=np.zeros(shape))


def test_the_published_column_of_dlib_averages_a_corner_with_a_size() -> None:
    wider = geometry("dlib", 10, 20, 30, 40), geometry("dlib", 10, 20, 40, 40)
    kept = geometry_kept(*wider)
    assert kept.box.tolist() == [5]
    assert kept.published_box is not None
    assert kept.published_box.tolist() == [5]  # ((0 + 10) / 2, 0)
    moved = geometry_kept(geometry("dlib", 10, 20, 30, 40), geometry("dlib", 16, 28, 36, 48))
    assert moved.box.tolist() == [10]
    assert moved.published_box is not None
    assert moved.published_box.tolist() == [5]  # half of what it moved
    assert "BB published" in moved.to_dict()
    mtcnn = geometry_kept(geometry("mtcnn", 0, 0, 2, 2), geometry("mtcnn", 0, 0, 2, 2))
    assert mtcnn.published_box is None
    assert list(mtcnn.to_dict()) == ["FD", "BB", "LM"]


def test_several_results_of_one_original_are_one_trial() -> None:
    rng = np.random.default_rng(0)
    source = np.repeat(np.arange(10), 10)
    of_source = rng.normal(size=10)[source]
    low, high = bootstrap(of_source, source)
    alone = bootstrap(of_source)
    assert low < of_source.mean() < high
    assert high - low > 2 * (alone.high - alone.low)


def test_the_bootstrap_holds_the_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(100):
        low, high = bootstrap(rng.normal(size=60), seed=seed)
        held += low <= 0 <= high
    assert 88 <= held <= 99
    assert np.isnan(bootstrap(np.full(3, np.nan))).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: face_geometry([], "yolo"), "expected one of dlib, mtcnn"),
        (lambda: face_geometry([np.zeros((4, 5, 3), np.uint8)]), "uint8"),
        (
            lambda: geometry_kept(geometry("dlib", 0, 0, 1, 1), geometry("mtcnn", 0, 0, 1, 1)),
            "same",
        ),
        (
            lambda: geometry_kept(*[geometry("dlib", 0, 0, 1, 1)] * 2, np.array([1])),
            "number of an original",
        ),
        (lambda: geometry_kept(*[geometry("dlib", 0, 0, 1, 1)] * 2).mean("IoU"), "FD, BB, LM"),
        (lambda: bootstrap(np.zeros(3), np.zeros(2)), "a row of numbers"),
        (lambda: bootstrap(np.zeros(3), confidence=1.0), "confidence"),
        (lambda: ssim([np.zeros((9, 9, 3), np.uint8)], [np.zeros((9, 9, 3), np.uint8)]), "windows"),
        (lambda: psnr([np.zeros((9, 9, 3), np.uint8)], [np.zeros((9, 8, 3), np.uint8)]), "shape"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_psnr_is_that_of_known_noise() -> None:
    rng = np.random.default_rng(0)
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = (grey + rng.choice([-10, 10], grey.shape)).astype(np.uint8)
    assert psnr([grey], [noisy])[0] == pytest.approx(20 * np.log10(25.5))
    assert psnr([grey], [grey])[0] == np.inf


def test_ssim_is_the_mean_over_windows_computed_one_by_one(face: np.ndarray) -> None:
    a, b = face[100:116, 100:114], face[103:119, 104:118]
    at = np.arange(11) - 5
    weight = np.exp(-(at**2) / (2 * 1.5**2))
    weight = np.outer(weight, weight) / weight.sum() ** 2
    values = []
    for row in range(6):
        for column in range(4):
            for channel in range(3):
                window = np.s_[row : row + 11, column : column + 11, channel]
                x, y = a[window].astype(float), b[window].astype(float)
                mean_x, mean_y = (weight * x).sum(), (weight * y).sum()
                spread_x, spread_y = (
                    (weight * (x - mean_x) ** 2).sum(),
                    (weight * (y - mean_y) ** 2).sum(),
                )
                joint = (weight * (x - mean_x) * (y - mean_y)).sum()
                values.append(
                    (2 * mean_x * mean_y + 2.55**2)
                    * (2 * joint + 7.65**2)
                    / ((mean_x**2 + mean_y**2 + 2.55**2) * (spread_x + spread_y + 7.65**2))
                )
    assert ssim([a], [b])[0] == pytest.approx(np.mean(values))
    assert ssim([face], [face])[0] == pytest.approx(1)
    blurred = np.asarray(Image.fromarray(face).resize((16, 16)).resize((256, 256)))
    assert 0 < ssim([face], [blurred])[0] < 0.9


def test_a_perceptual_distance_grows_with_what_is_changed(face: np.ndarray) -> None:
    import cv2

    blurred = cv2.GaussianBlur(face, (0, 0), 4)
    lighter = np.clip(face.astype(int) + 2, 0, 255).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, face.shape, dtype=np.uint8)
    found = perceptual_distance([face] * 4, [face, lighter, blurred, noise])
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    np.testing.assert_allclose(found[2], perceptual_distance([blurred], [face])[0], rtol=1e-5)
