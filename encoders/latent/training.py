"""Training the latent encoder on real faces and on the generator's own images.

For a real face, the loss is the difference of its image and the one that comes back (pixels, their
gradients, a quarter of the size) and of their vectors by dlib's network; w must not be rarer than
the generator's own, and the steps away from it must be small. For an image of the generator, the
loss is the difference from its w.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.keras_backend import compiled, quick_dtype, value_and_gradients
from encoders.frame import CropAlignment
from encoders.latent.identity import Recognizer
from encoders.latent.network import LatentConfig, encode, first_values, with_layers
from stylegan.networks.config import EncoderConfig, standard_channels
from stylegan.networks.mapping import broadcast, map_latents
from stylegan.train.losses import reconstruction
from stylegan.train.state import adam, moments

if TYPE_CHECKING:
    from stylegan.encoder import Encoder
    from stylegan.generator import Generator

__all__ = ["SIZE", "TrainingConfig", "config_for", "rmse", "train"]

Tensor = Any
Parameters = dict[str, Tensor]

SIZE = 64
_SAMPLED = 4096
_SEEN = 2048
_BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class TrainingConfig:
    """The length of a training run: at most ``pictures`` real faces, at most ``minutes``."""

    pictures: int = 24_000
    minutes: float = 8.0
    real: int = 24
    own: int = 8
    recognised: int = 8
    rate: float = 5e-4
    seed: int = 0
    own_weight: float = 0.3
    identity_weight: float = 1.0
    prior_weight: float = 0.01
    step_weight: float = 0.05


def config_for(generator: Generator, encoder: Encoder | None) -> LatentConfig:
    """The network for a generator; its trunk is that of ``encoder``, where there is one."""
    if encoder is not None and encoder.config.resolution == SIZE:
        return LatentConfig(encoder.config, generator.num_ws)
    trunk = EncoderConfig(channels=standard_channels(SIZE, 2048, 256), w_dim=generator.config.w_dim)
    return LatentConfig(trunk, generator.num_ws)


def train(
    generator: Generator,
    faces: NDArray[np.uint8],
    framing: CropAlignment,
    encoder: Encoder | None = None,
    course: TrainingConfig | None = None,
    report: Callable[[int, dict[str, float]], None] | None = None,
    start: tuple[LatentConfig, dict[str, NDArray[np.float32]]] | None = None,
) -> tuple[LatentConfig, dict[str, NDArray[np.float32]]]:
    """Train on ``faces`` uint8 (n, 64, 64, 3), framed as the generator's: config and numbers.

    ``report`` is called with the pictures seen and the losses after every step. ``start`` is what
    to begin with: the numbers for a generator of the same w, of any number of layers.
    """
    course = course or TrainingConfig()
    if start is not None:
        config, values = with_layers(start[1], start[0], generator.num_ws)
    else:
        config = config_for(generator, encoder)
        some = faces[:_SEEN].astype(np.float32) / 127.5 - 1
        values = first_values(config, encoder, some, course.seed)
    parameters: Parameters = {k: ops.convert_to_tensor(v) for k, v in values.items()}
    state = moments(parameters)
    step = compiled(_Step(generator, config, framing, course))
    rng = np.random.default_rng(course.seed)
    for count, done in _pace(course):
        batch = faces[rng.integers(len(faces), size=course.real)].astype(np.float32) / 127.5 - 1
        batch = np.where(rng.random((course.real, 1, 1, 1)) < 0.5, batch[:, :, ::-1], batch)
        z = rng.standard_normal((course.own, generator.config.z_dim), np.float32)
        numbers = (course.rate * _rate(done), float(count))
        arrays = (batch, z, *(np.asarray(number, np.float32) for number in numbers))
        parameters, state, losses = step(parameters, state, *map(ops.convert_to_tensor, arrays))
        if report is not None:
            report(count * course.real, {k: float(v) for k, v in losses.items()})
    return config, {k: ops.convert_to_numpy(v) for k, v in parameters.items()}


def rmse(generator: Generator, pictures: NDArray[np.uint8], latents: NDArray[np.float32]) -> float:
    """Root mean square of the levels by which what the latents show differs from pictures."""
    made = generator.pictures(latents, batch=32)
    if made.shape != pictures.shape:
        import cv2

        side = pictures.shape[1]
        made = np.stack([cv2.resize(m, (side, side), interpolation=cv2.INTER_AREA) for m in made])
    return float(np.sqrt(np.mean(np.square(made.astype(np.float32) - pictures))))


def _pace(course: TrainingConfig) -> Iterator[tuple[int, float]]:
    """Steps from 1, and how much of the course is done: of its pictures or of its time."""
    steps, started = max(1, course.pictures // course.real), time.monotonic()
    for count in range(1, steps + 1):
        done = max(count / steps, (time.monotonic() - started) / (60 * course.minutes))
        if done > 1 and count > 1:
            return
        yield count, min(done, 1.0)


def _rate(done: float) -> float:
    """Up within a fiftieth of the course, then down as a cosine."""
    return min(1.0, done * 50) * 0.5 * (1 + np.cos(np.pi * done))


class _Step:
    """One step of Adam as a function of tensors."""

    def __init__(
        self,
        generator: Generator,
        config: LatentConfig,
        framing: CropAlignment,
        course: TrainingConfig,
    ) -> None:
        self._generator, self._config, self._course = generator, config, course
        self._recogniser = Recognizer(framing.dlib, SIZE)
        seeds = range(course.seed, course.seed + _SAMPLED)
        drawn = generator.map(generator.latents(seeds))[:, 0]
        self._mean = ops.convert_to_tensor(drawn.mean(axis=0))
        self._spread = ops.convert_to_tensor(drawn.std(axis=0) + 1e-3)

    def __call__(
        self,
        parameters: Parameters,
        state: tuple[Parameters, Parameters],
        real: Tensor,
        z: Tensor,
        rate: Tensor,
        count: Tensor,
    ) -> tuple[Parameters, tuple[Parameters, Parameters], Parameters]:
        w = map_latents(self._generator.parameters, self._generator.config, z)
        w = broadcast(w, self._config.num_ws)
        own = self._pictures(w)

        def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, Parameters]:
            codes = encode(p, self._config, ops.concatenate([real, own]), quick_dtype())
            parts = self._of_real(real, codes[: self._course.real])
            parts["own"] = ops.mean(ops.square((codes[self._course.real :] - w) / self._spread))
            return self._weighted(parts), parts

        losses, gradients = value_and_gradients(loss, parameters)
        parameters, state = adam(parameters, gradients, state, count, rate, _BETAS)
        return parameters, state, losses

    def _of_real(self, real: Tensor, w: Tensor) -> Parameters:
        made, some = self._pictures(w), self._course.recognised
        apart = self._recogniser(made[:some]) - self._recogniser(real[:some])
        middle = ops.mean(w, axis=1, keepdims=True)
        return {
            "picture": reconstruction(made, real),
            "identity": ops.mean(ops.sum(ops.square(apart), axis=1)),
            "prior": ops.mean(ops.square((middle - self._mean) / self._spread)),
            "steps": ops.mean(ops.square((w - middle) / self._spread)),
        }

    def _weighted(self, parts: Parameters) -> Tensor:
        course = self._course
        return (
            parts["picture"]
            + course.identity_weight * parts["identity"]
            + course.prior_weight * parts["prior"]
            + course.step_weight * parts["steps"]
            + course.own_weight * parts["own"]
        )

    def _pictures(self, w: Tensor) -> Tensor:
        """The generator's, averaged down to what the encoder looks at."""
        images = self._generator.apply(w, self._generator.noise_maps(), quick_dtype())
        factor = self._generator.config.resolution // SIZE
        if factor <= 1:
            return images
        return ops.average_pool(images, factor, factor, data_format="channels_last")
