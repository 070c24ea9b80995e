"""A DCGAN: its two networks, its training, and the commands of the other families that take it."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine
from stylegan.dcgan import DcganTraining, train

load_engine()

from keras import ops  # noqa: E402

import stylegan  # noqa: E402
from stylegan import checkpoint  # noqa: E402
from stylegan.dcgan.networks import DcganNetworks, bounded  # noqa: E402
from stylegan.dcgan.teacher import Lessons, component_lessons, read_lessons  # noqa: E402
from stylegan.generator import Generator  # noqa: E402
from stylegan.networks.config import DcganConfig, DcganDiscriminatorConfig  # noqa: E402
from stylegan.networks.dcgan import score, synthesize_batch  # noqa: E402
from stylegan.projection import ProjectionConfig, project  # noqa: E402

TINY = DcganTraining(resolution=8, z_dim=6, ngf=4, ndf=4, epochs=2, batch=8)


@pytest.fixture(scope="module")
def pixels() -> NDArray[np.uint8]:
    """Two kinds of pictures: light at the left, or at the right."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(30, 220, 8)[None, None, :, None]
    both = np.where(rng.random((24, 1, 1, 1)) < 0.5, ramp, ramp[:, :, ::-1])
    return np.clip(both + rng.normal(0, 5, (24, 8, 8, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def run(pixels: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(pixels, tmp_path_factory.mktemp("dcgan") / "run", TINY, progress=False)


def test_a_run_leaves_what_its_documentation_says(run: Path) -> None:
    with Image.open(run / "epochs.gif") as film:
        assert film.n_frames == TINY.epochs
    assert sorted(path.name for path in (run / "grids").iterdir()) == [
        "epoch-001.png",
        "epoch-002.png",
    ]
    for name, size in (("grids/epoch-001.png", (64, 64)), ("beside.png", (132, 64))):
        with Image.open(run / name) as picture:
            assert picture.size == size
    assert (run / "curves.png").is_file()
    with (run / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"generator", "discriminator", "real_found"} <= {row["name"] for row in rows}
    assert {row["phase"] for row in rows} == {"epoch 1", "epoch 2"}


def test_the_folder_loads_as_any_generator_and_keeps_its_face(run: Path) -> None:
    generator = stylegan.load(run)
    w = generator.map(generator.latents([0, 1]), psi=0.7)
    assert w.shape == (2, 1, 6)
    np.testing.assert_allclose(np.linalg.norm(w[:, 0], axis=1), 0.7 * np.sqrt(6), rtol=1e-4)
    pictures = generator.pictures(w)
    assert pictures.shape == (2, 8, 8, 3)
    again = generator.pictures(w[1:])
    np.testing.assert_allclose(again[0].astype(int), pictures[1], atol=1)
    assert generator.noise_maps() == []


def test_the_discriminator_judges_each_picture_by_itself(run: Path) -> None:
    judge = stylegan.load_discriminator(run)
    images = np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 3)).astype(np.float32)
    together = np.asarray(judge(images))
    alone = np.concatenate([np.asarray(judge(image[None])) for image in images])
    assert together.shape == (3, 1)
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_stored_statistics_are_those_that_a_batch_is_normalized_by(run: Path) -> None:
    found = checkpoint.read(run)
    generator = Generator(found.generator, found.generator_values)
    z = np.random.default_rng(2).standard_normal((512, 6)).astype(np.float32)
    w = generator.map(z)
    own, _ = synthesize_batch(generator.parameters, generator.config, ops.convert_to_tensor(w))
    stored = generator.synthesize(w)
    assert np.abs(np.asarray(own) - stored).mean() < 0.05


def test_every_saved_kernel_has_a_spectral_norm_of_one() -> None:
    networks = DcganNetworks(TINY)
    state = networks.start()
    for _ in range(60):
        judge, state.tensors["directions"] = bounded(
            state.tensors["discriminator"], state.tensors["directions"]
        )
    for name in state.tensors["directions"]:
        kernel = np.asarray(judge[name])
        norm = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2)
        np.testing.assert_allclose(norm, 1, rtol=1e-2)


def test_the_discriminator_has_a_block_a_halving() -> None:
    config = DcganDiscriminatorConfig(channels=(8, 4))
    networks = DcganNetworks(replace(TINY, resolution=16))
    state = networks.start()
    assert config.sizes == (8, 4)
    assert score(state.tensors["discriminator"], ops.zeros((2, 16, 16, 3))).shape == (2, 1)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(
    pixels: NDArray[np.uint8], run: Path, tmp_path: Path
) -> None:
    train(pixels, tmp_path, replace(TINY, epochs=1), progress=False)
    train(pixels, tmp_path, TINY, progress=False)
    ours, whole = (checkpoint.read(folder).generator_values for folder in (tmp_path, run))
    for name, value in whole.items():
        np.testing.assert_allclose(ours[name], value, atol=1e-6, err_msg=name)


def test_a_run_of_another_recipe_is_not_gone_on_with(pixels: NDArray[np.uint8], run: Path) -> None:
    with pytest.raises(WeightsError, match="another recipe"):
        train(pixels, run, replace(TINY, ngf=8), progress=False)


def test_lessons_teach_what_the_teacher_draws(tmp_path: Path) -> None:
    from stylegan.dcgan.epoch import Steps

    rng = np.random.default_rng(3)
    z = rng.standard_normal((32, 6)).astype(np.float32)
    light = np.where(z[:, :1, None, None] > 0, 220, 30) * np.ones((1, 8, 8, 3))
    recipe = replace(TINY, batch=16, lesson_rate=2e-2)
    networks = DcganNetworks(recipe)
    state, steps = networks.start(), Steps(networks, Lessons(z, light.astype(np.uint8)))
    losses = [steps.lesson(state, np.random.default_rng(i))["lesson"] for i in range(60)]
    assert np.mean(losses[-5:]) < 0.6 * losses[0]


def test_lessons_are_drawn_once_and_belong_to_their_recipe(run: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, lesson_pairs=5)
    first = read_lessons(tmp_path / "lessons.h5", run, recipe, progress=False)
    assert first.pictures.shape == (5, 8, 8, 3)
    again = read_lessons(tmp_path / "lessons.h5", tmp_path / "gone", recipe, progress=False)
    np.testing.assert_array_equal(again.pictures, first.pictures)
    with pytest.raises(WeightsError, match="another recipe"):
        read_lessons(tmp_path / "lessons.h5", run, replace(recipe, lesson_pairs=6), progress=False)
    with pytest.raises(InputError, match="expected 16 px"):
        read_lessons(tmp_path / "other.h5", run, replace(recipe, resolution=16), progress=False)


def test_components_are_latents_as_they_are_drawn(pixels: NDArray[np.uint8]) -> None:
    lessons = component_lessons(pixels, TINY)
    assert lessons.z.shape == (24, 6)
    np.testing.assert_allclose(lessons.z.T @ lessons.z / 24, np.eye(6), atol=1e-3)
    left = pixels[:, :, 0].mean(axis=(1, 2)) > 125
    assert lessons.z[left, 0].mean() * lessons.z[~left, 0].mean() < 0  # light from left or right
    with pytest.raises(InputError, match="fewer --z-dim"):
        component_lessons(pixels, replace(TINY, z_dim=50))


def test_project_finds_the_latent_of_a_sample(run: Path) -> None:
    generator = stylegan.load(run)
    picture = generator.pictures(generator.map(generator.latents([5])))
    found = project(generator, picture, manner=ProjectionConfig(w_steps=40, plus_steps=1, starts=2))
    assert found.latent.shape == (1, 1, 6)
    before, after = (
        np.abs(stage.astype(float) - picture).mean() for stage in (found.stages[0], found.pictures)
    )
    assert after <= before


@pytest.mark.parametrize(
    "text",
    [
        '{"architecture": "dcgan", "channels": [4], "z_dim": 6, "w_dim": 7}',
        '{"architecture": "dcgan", "channels": [4], "z_dim": 6, "w_dim": 6, "mapping_layers": 2}',
        '{"architecture": "dcgan", "channels": [], "z_dim": 6, "w_dim": 6}',
        '{"architecture": "dcgan", "channels": [99999999], "z_dim": 6, "w_dim": 6}',
    ],
)
def test_a_config_that_is_no_dcgans_is_refused(text: str) -> None:
    with pytest.raises(WeightsError):
        DcganConfig.from_json(text, "config.json")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"resolution": 48}, "power of two"),
        ({"batch": 0}, "batch 0"),
        ({"smoothing": 0.4}, "smoothing"),
        ({"beta1": 1.0}, "beta1"),
        ({"lessons": -1}, "lessons"),
        ({"generator_rate": 0.0}, "generator_rate"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(options: dict[str, object], names: str) -> None:
    with pytest.raises(InputError, match=names):
        DcganTraining(**options)  # type: ignore[arg-type]


def test_pixels_of_another_shape_are_refused(pixels: NDArray[np.uint8], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected uint8"):
        train(pixels[:, :4], tmp_path, TINY)
    with pytest.raises(InputError, match="fewer than a batch"):
        train(pixels[:4], tmp_path, TINY)
