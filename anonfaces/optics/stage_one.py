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
from anonfaces.optics.restorer import build_restorer, restoration_loss

__all__ = ["StageOneConfig", "Weights", "frame_batches", "train_stage_one"]

Tensor = Any


@dataclass(frozen=True, kw_only=True)
class Weights:
    """How much each loss counts.

    ``heatmap``: of the landmarks; ``similar``: SSIM of private and sharp picture; ``identity``:
    the recognizer's; ``outside``: light of the PSF beyond ``reach`` of the side; ``center``: its
    distance from the middle. ``restored`` is how much ``similar`` and ``identity`` count of what
    Wiener's filter makes of the private picture, beside the private picture itself: a mask that
    only mixes what it takes in is undone by whoever knows it. ``attacked`` is the same of what a
    network makes of it that learns, beside the mask, to restore its pictures.
    """

    heatmap: float = 1.0
    similar: float = 0.5
    identity: float = 1.0
    outside: float = 1.0
    center: float = 20.0
    reach: float = 0.25
    restored: float = 1.0
    attacked: float = 1.0


@dataclass(frozen=True, kw_only=True)
class StageOneConfig:
    """The course of a run.

    ``warm``, ``joint`` and ``settle`` are steps of ``batch`` faces: of the mask alone, of both,
    and of the network alone. ``recognized`` of each batch are shown to the recognizer. The network
    of landmarks is ``width`` wide, the attacker's ``attacker`` (``Weights.attacked``).
    """

    warm: int = 80
    joint: int = 500
    settle: int = 150
    batch: int = 8
    recognized: int = 4
    rate: float = 1e-3
    seed: int = 0
    width: int = 16
    attacker: int = 16


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
    attacker = build_restorer(camera.config.size, config.attacker) if weights.attacked else None
    courses = (("warm", "mask"), ("joint", "both"), ("settle", "maps"))
    phases = [
        _phase(name, _Learner(camera, network, attacker, weights, learns), draw, config)
        for name, learns in courses
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


def _phase(name: str, learner: _Learner, draw: Any, config: StageOneConfig) -> Phase:
    def begin() -> None:
        learner.hold()
        learner.compile(keras.optimizers.Adam(config.rate, 0.9, 0.99), jit_compile=False)

    rate = None if name == "joint" else lambda done: config.rate * falling(done)
    steps = getattr(config, name)
    return Phase(name=name, model=learner, steps=steps, draw=draw, begin=begin, rate=rate)


class _Learner(keras.Model):
    """The losses of one phase over a camera and a network; ``learns`` says which of them move.

    An ``attacker`` moves whenever the mask does, to undo it; the mask, to be undone less.
    """

    def __init__(
        self, camera: Camera, network: Any, attacker: Any, weights: Weights, learns: str
    ) -> None:
        super().__init__(name="learner")
        self.camera, self.network, self.attacker = camera, network, attacker
        self._weights, self._learns = weights, learns
        names = ("heatmap", "similar", "identity", "outside", "center", "attacker", "rms")
        self._means = {name: keras.metrics.Mean(name=name) for name in names}

    def hold(self) -> None:
        self.camera.trainable = self._learns in ("mask", "both")
        self.network.trainable = self._learns in ("maps", "both")
        if self.attacker is not None:
            self.attacker.trainable = self.camera.trainable

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
        return sum(getattr(self._weights, name, 1.0) * value for name, value in parts.items())

    def _of_mask(self, x: dict[str, Tensor], private: Tensor) -> dict[str, Tensor]:
        psf, weights = self.camera.psf(), self._weights
        seen = [(1.0, private), (weights.restored, self.camera.restored(private, psf))]
        parts = {
            "outside": losses.outside(psf, weights.reach),
            "center": losses.off_center(psf),
        }
        if self.attacker is not None:
            learning = self.attacker(keras.ops.stop_gradient(private))
            parts["attacker"] = restoration_loss(learning, x["image"])
            seen.append((weights.attacked, self._attacked(private)))
        parts["similar"] = sum(
            share * losses.similarity(picture, x["image"]) for share, picture in seen
        )
        if self._learns == "both" and "vector" in x:
            parts["identity"] = sum(share * _identity(picture, x) for share, picture in seen)
        return parts

    def _attacked(self, private: Tensor) -> Tensor:
        """What the attacker makes of private pictures, as a function of these alone."""
        fixed = [keras.ops.stop_gradient(v.value) for v in self.attacker.trainable_variables]
        other = self.attacker.non_trainable_variables
        return self.attacker.stateless_call(fixed, other, private)[0]


def _identity(images: Tensor, x: dict[str, Tensor]) -> Tensor:
    """What the recognizer tells of the first of ``images``."""
    found = vectors(images[: x["vector"].shape[0]], x["rows"], x["columns"])
    return identity_loss(found, x["vector"])
