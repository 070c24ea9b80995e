"""The camera beside theory: Airy's disc, Lommel's defocus, energy, dispersion, gradients."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import j0, j1

from anonbase.errors import InputError
from anonfaces.optics.camera import FROZEN, Camera, CameraConfig, diffract
from anonfaces.optics.lens import Lens, air_index, glass_index
from anonfaces.optics.pupil import sample_pupil
from anonfaces.optics.sensor import Sensor, convolve
from anonfaces.optics.zernike import noll, zernikes

SMALL = CameraConfig(size=16, oversampling=16, zernikes=15, tolerance=0.0)
CLEAN = Sensor(full_well=0, read_noise=0, bits=0, gamma=1)
LENS = Lens()


def make(coefficients: object = None, **changes: object) -> Camera:
    count = SMALL.zernikes - FROZEN
    given = np.zeros(count) if coefficients is None else coefficients
    return Camera(SMALL, Lens(**changes), CLEAN, given)


def light_of(distance: float = LENS.focus) -> tuple[NDArray[np.float32], float]:
    """The light of an open aperture at 550 nm, finely sampled, and the spacing in meters."""
    pupil = sample_pupil(LENS, 16, 64, 1, distance)
    light = diffract(pupil.fixed_phase[1:2], pupil.aperture[1:2], pupil.grid)
    return np.asarray(light)[0], LENS.sensor_side / pupil.grid


def radii(light: NDArray[np.float32], spacing: float) -> NDArray[np.float64]:
    side = len(light)
    middle = side / 2 + (side // 16 - 1) / 2
    y, x = np.mgrid[:side, :side] - middle
    return np.hypot(x, y) * spacing


def test_an_open_aperture_gives_airys_disc() -> None:
    light, spacing = light_of()
    radius = radii(light, spacing)
    expected = 1.21967 * 550e-9 * LENS.sensor_distance / (2 * LENS.radius)
    near = radius < 1.6 * expected
    edges = np.arange(0.6, 1.4, 0.02) * expected
    rings = [light[near & (abs(radius - edge) < spacing)].mean() for edge in edges]
    assert edges[np.argmin(rings)] == pytest.approx(expected, rel=0.02)
    v = np.pi * 2 * LENS.radius / (550e-9 * LENS.sensor_distance) * radius[near]
    airy = (2 * j1(v) / v) ** 2
    assert np.abs(light[near] / light.max() - airy / airy.max()).max() < 0.005


@pytest.mark.parametrize("waves", [0.5, 1.0, 2.3])
def test_defocus_agrees_with_the_closed_form(waves: float) -> None:
    """On the axis sinc^2, and beside it Lommel's integral (Born and Wolf, 8.8)."""
    bend = 2 * waves * 550e-9 / LENS.radius**2
    distance = 1 / (1 / LENS.focus + bend)
    light, spacing = light_of(distance)
    focused, _ = light_of()
    radius, edge = radii(light, spacing), 2 * np.pi * waves
    for v in (0.5, 2.0, 4.0):
        r = v * 550e-9 * LENS.sensor_distance / (2 * np.pi * LENS.radius)
        parts = [
            quad(lambda t, f=f, v=v: 2 * t * j0(v * t) * f(edge * t * t), 0, 1)[0]
            for f in (np.cos, np.sin)
        ]
        ring = np.abs(radius - r) < spacing
        assert light[ring].mean() / focused.max() == pytest.approx(np.hypot(*parts) ** 2, abs=0.01)


def test_energy_is_kept() -> None:
    rng = np.random.default_rng(0)
    camera = make(rng.normal(0, 0.2, 12))
    assert np.abs(camera.psf().numpy().sum(axis=(0, 1)) - 1).max() < 1e-4
    pupil = camera.pupil()
    turned = pupil.fixed_phase + np.einsum("cyxj,j->cyx", pupil.basis, camera.waves)
    for phase in (pupil.fixed_phase, turned):  # Parseval: a phase moves light, and loses none
        light = np.asarray(diffract(phase, pupil.aperture, pupil.grid)).sum(axis=(1, 2))
        assert light / pupil.grid**2 == pytest.approx(
            (pupil.aperture**2).sum(axis=(1, 2)), rel=1e-4
        )
    flat = np.full((1, 16, 16, 3), 0.37, np.float32)
    assert np.abs(camera(flat).numpy() - 0.37).max() < 1e-4


def test_zernikes_are_orthonormal_on_the_disc() -> None:
    r, a = np.meshgrid((np.arange(200) + 0.5) / 200, np.arange(60) * np.pi / 30, indexing="ij")
    basis, weight = zernikes(28, r, a), r / r.sum()
    product = np.einsum("raj,rak,ra->jk", basis, basis, weight)
    assert np.abs(product - np.eye(28)).max() < 1e-3


