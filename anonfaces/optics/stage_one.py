"""Stage one: a mask and the network that reads landmarks through it, learned together.

First the mask alone makes pictures unlike sharp ones; then both learn, while a recognizer looks at
the private pictures; at last the mask is held, and the network learns on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from anonfaces.optics import losses
from anonfaces.optics.camera import Camera
from anonfaces.optics.faces import FaceFrames, Jitter
from anonfaces.optics.heatmaps import build_heatmap_network, map_loss
from anonfaces.optics.loop import Batch, Phase, Report, falling, run_phases
from anonfaces.optics.recognition import identity_loss, resamplings, vectors

__all__ = ["StageOneConfig", "Weights", "frame_batches", "train_stage_one"]

Tensor = Any


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How much each loss counts.

    ``heatmap``: of the landmarks; ``similar``: SSIM of private and sharp picture; ``identity``:
    the recognizer's; ``outside``: light of the PSF beyond ``reach`` of the side; ``center``: its
    distance from the middle. ``restored`` is how much ``similar`` and ``identity`` count of what
    Wiener's filter makes of the private picture, beside the private picture itself: a mask that
    only mixes what it takes in is undone by whoever knows it.
    """

    heatmap: float = 1.0
    similar: float = 0.5
    identity: float = 1.0
    outside: float = 1.0
    center: float = 20.0
    reach: float = 0.25
    restored: float = 1.0


@dataclass(frozen=True, kw_only=True)
class StageOneConfig:
    """The course of a run.

    ``warm``, ``joint`` and ``settle`` are steps of ``batch`` faces: of the mask alone, of both,
    and of the network alone. ``recognized`` of each batch are shown to the recognizer.
    """

    warm: int = 80
    joint: int = 500
    settle: int = 150
    batch: int = 8
    recognized: int = 4
    rate: float = 1e-3
    seed: int = 0
    width: int = 16


def train_stage_one(
    faces: FaceFrames,
    camera: Camera,
    folder: Path,
    config: StageOneConfig | None = None,
    weights: Weights | None = None,
    report: Report | None = None,
    start: Any = None,
) -> Any:
    """Train ``camera`` and a heat-map network; the network is returned.

    ``folder`` keeps the state: the same call goes on after a stop. ``start`` is a heat-map network
    to begin with.
    """
    config, weights = config or StageOneConfig(), weights or Weights()
    keras.utils.set_random_seed(config.seed)
    network = _network(camera, config, start)
    draw = frame_batches(faces, camera.config.size, config.batch, config.recognized)
    phases = [
        _phase("warm", _Learner(camera, network, weights, "mask"), config.warm, draw, config),
        _phase("joint", _Learner(camera, network, weights, "both"), config.joint, draw, config),
        _phase("settle", _Learner(camera, network, weights, "maps"), config.settle, draw, config),
    ]
    taken = {**asdict(camera.config), **asdict(camera.sensor)}
    recipe = {"stage": 1, **asdict(config), **asdict(weights), **taken}
    run_phases(phases, folder, recipe, config.seed, report)
    return network


def frame_batches(
    faces: FaceFrames, size: int, batch: int, recognized: int, jitter: Jitter | None = None
) -> Callable[[np.random.Generator], Batch]:
    """What draws a batch: frames with the cuts of ``recognized`` of them, and landmarks."""

    def draw(rng: np.random.Generator) -> Batch:
        rows = rng.choice(len(faces), size=batch, replace=len(faces) < batch)
        frames = faces.frames(rows, size, rng, jitter)
        given = {"image": frames.image}
        if recognized:
            cuts = resamplings(frames, size, recognized)
            given |= dict(zip(("rows", "columns"), cuts, strict=True))
            given["vector"] = faces.vector[rows[:recognized]]
        return given, frames.landmark

    return draw


def _network(camera: Camera, config: StageOneConfig, start: Any) -> Any:
    network = build_heatmap_network(camera.config.size, config.width)
    if start is not None:
        network.set_weights(start.get_weights())
    return network


def _phase(name: str, learner: _Learner, steps: int, draw: Any, config: StageOneConfig) -> Phase:
    def begin() -> None:
        learner.hold()
        learner.compile(keras.optimizers.Adam(config.rate, 0.9, 0.99), jit_compile=False)

    rate = None if name == "joint" else lambda done: config.rate * falling(done)
    return Phase(name=name, model=learner, steps=steps, draw=draw, begin=begin, rate=rate)


class _Learner(keras.Model):
    """The losses of one phase over a camera and a network; ``learns`` says which of them move."""

    def __init__(self, camera: Camera, network: Any, weights: Weights, learns: str) -> None:
        super().__init__(name="learner")
        self.camera, self.network = camera, network
        self._weights, self._learns = weights, learns
        names = ("heatmap", "similar", "identity", "outside", "center", "rms")
        self._means = {name: keras.metrics.Mean(name=name) for name in names}

    def hold(self) -> None:
        self.camera.trainable = self._learns in ("mask", "both")
        self.network.trainable = self._learns in ("maps", "both")

    def call(self, given: dict[str, Tensor], training: bool = False) -> Tensor:
        private = self.camera(given["image"], training=training)
        return private, private if self._learns == "mask" else self.network(private)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:  # fmt: skip
        private, logits = y_pred
        parts = self._of_mask(x, private) if self._learns != "maps" else {}
        if self._learns != "mask":
            parts["heatmap"] = map_loss(logits, y)
        for name, value in parts.items():
            self._means[name].update_state(value)
        self._means["rms"].update_state(keras.ops.norm(self.camera.waves))
        return sum(getattr(self._weights, name) * value for name, value in parts.items())

    def _of_mask(self, x: dict[str, Tensor], private: Tensor) -> dict[str, Tensor]:
        psf, share = self.camera.psf(), self._weights.restored
        guessed = self.camera.restored(private, psf)
        parts = {
            "similar": losses.similarity(private, x["image"])
            + share * losses.similarity(guessed, x["image"]),
            "outside": losses.outside(psf, self._weights.reach),
            "center": losses.off_center(psf),
        }
        if self._learns == "both" and "vector" in x:
            looks = _identity(private, x) + share * _identity(guessed, x)
            parts["identity"] = looks
        return parts


def _identity(images: Tensor, x: dict[str, Tensor]) -> Tensor:
    """What the recognizer tells of the first of ``images``."""
    found = vectors(images[: x["vector"].shape[0]], x["rows"], x["columns"])
    return identity_loss(found, x["vector"])
