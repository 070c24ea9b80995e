"""Stage two: learn to draw a face of another's style that stands as the private picture does.

Only the encoder learns. Each loss is computed on the drawn face through networks that are held
fixed but let the gradient pass: the heat-map network of sharp pictures, dlib's recognizer, and the
camera itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from anonfaces.optics.camera import Camera
from anonfaces.optics.face_encoder import (
    build_face_encoder,
    drawn_faces,
    generator,
    generator_spread,
    styles_of,
    styles_of_seeds,
)  # fmt: skip
from anonfaces.optics.faces import FaceFrames, Jitter
from anonfaces.optics.heatmaps import level_maps, map_loss, maps_to_points
from anonfaces.optics.loop import Batch, Phase, Report, falling, run_phases
from anonfaces.optics.privacy import to_bytes
from anonfaces.optics.recognition import resamplings, vectors

__all__ = ["StageTwoConfig", "StageTwoWeights", "train_stage_two"]

Tensor = Any

#: How far a frame is off after it was aligned by landmarks of the heat-map network.
_RESIDUAL = Jitter(shift=0.02, scale=0.04)
#: Layers of the generator whose w is the reference's: color and texture.
_FINE = 6


@dataclass(frozen=True, kw_only=True)
class StageTwoWeights:
    """How much each loss counts.

    ``heatmap``: the drawn face's landmarks beside those read from the private picture; ``style``:
    dlib's distance to the reference's face; ``fine``: steps of the layers of color and texture;
    ``cycle``: the camera's picture of the drawn face beside the private one, both without their
    mean color; ``diversity``: the difference of faces of two styles, which falls to 0;
    ``prior``: the size of all steps.
    """

    heatmap: float = 1.0
    style: float = 2.0
    fine: float = 0.1
    cycle: float = 3.0
    diversity: float = 1.0
    prior: float = 0.02


@dataclass(frozen=True, kw_only=True)
class StageTwoConfig:
    """The course: ``steps`` of ``batch`` faces, of which ``recognized`` are shown to dlib."""

    steps: int = 800
    batch: int = 6
    recognized: int = 3
    rate: float = 1e-3
    seed: int = 0
    width: int = 24


def train_stage_two(
    faces: FaceFrames,
    camera: Camera,
    readers: tuple[Any, Any],
    folder: Path,
    config: StageTwoConfig | None = None,
    weights: StageTwoWeights | None = None,
    report: Report | None = None,
) -> Any:
    """Train the encoder into w; ``readers`` are the heat-map networks of private and of sharp
    pictures. ``folder`` keeps the state: the same call goes on after a stop."""
    config, weights = config or StageTwoConfig(), weights or StageTwoWeights()
    keras.utils.set_random_seed(config.seed)
    drawer = generator()
    network = build_face_encoder(
        camera.config.size, config.width, drawer.num_ws, drawer.config.w_dim
    )
    learner = _Learner(camera, readers, network, weights, config.steps)
    phase = Phase(
        name="faces", model=learner, steps=config.steps, draw=_Draw(faces, camera, config),
        begin=lambda: learner.compile(
            keras.optimizers.Adam(config.rate, 0.5, 0.99), jit_compile=False
        ),
        rate=lambda done: config.rate * falling(done),
    )  # fmt: skip
    recipe = {"stage": 2, **asdict(config), **asdict(weights)}
    run_phases([phase], folder, recipe, config.seed, report)
    return network


class _Draw:
    """What a step is fed: sources, and two styles for each, of references or of seeds."""

    def __init__(self, faces: FaceFrames, camera: Camera, config: StageTwoConfig) -> None:
        self._faces, self._config, self._size = faces, config, camera.config.size
        self._mean, self._spread = generator_spread()
        side = generator().config.resolution
        some = np.random.default_rng(config.seed).choice(len(faces), min(len(faces), 512), False)
        pictures = [faces.frames(part, side).image for part in np.array_split(some, 8)]
        self._styles = styles_of(to_bytes(np.concatenate(pictures)))

    def __call__(self, rng: np.random.Generator) -> Batch:
        config = self._config
        rows = rng.choice(len(self._faces), config.batch, len(self._faces) < config.batch)
        frames = self._faces.frames(rows, self._size, rng, _RESIDUAL)
        chosen = rng.integers(len(self._styles), size=2 * config.batch)
        styles = self._styles[chosen]
        drawn = rng.integers(1 << 31, size=config.batch)
        styles[: config.batch : 2] = styles_of_seeds(drawn.tolist())[::2]
        styles[config.batch :: 2] = styles_of_seeds((drawn + 1).tolist())[::2]
        here = self._faces.frames(rows[: config.recognized], self._size)
        cuts = resamplings(here, self._size, config.recognized)
        given = {
            "image": frames.image, "style": (styles - self._mean) / self._spread,
            "rows": cuts[0], "columns": cuts[1],
        }  # fmt: skip
        return given, frames.landmark


class _Learner(keras.Model):
    """The losses over camera, readers, generator and recognizer; only the encoder learns."""

    def __init__(
        self, camera: Camera, readers: tuple[Any, Any], network: Any, weights: StageTwoWeights,
        steps: int,
    ) -> None:  # fmt: skip
        super().__init__(name="learner")
        self.camera, self.network = camera, network
        self.private_reader, self.sharp_reader = readers
        for fixed in (camera, *readers):
            fixed.trainable = False
        self._weights, self._steps = weights, steps
        generator_spread()  # drawn and kept before anything is traced
        names = ("heatmap", "style", "fine", "cycle", "diversity", "prior")
        self._means = {name: keras.metrics.Mean(name=name) for name in names}

    def call(self, given: dict[str, Tensor], training: bool = False) -> Any:
        private = ops.stop_gradient(self.camera(given["image"]))
        logits = self.private_reader(private)
        both = [ops.concatenate([x, x]) for x in (private, level_maps(logits))]
        steps = self.network([*both, given["style"]])
        faces = drawn_faces(given["style"][:, None] + steps, self.camera.config.size)
        return private, maps_to_points(logits), steps, faces

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:  # fmt: skip
        private, points, steps, faces = y_pred
        half = private.shape[0]
        away = ops.mean(ops.abs(faces[:half] - faces[half:]))
        parts = {
            "heatmap": map_loss(
                self.sharp_reader(faces), ops.stop_gradient(ops.concatenate([points, points]))
            ),
            "style": self._style(x, faces),
            "fine": ops.mean(ops.square(steps[:, _FINE:])),
            "cycle": self._cycle(private, faces[:half]),
            "diversity": -away * self._left(),
            "prior": ops.mean(ops.square(steps)),
        }
        for name, value in parts.items():
            self._means[name].update_state(value)
        return sum(getattr(self._weights, name) * value for name, value in parts.items())

    def _style(self, x: dict[str, Tensor], faces: Tensor) -> Tensor:
        """dlib's squared distance of drawn faces from those that the styles alone would be."""
        count = x["rows"].shape[0]
        style = x["style"][:count, None] + ops.zeros((count, generator().num_ws, 1))
        alone = drawn_faces(style, self.camera.config.size)
        wanted = vectors(alone, x["rows"], x["columns"])
        found = vectors(faces[:count], x["rows"], x["columns"])
        return ops.mean(ops.sum(ops.square(found - ops.stop_gradient(wanted)), axis=1))

    def _cycle(self, private: Tensor, faces: Tensor) -> Tensor:
        seen = self.camera(faces)

        def plain(z: Tensor) -> Tensor:
            return z - ops.mean(z, axis=(1, 2), keepdims=True)

        return ops.mean(ops.abs(plain(seen) - plain(private)))

    def _left(self) -> Tensor:
        """What is left of the run, 1 to 0."""
        done = ops.cast(self.optimizer.iterations, "float32") / self._steps
        return ops.maximum(1.0 - done, 0.0)