def test_noll_counts_as_published() -> None:
    assert [noll(j) for j in range(1, 12)] == [
        (0, 0), (1, 1), (1, -1), (2, 0), (2, -2), (2, 2), (3, -1), (3, 1), (3, -3), (3, 3), (4, 0),
    ]  # fmt: skip


def test_gradients_agree_with_finite_differences() -> None:
    import tensorflow as tf

    rng = np.random.default_rng(1)
    start = rng.normal(0, 0.15, 12).astype(np.float32)
    images = rng.random((1, 16, 16, 3)).astype(np.float32)
    target = rng.random((1, 16, 16, 3)).astype(np.float32)
    camera = make(start)

    def loss() -> object:
        return ops.sum(ops.square(camera(images) - target))

    with tf.GradientTape() as tape:
        value = loss()
    (weight,) = camera.trainable_variables
    found = tape.gradient(value, weight).numpy()
    kept = weight.numpy()
    for place in (0, 5, 11):
        ends = []
        for sign in (1, -1):
            moved = kept.copy()
            moved[place] += sign * 2e-3
            weight.assign(moved)
            ends.append(float(loss()))
        assert found[place] == pytest.approx((ends[0] - ends[1]) / 4e-3, rel=0.03, abs=0.02)


def test_glass_and_air_are_those_of_the_tables() -> None:
    assert glass_index(np.array([587.6e-9])) == pytest.approx(1.45846, abs=1e-5)
    assert air_index(np.array([589.3e-9])) == pytest.approx(1.000277, abs=1e-6)


def test_a_single_lens_focuses_blue_nearer() -> None:
    red, green, blue = Lens(achromatic=False).wavefront_curvature()
    assert green == pytest.approx(0, abs=1e-9)
    assert blue < 0 < red


def test_a_picture_is_moved_by_nothing_and_convolved_as_by_hand() -> None:
    rng = np.random.default_rng(2)
    light = rng.random((2, 12, 12, 3)).astype(np.float32)
    psf = np.zeros((12, 12, 3), np.float32)
    psf[6, 6] = 1
    assert np.abs(np.asarray(convolve(light, psf)) - light).max() < 1e-5
    psf = rng.random((12, 12, 3)).astype(np.float32)
    wide = np.pad(light, ((0, 0), (6, 6), (6, 6), (0, 0)), mode="symmetric")
    by_hand = sum(
        psf[y, x] * wide[:, 12 - y : 24 - y, 12 - x : 24 - x] for y in range(12) for x in range(12)
    )
    assert np.abs(np.asarray(convolve(light, psf)) - by_hand).max() < 1e-3


def test_noise_is_as_strong_as_it_says_and_steps_are_steps() -> None:
    grey = np.full((4, 16, 16, 3), 0.5, np.float32)
    sensor = Sensor(full_well=1000, read_noise=0.01, bits=0, gamma=1)
    noisy = Camera(SMALL, LENS, sensor, np.zeros(12))(grey).numpy()
    assert noisy.std() == pytest.approx(np.hypot(0.01, np.sqrt(0.5 / 1000)), rel=0.06)
    stepped = Camera(SMALL, LENS, Sensor(full_well=0, read_noise=0, bits=3, gamma=1), np.zeros(12))
    levels = stepped(np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)).numpy()
    assert np.abs(levels * 7 - np.rint(levels * 7)).max() < 1e-4


def test_a_makers_error_changes_the_psf_a_little() -> None:
    camera = make()
    error = np.random.default_rng(0).uniform(-20e-9, 20e-9, 32 * 32).astype(np.float32)
    changed = np.abs(camera.psf(error=error).numpy() - camera.psf().numpy()).sum()
    assert 1e-4 < changed < 0.2


def test_the_mask_is_held_to_its_rms_and_the_frozen_stay() -> None:
    camera = make(np.full(12, 2.0))
    assert np.linalg.norm(camera.coefficients) == pytest.approx(1.5, rel=1e-5)
    assert np.asarray(camera.waves)[:FROZEN].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("make_it", "message"),
    [
        (lambda: Lens(radius=0), "greater than 0"),
        (lambda: Camera(CameraConfig(size=16, oversampling=1)), "too few"),
        (lambda: make(np.zeros(3)), "expected 12 coefficients"),
        (lambda: noll(0), "counts from 1"),
        (lambda: make()(np.zeros((1, 8, 8, 3), np.float32)), "16 pixels"),
    ],
)
def test_what_cannot_be_a_camera_is_refused(make_it: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_it()
