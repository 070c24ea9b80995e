"""Detail by heads on the faces of an anchor, and the photographs that they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine
from stylegan.train import TrainingConfig, train

load_engine()

from keras import ops  # noqa: E402

import stylegan  # noqa: E402
from stylegan import checkpoint  # noqa: E402
from stylegan.train.moments import Moments, toward  # noqa: E402
from stylegan.train.networks import Networks  # noqa: E402
from stylegan.train.sharpness import Photographs, power_above_quarter, sharpest  # noqa: E402
from stylegan.train.spectrum import BANDS, Spectrum  # noqa: E402
from stylegan.train.state import read_state  # noqa: E402
from stylegan.train.texture import BLOCKS, Texture, Together, read_trunk  # noqa: E402

SMALL = TrainingConfig(
    resolution=8,
    channel_base=64,
    channel_max=8,
    z_dim=8,
    w_dim=8,
    mapping_layers=2,
    autoencode_kimg=0,
    match_steps=0,
    adversarial_kimg=0,
    head_start=0,
    batch=8,
    precision="float32",
    refine_kimg=0.032,
    refine_rate=0.02,
)


class Colors:
    """Features with layers of the smallest kind: the picture, and its mean color as a vector."""

    shapes = ((8, 8, 3), (1, 1, 3))

    def maps(self, images: Any, cut: object = None) -> list[Any]:
        return [images / 14.0, ops.mean(images, axis=(1, 2), keepdims=True)]

    def vectors(self, images: object, cut: object = None) -> object:
        return ops.mean(images, axis=(1, 2))


PHOTOGRAPHS = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 3), np.uint8)


@pytest.fixture(autouse=True, scope="module")
def _eagerly() -> Iterator[None]:
    """Step by step: compiling would take far longer than some steps of so small a network."""
    tf = pytest.importorskip("tensorflow")
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture(scope="module")
def anchor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of random weights."""
    folder = tmp_path_factory.mktemp("anchor")
    networks = Networks(replace(SMALL, seed=5))
    checkpoint.write(networks.found(networks.start()), folder, "float32")
    return folder


@pytest.fixture(scope="module")
def run(anchor: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    recipe = replace(SMALL, anchor_weight=50.0, heads_weight=0.0, refine_kimg=0.16, refine_rate=0.2)
    return train(PHOTOGRAPHS, folder, recipe, anchor=anchor, features=Colors(), progress=False)  # type: ignore[arg-type]


def _pictures(folder: Path) -> NDArray[np.float64]:
    generator = stylegan.load(folder)
    return generator.pictures(generator.map(generator.latents(range(32)), psi=1)).astype(float)


def test_the_face_of_a_z_comes_to_be_the_anchors(run: Path, anchor: Path, tmp_path: Path) -> None:
    fresh = Networks(SMALL)
    checkpoint.write(fresh.found(fresh.start()), tmp_path, "float32")
    before, after, wanted = (_pictures(folder) for folder in (tmp_path, run, anchor))
    assert np.abs(after - wanted).mean() < 0.7 * np.abs(before - wanted).mean()


def test_the_mapping_network_stays_as_it_was(run: Path) -> None:
    first = Networks(SMALL).start().tensors["generator"]
    values = stylegan.load(run).values()
    names = [name for name in values if name.startswith("mapping.")]
    assert names
    assert all(np.array_equal(values[n], ops.convert_to_numpy(first[n])) for n in names)


def test_heads_and_the_synthesis_network_learn(anchor: Path, tmp_path: Path) -> None:
    train(PHOTOGRAPHS, tmp_path, SMALL, anchor=anchor, features=Colors(), progress=False)  # type: ignore[arg-type]
    rows = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    assert {row[3] for row in rows if row[0] == "refine"} == {
        "anchor",
        "identity",
        "fooled",
        "heads",
    }
    state = read_state(tmp_path / "state.h5", SMALL.fixed())
    assert all(np.any(ops.convert_to_numpy(v)) for k, v in state.tensors["heads"].items())
    fresh = Networks(SMALL).start().tensors["generator"]["synthesis.b8.conv1.weight"]
    assert np.any(
        ops.convert_to_numpy(state.tensors["generator"]["synthesis.b8.conv1.weight"]) != fresh
    )


def test_power_at_high_frequencies_comes_to_be_the_photographs(
    anchor: Path, tmp_path: Path
) -> None:
    flat = np.repeat(np.arange(16, dtype=np.uint8) * 16, 8 * 8 * 3).reshape(16, 8, 8, 3)
    recipe = replace(SMALL, heads_weight=0.0, anchor_weight=0.0, refine_kimg=0.16, refine_rate=0.1)
    for weight in (0.0, 10.0):
        how = replace(recipe, spectrum_weight=weight)
        train(flat, tmp_path / str(weight), how, anchor=anchor, features=Colors(), progress=False)  # type: ignore[arg-type]
    without, toward = (
        power_above_quarter(_pictures(tmp_path / str(weight)).astype(np.uint8))[0].mean()
        for weight in (0.0, 10.0)
    )
    assert toward < 0.5 * without


def test_a_spectrum_tells_soft_pictures_from_the_photographs() -> None:
    noise = np.random.default_rng(1).standard_normal((64, 16, 16, 3)).astype(np.float32) / 4
    soft = np.repeat(np.repeat(noise[:, ::2, ::2], 2, axis=1), 2, axis=2)
    spectrum = Spectrum(16, np.split(noise, 4))
    gray = np.repeat(noise[..., :1], 3, axis=-1)
    same, other, colorless = (
        float(spectrum.loss(ops.convert_to_tensor(x[:16]))) for x in (noise, soft, gray)
    )
    assert spectrum.wanted.shape == (3, BANDS)
    assert same < 0.1 < 1 < min(other, colorless)


def test_without_an_anchor_there_is_nothing_to_keep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--anchor"):
        train(PHOTOGRAPHS, tmp_path, SMALL, features=Colors(), progress=False)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="layers"):
        train(PHOTOGRAPHS, tmp_path, SMALL, start=None, progress=False)


