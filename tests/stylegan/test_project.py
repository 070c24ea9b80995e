"""Projection: what a generator made is found again; the command as typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from keras import ops
from PIL import Image
from test_networks import small
from typer.testing import CliRunner

from anonbase.errors import InputError, OutputError
from anonfaces.commands import project as command
from stylegan.projection import ProjectionConfig, project

QUICK = ProjectionConfig(w_steps=40, plus_steps=30, starts=3, rate=0.1)


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Step by step: of a few steps of a small network compiling would be the most."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def target() -> np.ndarray:
    generator = small()
    return generator.pictures(generator.map(generator.latents([11, 12]), psi=0.8))


def off(pictures: np.ndarray, target: np.ndarray) -> float:
    return float(np.abs(pictures.astype(float) - target).mean())


def test_what_the_generator_made_is_found_again(target: np.ndarray) -> None:
    generator, steps = small(), []
    found = project(generator, target, None, QUICK, report=lambda step, loss: steps.append(step))
    mean = generator.pictures(np.repeat(generator.parameters["mapping.w_avg"][None], 2, 0))
    assert off(found.pictures, target) < 0.4 * off(mean, target)
    assert found.latent.shape == (2, generator.num_ws, generator.config.w_dim)
    np.testing.assert_array_equal(generator.pictures(found.latent), found.pictures)
    assert steps == list(range(1, 71))
    assert off(found.stages[-1], target) < off(found.stages[0], target)
    assert found.noise is None


@pytest.mark.usefixtures("eagerly")
def test_a_good_first_guess_is_kept_and_the_same_seed_finds_the_same(target: np.ndarray) -> None:
    generator = small()
    guess = generator.map(generator.latents([11, 12]), psi=0.8)
    first, second = (
        project(generator, target, guess, ProjectionConfig(w_steps=2, plus_steps=0, starts=2))
        for _ in range(2)
    )
    np.testing.assert_allclose(first.latent, second.latent, atol=1e-5)
    short = ProjectionConfig(w_steps=2, plus_steps=0, starts=1)
    worse = project(generator, target, None, short).pictures
    assert off(first.pictures, target) < 0.5 * off(worse, target)


def test_noise_maps_are_found_at_mean_0_and_free_of_signal(target: np.ndarray) -> None:
    generator = small()
    manner = ProjectionConfig(w_steps=30, plus_steps=10, starts=2, noise=True)
    found = project(generator, target, None, manner)
    assert found.noise is not None
    sides = [plane.shape[1] for plane in generator.noise_maps()]
    assert [plane.shape for plane in found.noise] == [(2, side, side, 1) for side in sides]
    last = found.noise[-1]
    across = np.mean(last * np.roll(last, 1, axis=2)) / np.mean(np.square(last))
    assert abs(across) < 0.25


def test_features_pull_as_well() -> None:
    generator = small()
    noisy = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)

    def contrast(images: object) -> object:
        return ops.mean(ops.square(images), axis=(1, 2))

    def apart(pictures: np.ndarray) -> float:
        found, wanted = (contrast(x.astype(np.float32) / 127.5 - 1) for x in (pictures, noisy))
        return float(np.abs(ops.convert_to_numpy(found - wanted)).mean())

    made = []
    for weight in (0.0, 20.0):
        manner = ProjectionConfig(w_steps=3, plus_steps=40, starts=1, feature_weight=weight)
        made.append(apart(project(generator, noisy, None, manner, contrast).pictures))
    assert made[1] < 0.7 * made[0]


@pytest.mark.parametrize(
    ("pictures", "start", "words"),
    [
        (np.zeros((1, 8, 8, 3), np.uint8), None, "expected uint8"),
        (np.zeros((1, 16, 16, 3), np.float32), None, "expected uint8"),
        (np.zeros((0, 16, 16, 3), np.uint8), None, "expected uint8"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 6, 9), np.float32), "start is"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.full((1, 6, 10), np.nan), "start is"),
    ],
)
def test_what_cannot_be_projected(
    pictures: np.ndarray, start: np.ndarray | None, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        project(small(), pictures, start)


@pytest.mark.parametrize("options", [{"starts": 0}, {"w_steps": 0}, {"plus_steps": -1}])
def test_manners_that_make_no_sense(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="or more"):
        ProjectionConfig(**options)


def run(*words: object) -> str:
    done = CliRunner().invoke(command.app, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_photograph_as_typed(portraits: list[Path], tmp_path: Path) -> None:
    photo = portraits[3]
    steps = ("--w-steps", 3, "--plus-steps", 2, "--starts", 2)
    message = run(photo, "-o", tmp_path / "out", *steps)
    assert "1 face in" in message
    with Image.open(tmp_path / "out" / "0.png") as picture:
        assert picture.size == (64, 64)
        last = np.asarray(picture)
    strip = np.asarray(Image.open(tmp_path / "out" / "0-steps.png"))
    assert strip.shape == (64, 64 * 7, 3)
    assert (strip[:, -64:] == last).all()
    with h5py.File(tmp_path / "out" / "latents.h5") as file:
        assert file["w"].shape == (1, 10, 256)
        assert file["name"][0] == b"0"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "not|cannot|missing|no such"), (b"junk", "."), ("nobody", "no face")],
)
def test_photographs_without_a_face(tmp_path: Path, content: object, words: str) -> None:
    photo = tmp_path / "photo.png"
    if content == "nobody":
        Image.new("RGB", (120, 90), (80, 120, 40)).save(photo)
    elif isinstance(content, bytes):
        photo.write_bytes(content)
    with pytest.raises(InputError, match=rf"(?i)photo\.png.*({words})"):
        run(photo, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_photographs_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two photographs are named 'a'"):
        run(tmp_path / "x" / "a.png", tmp_path / "y" / "a.png", "-o", tmp_path)


def test_an_output_that_cannot_be(portraits: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    photo = portraits[3]
    with pytest.raises(OutputError, match="cannot be made"):
        run(photo, "--framed", "--no-identity", "-o", tmp_path / "file" / "out")
