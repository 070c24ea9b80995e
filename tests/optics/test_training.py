"""Training stops and goes on; the mask moves; every camera gets a network."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import InputError, WeightsError
from anonbase.files import is_resumable
from anonfaces.optics.baselines import baseline
from anonfaces.optics.camera import Camera, CameraConfig
from anonfaces.optics.faces import FaceFrames
from anonfaces.optics.per_camera import READ, Course, photograph, read_landmarks, train_per_camera
from anonfaces.optics.resumable import STATE, resumable
from anonfaces.optics.stage_one import StageOneConfig, Weights, train_stage_one

SMALL = CameraConfig(size=16, oversampling=12, zernikes=6)
SHORT = StageOneConfig(warm=1, joint=2, settle=1, batch=2, recognized=0, width=8)


@pytest.fixture(scope="module", autouse=True)
def untraced() -> Iterator[None]:
    """Steps run at once: to trace them would take most of the time."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def faces() -> FaceFrames:
    rng = np.random.default_rng(0)
    return FaceFrames(
        chip=rng.integers(0, 256, (4, 128, 128, 3), np.uint8),
        landmark=rng.uniform(0.4, 0.8, (4, 68, 2)).astype(np.float32),
        vector=rng.normal(size=(4, 128)).astype(np.float32),
        identity=np.array(["a", "a", "b", "c"]),
        name=np.array(["a/1", "a/2", "b/1", "c/1"]),
    )


def test_a_stopped_run_goes_on_and_another_recipe_is_refused(
    faces: FaceFrames, tmp_path: Path
) -> None:
    def stop(phase: str, step: int, steps: int, losses: dict[str, float]) -> None:
        if (phase, step) == ("joint", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as stopped:
        train_stage_one(faces, Camera(SMALL), tmp_path, SHORT, report=stop)
    assert is_resumable(stopped.value)
    camera, seen = Camera(SMALL), []
    first = camera.coefficients
    train_stage_one(faces, camera, tmp_path, SHORT, report=lambda *a: seen.append(a[:2]))
    assert seen == [("joint", 1), ("joint", 2), ("settle", 1)]  # not warm again
    assert np.abs(camera.coefficients - first).max() > 1e-3
    with (tmp_path / "log.csv").open() as file:
        assert {row["phase"] for row in csv.DictReader(file)} == {"warm", "joint", "settle"}
    again = Camera(SMALL)
    train_stage_one(faces, again, tmp_path, SHORT, report=lambda *a: pytest.fail("all was done"))
    assert again.coefficients == pytest.approx(camera.coefficients, abs=1e-6)
    with pytest.raises(WeightsError, match="another recipe"):
        train_stage_one(faces, Camera(SMALL), tmp_path, SHORT, Weights(heatmap=2))


@pytest.mark.parametrize(
    ("stop", "kept", "goes_on"),
    [
        (KeyboardInterrupt(), True, True),
        (KeyboardInterrupt(), False, False),
        (OSError(28, "the disk is full"), True, True),
        (InputError("a mistake"), True, False),
    ],
)
def test_a_stop_between_two_phases_goes_on_where_there_is_a_state(
    stop: BaseException, kept: bool, goes_on: bool, tmp_path: Path
) -> None:
    (tmp_path / "one").mkdir()
    if kept:
        (tmp_path / "one" / STATE).touch()
    with pytest.raises(type(stop)), resumable(tmp_path, STATE):
        raise stop
    assert is_resumable(stop) == goes_on


def test_each_camera_gets_a_network_of_its_own(faces: FaceFrames, tmp_path: Path) -> None:
    cameras = {name: baseline(name, 3, SMALL) for name in ("none", "box")}
    course = Course(shared=1, own=2, batch=2, width=8)
    made = train_per_camera(READ, faces, cameras, tmp_path, course)
    frames = faces.frames(np.arange(3), 16)
    found = [
        read_landmarks(made[name], photograph(camera, frames.image))
        for name, camera in cameras.items()
    ]
    assert all(points.shape == (3, 68, 2) for points in found)
    assert np.abs(found[0] - found[1]).max() > 0


def test_the_mask_learns_against_a_network_that_learns_to_undo_it(
    faces: FaceFrames, tmp_path: Path
) -> None:
    masks = {}
    for attacked in (0.0, 5.0):
        camera, seen = Camera(SMALL), []
        train_stage_one(
            faces, camera, tmp_path / f"{attacked}", SHORT, Weights(attacked=attacked),
            report=lambda *told, seen=seen: seen.append((told[0], told[3]["attacker"])),
        )  # fmt: skip
        masks[attacked] = camera.coefficients
        undoes = {phase for phase, loss in seen if loss > 0}
        assert undoes == ({"warm", "joint"} if attacked else set())
    assert np.abs(masks[0.0] - masks[5.0]).max() > 1e-5