def test_an_anchor_of_other_z_has_no_faces_in_common(anchor: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no faces in common"):
        train(PHOTOGRAPHS, tmp_path, replace(SMALL, z_dim=4), anchor=anchor, progress=False)


def _gratings(cycles: float) -> NDArray[np.uint8]:
    """One picture 64 px wide whose columns are a wave of ``cycles`` a pixel."""
    wave = 127.5 + 100 * np.cos(2 * np.pi * cycles * np.arange(64))
    return np.broadcast_to(wave.astype(np.uint8)[None, None, :, None], (1, 64, 64, 3))


def test_power_is_told_apart_at_a_quarter_of_the_sampling_frequency() -> None:
    low, high = (power_above_quarter(_gratings(cycles)) for cycles in (0.125, 0.375))
    assert low[0] / low[1] < 0.01
    assert high[0] / high[1] > 0.99


def test_power_of_white_noise_is_shared_as_the_area_of_frequencies_is() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 64, 64, 3), np.uint8)
    above, whole = power_above_quarter(noise)
    assert np.mean(above / whole) == pytest.approx(1 - np.pi * 0.25**2, abs=0.01)


def test_photographs_are_drawn_from_the_sharpest() -> None:
    rng = np.random.default_rng(0)
    soft = np.repeat(np.repeat(rng.integers(0, 255, (6, 8, 8, 3), np.uint8), 4, 1), 4, 2)
    sharp = rng.integers(0, 255, (3, 32, 32, 3), np.uint8)
    pixels = np.concatenate([soft, sharp])
    assert np.array_equal(np.flatnonzero(sharpest(pixels, 1 / 3)), [6, 7, 8])
    drawn = Photographs(pixels, 1 / 3).batch(rng, 40)
    known = np.concatenate([sharp, sharp[:, :, ::-1]]).astype(np.float32) / np.float32(127.5) - 1
    assert drawn.dtype == np.float32
    assert all(any(np.array_equal(one, other) for other in known) for one in drawn)
    assert sharpest(pixels, 1.0).all()


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_shares_that_are_none_are_refused(share: float) -> None:
    with pytest.raises(InputError, match="sharp_share"):
        replace(SMALL, sharp_share=share)


@pytest.fixture(scope="module")
def trunk_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the trunk's layout, of random weights."""
    path = tmp_path_factory.mktemp("trunk") / "trunk.weights.h5"
    rng, inputs = np.random.default_rng(0), 3
    with h5py.File(path, "w") as file:
        for block, (count, width) in enumerate(BLOCKS, 1):
            for layer in range(count):
                name = f"block{block}/layers/conv2d{f'_{layer}' if layer else ''}/vars"
                kernel = rng.standard_normal((3, 3, inputs, width), np.float32)
                file[f"{name}/0"] = kernel * np.float32(np.sqrt(2 / (9 * inputs)))
                file[f"{name}/1"] = np.zeros(width, np.float32)
                inputs = width
    return path


