"""Heat maps, baselines, deconvolution, places and losses, on small arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonfaces.optics import losses
from anonfaces.optics.baseline_spec import BASELINES
from anonfaces.optics.baselines import FixedPsf, baseline
from anonfaces.optics.camera import FROZEN, Camera, CameraConfig
from anonfaces.optics.deconvolution import richardson_lucy, wiener
from anonfaces.optics.faces import FRAME, MIRRORED, FaceFrames, Frames, Jitter, in_sides
from anonfaces.optics.heatmaps import (
    level_maps,
    map_loss,
    maps_to_points,
    points_to_maps,
)
from anonfaces.optics.lab import Pairs, estimate_psf
from anonfaces.optics.place import fit, put_back, straighten
from anonfaces.optics.privacy import Sight, recognition
from anonfaces.optics.recognition import identity_loss
from anonfaces.optics.sensor import Sensor, convolve
from anonfaces.optics.store import load_camera, save_camera

SMALL = CameraConfig(size=16, oversampling=16, zernikes=15)


def smooth(rng: np.random.Generator, count: int, size: int) -> NDArray[np.float32]:
    """Pictures of large blobs, 0.1 to 0.9."""
    coarse = rng.random((count, 6, 6, 3)).astype(np.float32)
    fine = np.asarray(ops.image.resize(coarse, (size, size), interpolation="bicubic"))
    return np.clip(0.1 + 0.8 * fine, 0.02, 0.98)


def spot(size: int, width: float) -> NDArray[np.float32]:
    """A Gaussian PSF in the middle."""
    y, x = np.mgrid[:size, :size] - size // 2
    one = np.exp(-(x**2 + y**2) / (2 * width**2))
    return np.repeat((one / one.sum())[..., None], 3, axis=2).astype(np.float32)


def faces(count: int = 5) -> FaceFrames:
    rng = np.random.default_rng(0)
    return FaceFrames(
        chip=(smooth(rng, count, 128) * 255).astype(np.uint8),
        landmark=rng.uniform(0.4, 0.8, (count, 68, 2)).astype(np.float32),
        vector=rng.normal(size=(count, 128)).astype(np.float32),
        identity=np.array([f"p{i}" for i in range(count)]),
        name=np.array([f"p{i}/a.jpg" for i in range(count)]),
    )


def test_maps_of_landmarks_lead_back_to_them() -> None:
    points = np.random.default_rng(0).uniform(0.2, 0.8, (3, 68, 2)).astype(np.float32)
    maps = points_to_maps(points, 16)
    assert np.asarray(ops.sum(maps, axis=(1, 2))) == pytest.approx(np.ones((3, 68)), abs=1e-5)
    logits = ops.log(maps + 1e-12)
    assert np.abs(np.asarray(maps_to_points(logits)) - points).max() < 0.005
    moved = ops.roll(logits, 3, axis=2)
    assert float(map_loss(logits, points)) < 0.1 < float(map_loss(moved, points))
    levels = np.asarray(level_maps(logits))
    assert levels.shape == (3, 16, 16, 2)
    assert levels.min() >= 0
    assert levels.max() == pytest.approx(1)


def test_a_mirror_of_a_mirror_is_the_face_and_frames_carry_their_landmarks() -> None:
    assert (MIRRORED[MIRRORED] == np.arange(68)).all()
    those = faces()
    plain = those.frames(np.arange(2), 32)
    assert plain.image.shape == (2, 32, 32, 3)
    back = plain.landmark * FRAME.side + [FRAME.x - FRAME.side / 2, FRAME.y - FRAME.side / 2]
    assert np.abs(back - those.landmark[:2]).max() < 1e-5
    still = Jitter(shift=0, scale=0)
    rng = np.random.default_rng(0)
    moved = those.frames(np.arange(5), 32, rng, still)
    assert moved.mirrored.any()
    where = np.flatnonzero(moved.mirrored)
    unturned = those.frames(where, 32)
    assert np.abs(moved.image[where] - unturned.image[:, :, ::-1]).max() == 0
    turned = (unturned.landmark * [-1, 1] + [1, 0])[:, MIRRORED]
    assert np.abs(moved.landmark[where] - turned).max() < 1e-6


def test_landmarks_in_sides_are_those_in_pixels_from_the_corner() -> None:
    from encoders.align import ffhq_landmarks

    landmark = np.random.default_rng(0).uniform(50, 90, (2, 68, 2)).astype(np.float32)
    pixels = ffhq_landmarks(landmark, 256)
    assert in_sides(landmark) == pytest.approx((pixels + 0.5) / 256, abs=1e-5)


@pytest.mark.parametrize("name", [*BASELINES])
def test_a_baseline_keeps_an_even_gray_and_hides_more_the_stronger_it_is(name: str) -> None:
    rng = np.random.default_rng(3)
    image = rng.uniform(0.2, 0.8, (2, 16, 16, 3)).astype(np.float32)
    few = (12, 3)
    strengths = {
        "none": (0, 0), "defocus": (0.2, 1.0), "low": few, "binned": few, "box": (3, 9),
    }[name]  # fmt: skip
    weak, strong = (baseline(name, strength, SMALL) for strength in strengths)
    gray = np.full((1, 16, 16, 3), 0.5, np.float32)
    assert np.abs(weak(gray).numpy() - 0.5).max() < 0.06
    off = [np.abs(camera(image).numpy() - image).mean() for camera in (weak, strong)]
    assert off[0] < off[1] or name == "none"
    assert name != "none" or off[0] < 0.03


def test_the_figure_shows_every_baseline() -> None:
    from anonfaces.optics.figures import tradeoff_figure

    cameras = ("mask", *(f"{name}:1" for name in BASELINES))
    curve = [{"camera": name, "landmark_px": 5.0, "dlib_rank1": 0.5} for name in cameras]
    lines = tradeoff_figure(curve, ["dlib"]).axes[0].get_lines()
    assert sum(len(line.get_xdata()) for line in lines) == len(cameras)


@pytest.mark.parametrize("name", ["low", "binned"])
def test_few_pixels_are_few(name: str) -> None:
    image = np.random.default_rng(3).random((1, 16, 16, 3)).astype(np.float32)
    seen = baseline(name, 4, SMALL)(image).numpy()
    blocks = seen.reshape(1, 4, 4, 4, 4, 3)
    assert np.ptp(blocks, axis=(2, 4)).max() == 0


def test_added_pixels_are_less_noisy_than_few() -> None:
    gray = np.full((8, 16, 16, 3), 0.5, np.float32)
    sensor = Sensor(full_well=200, read_noise=0.05)
    noise = {
        name: baseline(name, 4, SMALL, sensor=sensor)(gray).numpy()[:, ::4, ::4].std()
        for name in ("low", "binned")
    }
    assert noise["binned"] == pytest.approx(noise["low"] / 4, rel=0.25)  # 16 pixels each


def test_deconvolution_brings_a_blurred_picture_nearer() -> None:
    rng = np.random.default_rng(1)
    sharp, psf = smooth(rng, 2, 32), spot(32, 1.5)
    blurred = np.clip(np.asarray(convolve(sharp**2.2, psf)), 0, 1) ** (1 / 2.2)
    before = np.abs(blurred - sharp).mean()
    assert np.abs(wiener(blurred, psf, 1e-4) - sharp).mean() < 0.5 * before
    assert np.abs(richardson_lucy(blurred, psf, 30) - sharp).mean() < 0.5 * before


def test_deconvolution_of_a_sharp_camera_changes_nothing() -> None:
    sharp = smooth(np.random.default_rng(1), 1, 16)
    psf = np.zeros((16, 16, 3), np.float32)
    psf[8, 8] = 1
    assert np.abs(wiener(sharp, psf, 1e-8) - sharp).max() < 1e-3
    assert np.abs(richardson_lucy(sharp, psf, 3) - sharp).max() < 1e-3


def test_the_psf_of_pairs_is_found() -> None:
    rng = np.random.default_rng(2)
    sharp = rng.uniform(0.05, 1, (40, 32, 32, 3)).astype(np.float32)
    psf = np.roll(spot(32, 1.5), (2, -1), axis=(0, 1))
    private = np.clip(np.asarray(convolve(sharp**2.2, psf)), 1e-6, 1) ** (1 / 2.2)
    found = estimate_psf(Pairs(sharp, private, np.zeros((40, 68, 2), np.float32)))
    assert np.unravel_index(found[..., 1].argmax(), (32, 32)) == (18, 15)
    assert np.abs(found - psf).sum(axis=(0, 1)).max() < 0.35
    assert found.sum(axis=(0, 1)) == pytest.approx(np.ones(3), rel=1e-5)


def test_a_face_is_put_back_where_it_was() -> None:
    rng = np.random.default_rng(4)
    mean = rng.uniform(0.3, 0.7, (68, 2))
    moves = np.array([[1.0, 0.0, 0.0], [0.8, 0.05, 0.12]])
    points = mean[None] * moves[:, :1, None] + moves[:, None, 1:]
    assert fit(points, mean) == pytest.approx(moves, abs=1e-6)
    images = smooth(rng, 2, 32)
    upright = straighten(images, moves)
    assert np.abs(upright[0] - images[0]).max() < 1e-5
    again = put_back(images, upright, moves)
    assert np.abs(again - images).mean() < 0.02


def test_the_adversary_is_content_where_own_faces_are_no_nearer() -> None:
    rng = np.random.default_rng(5)
    own = rng.normal(size=(6, 8)).astype(np.float32)
    seen = float(identity_loss(own, own))
    turned = float(identity_loss(np.roll(own, 1, axis=0), own))
    same = float(identity_loss(np.zeros_like(own), own))
    assert turned < same < seen


def test_losses_of_the_optics_are_what_they_say() -> None:
    image = smooth(np.random.default_rng(6), 1, 32)
    assert float(losses.similarity(image, image)) == pytest.approx(1, abs=1e-5)
    assert float(losses.similarity(image, 1 - image)) < 0.2
    psf = spot(32, 1.0)
    assert float(losses.outside(psf, 0.25)) < 1e-4
    assert float(losses.off_center(psf)) == pytest.approx(0, abs=1e-6)
    moved = np.roll(psf, (8, 0), axis=(0, 1))
    assert float(losses.off_center(moved)) == pytest.approx((8 / 32) ** 2, rel=1e-3)
    assert float(losses.outside(moved, 0.125)) > 0.9


def test_a_camera_comes_back_from_its_file_and_hostile_ones_do_not(tmp_path: Path) -> None:
    coefficients = np.random.default_rng(0).normal(0, 0.2, SMALL.zernikes - FROZEN)
    camera = Camera(SMALL, sensor=Sensor(bits=8), coefficients=coefficients)
    save_camera(tmp_path, camera)
    back = load_camera(tmp_path)
    assert (back.config, back.lens, back.sensor) == (camera.config, camera.lens, camera.sensor)
    assert back.coefficients == pytest.approx(camera.coefficients, abs=1e-3)
    assert load_camera(tmp_path, distance=2.0).lens.distance == 2.0
    measured = FixedPsf(spot(16, 2.0), SMALL)
    save_camera(tmp_path, measured)
    assert np.asarray(load_camera(tmp_path).psf()) == pytest.approx(spot(16, 2.0), abs=1e-4)
    save_camera(tmp_path, Camera(SMALL), config={"size": 10**6})
    with pytest.raises(WeightsError, match="camera"):
        load_camera(tmp_path)
    (tmp_path / "camera.h5").write_bytes(b"no")
    with pytest.raises(WeightsError):
        load_camera(tmp_path)


@pytest.mark.parametrize(("name", "strength"), [("fog", 1), ("low", 0), ("box", 17)])
def test_what_is_no_baseline_is_refused(name: str, strength: float) -> None:
    with pytest.raises(InputError):
        baseline(name, strength, SMALL)


def test_who_is_found_again_by_a_threshold_that_fits_the_pictures() -> None:
    rng = np.random.default_rng(5)
    image = rng.random((120, 4, 4, 3)).astype(np.float32)
    frames = Frames(
        image=image,
        landmark=np.zeros((120, 68, 2), np.float32),
        square=[],
        mirrored=np.zeros(120, bool),
    )
    person = np.array([f"p{i}" for i in range(120)])
    sight = Sight(name="pixels", threshold=9.0, vectors=lambda x, _: x.reshape(len(x), -1))
    found = np.arange(120) < 30
    same = recognition(sight, image, frames, person, found)
    assert same.verified == same.confused == same.matched == same.rank1 == 1.0
    assert same.detected == 0.25
    other = recognition(sight, image[::-1], frames, person[::-1], ~found)
    assert other.verified == 1.0
    assert other.matched < 0.05
    assert np.isnan(recognition(sight, image, frames, person).detected)
