"""One network a camera, all taught alike: first one for all of them, then each its own.

That is what makes cameras comparable: every one has a network that knows its pictures, begun at
the same numbers and taught for as long. The task is to read landmarks, or to restore the face.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from anonfaces.optics.camera import Camera
from anonfaces.optics.faces import FaceFrames, Frames
from anonfaces.optics.heatmaps import build_heatmap_network, map_loss, maps_to_points
from anonfaces.optics.loop import Batch, Phase, Report, falling, run_phases
from anonfaces.optics.restorer import build_restorer, restoration_loss
from anonfaces.optics.store import load_network, save_network

__all__ = [
    "READ", "RESTORE", "Course", "Task", "load_own", "photograph", "read_landmarks", "run_network",
    "train_per_camera",
]  # fmt: skip

_PART = 32


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is learned: a network by size and width, its loss, and its target in the frames."""

    name: str
    build: Callable[[int, int], Any]
    loss: Callable[[Any, Any], Any]
    target: Callable[[Frames], NDArray[np.float32]]


READ = Task(
    name="readers",
    build=build_heatmap_network,
    loss=map_loss,
    target=lambda frames: frames.landmark,
)
RESTORE = Task(
    name="restorers",
    build=build_restorer,
    loss=restoration_loss,
    target=lambda frames: frames.image,
)


@dataclass(frozen=True, kw_only=True)
class Course:
    """The course: ``shared`` steps for all cameras together, ``own`` steps for each."""

    shared: int = 800
    own: int = 150
    batch: int = 16
    rate: float = 2e-3
    seed: int = 0
    width: int = 16


def train_per_camera(
    task: Task,
    faces: FaceFrames,
    cameras: Mapping[str, Camera],
    folder: Path,
    config: Course | None = None,
    report: Report | None = None,
    start: Any = None,
) -> dict[str, Any]:
    """Train a network for each of ``cameras``; they are kept in ``folder``, and so is the state.

    The same call goes on after a stop. ``start`` is a network to begin with.
    """
    config = config or Course()
    keras.utils.set_random_seed(config.seed)
    size = next(iter(cameras.values())).config.size
    network = task.build(size, config.width)
    if start is not None:
        network.set_weights(start.get_weights())
    learner = _Learner(network, task)
    takes = [_compiled(camera) for camera in cameras.values()]
    draws = [_drawing(task, faces, some, size, config) for some in (takes, *([t] for t in takes))]
    steps = (config.shared, *[config.own] * len(cameras))
    phases = [
        _phase(name, learner, count, config, draw, folder if i else None)
        for i, (name, count, draw) in enumerate(
            zip(("shared", *cameras), steps, draws, strict=True)
        )
    ]
    recipe = {"task": task.name, "cameras": list(cameras), **asdict(config)}
    facts = {"size": size, "width": config.width}

    def keep(phase: Phase) -> None:
        save_network(folder, phase.name, network, **facts)

    run_phases(phases, folder, recipe, config.seed, report, keep)
    return {name: load_own(task, folder, name) for name in cameras}


def load_own(task: Task, folder: Path, name: str) -> Any:
    """The network of one camera, of those that ``train_per_camera`` kept in ``folder``."""
    build = lambda meta: task.build(int(meta["size"]), int(meta["width"]))  # noqa: E731
    return load_network(folder, name, build)[0]


def photograph(camera: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures float32 (n, s, s, 3) in 0..1 as the camera takes them, some at a time."""
    if 0 < len(images) <= _PART:  # to trace a few would take longer
        return np.asarray(camera.take(images, camera.psf()))
    take = _compiled(camera)
    parts = [np.empty((0, *images.shape[1:]), np.float32)]
    for start in range(0, len(images), _PART):
        some = images[start : start + _PART]
        full = np.resize(some, (_PART, *some.shape[1:]))
        parts.append(np.asarray(take(full))[: len(some)])
    return np.concatenate(parts)


def read_landmarks(network: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Landmarks (n, 68, 2) in sides of the picture, by a heat-map network."""
    logits = run_network(network, images)
    return np.asarray(maps_to_points(logits))


def run_network(network: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network answers for pictures (n, s, s, 3), some at a time."""
    from anonbase.keras_backend import compiled

    run = compiled(lambda x: network(x, training=False))
    parts = []
    for start in range(0, max(len(images), 1), _PART):
        some = images[start : start + _PART]
        full = (
            np.resize(some, (_PART, *images.shape[1:]))
            if len(some)
            else np.zeros((_PART, *images.shape[1:]), np.float32)
        )
        parts.append(np.asarray(run(full))[: len(some)])
    return np.concatenate(parts)


def _compiled(camera: Any) -> Callable[[NDArray[np.float32]], Any]:
    from anonbase.keras_backend import compiled

    psf = camera.psf()
    return compiled(lambda images: camera.take(images, psf))


def _drawing(
    task: Task, faces: FaceFrames, takes: list[Any], size: int, config: Course
) -> Callable[[np.random.Generator], Batch]:
    def draw(rng: np.random.Generator) -> Batch:
        rows = rng.choice(len(faces), size=config.batch, replace=len(faces) < config.batch)
        frames = faces.frames(rows, size, rng)
        take = takes[rng.integers(len(takes))]
        return {"image": np.asarray(take(frames.image))}, task.target(frames)

    return draw


def _phase(
    name: str, learner: _Learner, steps: int, config: Course, draw: Any,
    folder: Path | None = None,
) -> Phase:  # fmt: skip
    def begin() -> None:
        if folder is not None:
            first = load_own(learner.task, folder, "shared")
            learner.network.set_weights(first.get_weights())
        if not learner.compiled:
            optimizer = keras.optimizers.Adam(config.rate, 0.9, 0.99)
            learner.compile(optimizer, jit_compile=False)
            optimizer.build(learner.trainable_variables)
        for variable in learner.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))

    rate = lambda done: config.rate * falling(done)  # noqa: E731
    return Phase(name=name, model=learner, steps=steps, draw=draw, begin=begin, rate=rate)


class _Learner(keras.Model):
    """The loss of a task over its network."""

    def __init__(self, network: Any, task: Task) -> None:
        super().__init__(name="learner")
        self.network, self.task = network, task

    def call(self, given: dict[str, Any], training: bool = False) -> Any:
        return self.network(given["image"])

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:  # fmt: skip
        return self.task.loss(y_pred, y)
