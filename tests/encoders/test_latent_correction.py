"""The encoder's latents corrected: L-BFGS of many at once, what is gained, its file and command."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from support import run_here

from anonbase.errors import InputError, WeightsError
from encoders.latent import LatentCorrector, load_latent_corrector
from encoders.latent.__main__ import main
from encoders.latent.correction import RANK
from encoders.latent.identity import Recognizer
from encoders.latent.quasi_newton import Descent
from encoders.latent.training import rmse
from stylegan.generator import Generator


@pytest.fixture(scope="module")
def corrector() -> LatentCorrector:
    return load_latent_corrector()


@pytest.fixture(scope="module")
def faces(corrector: LatentCorrector, portraits: list[Path]) -> np.ndarray:
    chips = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in portraits[:8]])
    return corrector.encoder.framing.from_ffhq(chips, corrector.encoder.side)


def descended(steps: int, curvature: np.ndarray, goal: np.ndarray) -> tuple[np.ndarray, Descent]:
    """Where ``steps`` lead on bowls of ``curvature`` (n, d) about ``goal``, and the losses."""
    descent, losses = Descent(*goal.shape), []
    for _ in range(steps):
        off = descent.place - goal
        losses.append(0.5 * (curvature * off**2).sum(axis=1))
        descent.step(losses[-1], curvature * off)
    off = descent.place - goal
    return descent.best(0.5 * (curvature * off**2).sum(axis=1)), descent


def test_bowls_are_descended_though_each_curves_otherwise() -> None:
    rng = np.random.default_rng(0)
    goal = rng.normal(size=(6, 40))
    curvature = np.exp(rng.normal(0, 0.7, (6, 40)))
    place, _ = descended(30, curvature, goal)
    np.testing.assert_allclose(place, goal, atol=0.02)


def test_no_problem_changes_with_the_others() -> None:
    rng = np.random.default_rng(1)
    goal, curvature = rng.normal(size=(5, 12)), np.exp(rng.normal(0, 2, (5, 12)))
    together, _ = descended(9, curvature, goal)
    alone, _ = descended(9, curvature[2:3], goal[2:3])
    np.testing.assert_allclose(together[2:3], alone)


def test_what_curves_far_more_than_was_thought_does_not_run_away() -> None:
    goal = np.ones((1, 3))
    curvature = np.array([[400.0, 1.0, 0.01]])
    place, _ = descended(12, curvature, goal)
    first, last = (0.5 * (curvature * (p - goal) ** 2).sum() for p in (np.zeros((1, 3)), place))
    assert last < 0.05 * first


def test_a_corrected_latent_shows_more_of_the_face(
    corrector: LatentCorrector, faces: np.ndarray
) -> None:
    encoder = corrector.encoder
    first, last = corrector.correct_framed(faces, 0), corrector.correct_framed(faces, 4)
    np.testing.assert_array_equal(first, encoder.encode_framed(faces))
    before, after = (rmse(encoder.generator, faces, w) for w in (first, last))
    assert after < 0.85 * before
    see = Recognizer(encoder.framing.dlib, encoder.generator.config.resolution)
    wanted = np.asarray(
        Recognizer(encoder.framing.dlib, encoder.side)(faces.astype(np.float32) / 127.5 - 1)
    )
    apart = [
        np.linalg.norm(
            np.asarray(see(encoder.generator.pictures(w).astype(np.float32) / 127.5 - 1)) - wanted,
            axis=1,
        )
        for w in (first, last)
    ]
    assert (apart[1] < apart[0]).all()
    assert apart[1].mean() < 0.75 * apart[0].mean()


def test_a_latent_depends_on_its_face_alone(corrector: LatentCorrector, faces: np.ndarray) -> None:
    together = corrector.correct_framed(faces[:3], 2)
    np.testing.assert_allclose(corrector.correct_framed(faces[1:2], 2), together[1:2], atol=1e-3)
    assert corrector(np.zeros((0, 64, 64, 3), np.uint8)).shape == (0, *together.shape[1:])


@pytest.mark.parametrize(
    ("shape", "steps", "words"),
    [
        ((3, 64, 64), 1, "expected RGB chips"),
        ((1, 64, 32, 3), 1, "expected"),
        ((1, 64, 64, 3), -1, "expected 0 or more"),
    ],
)
def test_what_cannot_be_corrected_is_refused(
    corrector: LatentCorrector, shape: tuple[int, ...], steps: int, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        corrector(np.zeros(shape, np.uint8), steps)


def test_another_generators_correction_is_refused(
    corrector: LatentCorrector, tmp_path: Path
) -> None:
    generator = corrector.encoder.generator
    name = "synthesis.b4.const"
    other = Generator(generator.config, generator.values() | {
        name: generator.values()[name] + np.float32(1e-3)
    })  # fmt: skip
    with pytest.raises(WeightsError, match="another generator"):
        load_latent_corrector(other)
    corrector.encoder.save(tmp_path / "encoder.h5")
    with pytest.raises(WeightsError, match=r"is missing: python -m encoders.latent correction"):
        load_latent_corrector(generator, tmp_path / "correction.h5")
    corrector.save(tmp_path / "correction.h5")
    with h5py.File(tmp_path / "correction.h5", "a") as file:
        del file["basis"]
        file["basis"] = np.ones((4, 7), np.float32)
    with pytest.raises(WeightsError, match="not those of a latent correction"):
        load_latent_corrector(generator, tmp_path / "correction.h5")


def test_the_command_fits_measures_and_writes(corrector: LatentCorrector, tmp_path: Path) -> None:
    encoder, photos = corrector.encoder, tmp_path / "photos"
    photos.mkdir()
    generator = encoder.generator
    pictures = generator.pictures(generator.map(generator.latents(range(24)), psi=0.7), batch=8)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(photos / f"p{i}.png")  # two of them are held out
    encoder.save(tmp_path / "encoder.h5")
    done = run_here(main, "latent", "correction", photos, "-o", tmp_path, "--samples", 8)
    assert done.code == 0, done.err
    found = load_latent_corrector(generator, tmp_path / "correction.h5")
    assert found.basis.shape == (RANK, generator.num_ws * generator.config.w_dim)
    assert (np.linalg.norm(found.basis[:8], axis=1) > 0).all()
    assert "rmse_encoder" in done.out
    (photos / "p11.png").unlink()
    (photos / "p12.png").unlink()
    done = run_here(main, "latent", "correction", photos, "-o", tmp_path, "--samples", 8)
    assert done.code == 2
    assert "none is held out to measure by" in done.err