def test_texture_sees_a_part_of_the_picture_that_moves(trunk_file: Path) -> None:
    texture = Texture(80, read_trunk(trunk_file))
    assert texture.shapes == [(64, 64, 64), (32, 32, 128), (16, 16, 256)]
    images = np.random.default_rng(0).uniform(-1, 1, (2, 80, 80, 3)).astype(np.float32)
    changed = images.copy()
    changed[:, 70:] = 0
    for corner, seen in (([0, 0], False), ([16, 16], True)):
        cut = ops.convert_to_tensor(np.array(corner, np.int32))
        one, other = (texture.maps(ops.convert_to_tensor(x), cut) for x in (images, changed))
        assert [tuple(m.shape[1:]) for m in one] == texture.shapes
        assert seen == any(
            np.any(ops.convert_to_numpy(a - b)) for a, b in zip(one, other, strict=True)
        )
    corners = [ops.convert_to_numpy(texture.wandering(np.random.default_rng(i))) for i in range(40)]
    assert np.min(corners) >= 0
    assert np.max(corners) <= 16


def test_moments_come_to_be_the_photographs(trunk_file: Path) -> None:
    rng, trunk = np.random.default_rng(0), read_trunk(trunk_file)
    noise = rng.uniform(-1, 1, (96, 16, 16, 3)).astype(np.float32)
    same, soft = (Moments(np.split(noise[:64], 8), trunk=trunk) for _ in range(2))
    flat = np.broadcast_to(noise[:, :1, :1] / 2, noise.shape)
    for part, other in zip(np.split(noise[64:], 4), np.split(flat[64:], 4), strict=True):
        near, far = (
            moments.follow(moments.seen(ops.convert_to_tensor(x)))
            for moments, x in ((same, part), (soft, other))
        )
    assert near < 0.5 < 1 < far
    # a step down the slope leads from the flat pictures to the photographs
    before, after = (
        float(toward(soft.seen(ops.convert_to_tensor(x)), soft.slopes()))
        for x in (flat[:32], noise[:32])
    )
    assert after < before


def test_a_run_with_moments_follows_what_it_draws(
    anchor: Path, trunk_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylegan.train.moments.read_trunk", lambda: read_trunk(trunk_file))
    recipe = replace(SMALL, moments_weight=1.0, resolution=16)
    large = np.repeat(np.repeat(PHOTOGRAPHS, 2, axis=1), 2, axis=2)
    train(large, tmp_path, recipe, anchor=anchor, features=Colors(), progress=False)  # type: ignore[arg-type]
    rows = [line.split(",") for line in (tmp_path / "log.csv").read_text().splitlines()[1:]]
    assert all(float(row[4]) > 0 for row in rows if row[3] == "moments")
    assert "moments" in {row[3] for row in rows}


def test_parts_together_are_their_maps_in_turn(trunk_file: Path) -> None:
    class Named(Colors):
        def maps(self, images: Any, cut: object = None) -> list[Any]:
            return super().maps(images)

        def wandering(self, rng: np.random.Generator) -> None:
            return None

    parts = Together([Named(), Texture(8, read_trunk(trunk_file))])
    images = ops.convert_to_tensor(np.ones((2, 8, 8, 3), np.float32))
    cuts = parts.wandering(np.random.default_rng(0))
    assert [tuple(one.shape[1:]) for one in parts.maps(images, cuts)] == parts.shapes
    assert parts.vectors(images, cuts).shape == (2, 3)
    assert parts(images).shape == (2, sum(int(np.prod(shape)) for shape in parts.shapes))


def test_another_file_is_no_trunk(trunk_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.weights.h5"
    other.write_bytes(trunk_file.read_bytes())
    with h5py.File(other, "r+") as file:
        del file["block2/layers/conv2d/vars/0"]
        file["block2/layers/conv2d/vars/0"] = np.zeros((1, 1, 64, 128), np.float32)
    with pytest.raises(WeightsError, match="none of VGG16's"):
        read_trunk(other)
    other.write_bytes(b"no HDF5")
    with pytest.raises((WeightsError, OSError)):
        read_trunk(other)
