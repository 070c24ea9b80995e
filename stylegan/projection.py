"""Finding the latents of images by optimization, many images at once.

The first stage finds one w for all layers, from several starts (Abdal et al., "Image2StyleGAN",
ICCV 2019; Karras et al. 2020, section 5). The second stage takes the best start and finds a w for
each layer, held near to one another. The noise maps are the generator's constant ones, or are
found as well and kept free of signal by StyleGAN2's regularizer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import compiled, value_and_gradients
from stylegan.train.state import adam, moments

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["Projection", "ProjectionConfig", "project"]

Tensor = Any
Tensors = dict[str, Tensor]
Features = Callable[[Tensor], Tensor]
Report = Callable[[int, float], None]

_SAMPLED = 2048
_LARGEST = 256
_BETAS = (0.9, 0.99)
_SHOWN = 8


@dataclass(frozen=True, kw_only=True)
class ProjectionConfig:
    """How to project.

    Attributes
    ----------
    w_steps, plus_steps : int
        Steps for one w, and for W+.
    starts : int
        Starts of each image.
    rate : float
        Adam's step size, in standard deviations of the generator's own w.
    prior_weight : float
        How much a w is held near to the generator's mean.
    step_weight : float
        How much the w of the layers are held near to one another.
    feature_weight : float
        How much ``features`` count beside pixels.
    noise : bool
        Find the noise maps, too.
    noise_weight : float
        How much noise maps are kept free of signal.
    seed : int
        The seed of the starts.

    Raises
    ------
    InputError
        A number of steps or starts is too small.
    """

    w_steps: int = 80
    plus_steps: int = 80
    starts: int = 3
    rate: float = 0.08
    prior_weight: float = 0.005
    step_weight: float = 0.02
    feature_weight: float = 0.5
    noise: bool = False
    noise_weight: float = 1e3
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"w_steps": 1, "plus_steps": 0, "starts": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InputError(f"{name} {getattr(self, name)}: expected {value} or more")


@dataclass(frozen=True)
class Projection:
    """The latents that a projection found.

    Attributes
    ----------
    latent : float32 (n, num_ws, w_dim)
        W+.
    loss : float32 (n,)
        What is left of the loss of each image.
    noise : list of float32 (n, s, s, 1), or None
        A map a layer, where noise was asked for.
    stages : list of uint8 (n, s, s, 3)
        Images on the way; the last one is the result.
    """

    latent: NDArray[np.float32]
    loss: NDArray[np.float32]
    noise: list[NDArray[np.float32]] | None
    stages: list[NDArray[np.uint8]] = field(default_factory=list)

    @property
    def pictures(self) -> NDArray[np.uint8]:
        """What the latents look like, uint8 (n, size, size, 3)."""
        return self.stages[-1]


def project(
    generator: Generator,
    pictures: NDArray[np.uint8],
    start: NDArray[np.float32] | None = None,
    manner: ProjectionConfig | None = None,
    features: Features | None = None,
    report: Report | None = None,
) -> Projection:
    """Find the latents of images.

    All images are in one batch, ``manner.starts`` times: give as many as memory holds.

    Parameters
    ----------
    generator : Generator
        The generator.
    pictures : uint8 (n, size, size, 3)
        RGB, framed as the generator's own.
    start : float32 (n, num_ws, w_dim), optional
        A first guess, such as an encoder's. The other starts are random.
    manner : ProjectionConfig, optional
        Steps, starts and weights.
    features : callable, optional
        RGB (n, size, size, 3) in -1 to 1 to vectors (n, d) that should agree as well, such as a
        recognizer's. It counts once the best start is known.
    report : callable, optional
        Called with the step and the mean loss.

    Returns
    -------
    Projection
        W+, the loss of each image, and images on the way.

    Raises
    ------
    InputError
        The images or the start have the wrong shape.

    Examples
    --------
    >>> import stylegan
    >>> from stylegan.projection import ProjectionConfig, project
    >>> generator = stylegan.load()
    >>> image = generator.pictures(generator.map(generator.latents([0])))
    >>> quick = ProjectionConfig(w_steps=1, plus_steps=0, starts=1)
    >>> project(generator, image, manner=quick).latent.shape
    (1, 12, 256)
    """
    manner = manner or ProjectionConfig()
    _check(generator, pictures, start)
    run = _Run(generator, pictures, manner, features)
    one = run.first(start)
    for number in range(manner.w_steps):
        one = run.step(one, number, manner.w_steps, report)
    plus = run.w_plus(one)
    for number in range(manner.plus_steps):
        plus = run.step(plus, number, manner.plus_steps, report, manner.w_steps)
    return run.result(plus)


def _check(
    generator: Generator, pictures: NDArray[np.uint8], start: NDArray[np.float32] | None
) -> None:
    side = generator.config.resolution
    if pictures.dtype != np.uint8 or pictures.shape[1:] != (side, side, 3) or not len(pictures):
        raise InputError(
            f"pictures are {pictures.dtype} {pictures.shape}: expected uint8 (n, {side}, {side}, 3)"
        )
    wanted = (len(pictures), generator.num_ws, generator.config.w_dim)
    if start is not None and (start.shape != wanted or not np.isfinite(start).all()):
        raise InputError(f"start is {start.shape}: expected finite numbers {wanted}")


class _State:
    """What is being found, Adam's moments, how many starts a picture has, the last losses."""

    def __init__(self, tensors: Tensors, starts: int, wide: bool = False) -> None:
        self.tensors, self.starts, self.wide = tensors, starts, wide
        self.moments = moments(tensors)
        self.loss = np.zeros(0, np.float32)


class _Run:
    def __init__(
        self,
        generator: Generator,
        pictures: NDArray[np.uint8],
        manner: ProjectionConfig,
        features: Features | None,
    ) -> None:
        self._generator, self._manner = generator, manner
        self._real = pictures.astype(np.float32) / 127.5 - 1
        self._count, self._factor = len(pictures), max(1, pictures.shape[1] // _LARGEST)
        seeds = range(manner.seed, manner.seed + _SAMPLED)
        self._drawn = generator.map(generator.latents(seeds))[:, 0]
        self._mean = self._drawn.mean(axis=0)
        self._spread = self._drawn.std(axis=0) + np.float32(1e-3)
        self._on_w = compiled(partial(self._moved, None))
        self._on_plus = compiled(partial(self._moved, features))
        self._stages: list[NDArray[np.uint8]] = []

    def first(self, start: NDArray[np.float32] | None) -> _State:
        """Starts (n * starts, 1, w_dim): the given one, if any, and draws at half the variety."""
        rng, starts = np.random.default_rng(self._manner.seed), self._manner.starts
        rows = rng.integers(len(self._drawn), size=self._count * starts)
        guesses = ((self._drawn[rows] - self._mean) / self._spread / 2).reshape(
            self._count, starts, -1
        )
        if start is not None:
            guesses[:, 0] = (start.mean(axis=1) - self._mean) / self._spread
        else:
            guesses[:, 0] = 0
        tensors = {"w": ops.convert_to_tensor(guesses.reshape(-1, 1, guesses.shape[2]))}
        return _State(tensors | self._first_noise(), starts)

    def step(
        self,
        state: _State,
        number: int,
        steps: int,
        report: Report | None,
        before: int = 0,
    ) -> _State:
        """One step of Adam for every start."""
        rate = self._manner.rate * min(1.0, (number + 1) / 5, 4 * (1 - number / steps))
        if number % max(1, steps // _SHOWN) == 0:
            self._stages.append(self._drawn_now(state))
        real = np.repeat(self._real, state.starts, axis=0)
        numbers = (np.float32(number + 1), np.float32(rate))
        move = self._on_plus if state.wide else self._on_w
        state.tensors, state.moments, losses = move(
            state.tensors, state.moments, *map(ops.convert_to_tensor, (real, *numbers))
        )
        state.loss = ops.convert_to_numpy(losses)
        if report is not None:
            report(before + number + 1, float(state.loss.mean()))
        return state

    def w_plus(self, state: _State) -> _State:
        """The best start of each picture, with a w for every layer."""
        best = _best(state)
        tensors = {k: v[best] for k, v in _numpy(state.tensors).items()}
        tensors["w"] = np.repeat(tensors["w"], self._generator.num_ws, axis=1)
        wide = _State({k: ops.convert_to_tensor(v) for k, v in tensors.items()}, 1, True)
        wide.loss = state.loss[best]
        return wide

    def result(self, state: _State) -> Projection:
        """The latents in the generator's own scale."""
        tensors = _numpy(state.tensors)
        noise = [tensors[name] for name in sorted(tensors) if name != "w"]
        self._stages.append(self._drawn_now(state))
        latent = tensors["w"] * self._spread + self._mean
        return Projection(latent, state.loss, noise or None, self._stages)

    def _moved(
        self,
        features: Features | None,
        tensors: Tensors,
        state: tuple[Tensors, Tensors],
        real: Tensor,
        number: Tensor,
        rate: Tensor,
    ) -> tuple[Tensors, tuple[Tensors, Tensors], Tensor]:
        def loss(given: Mapping[str, Tensor]) -> tuple[Tensor, Tensors]:
            each = self._losses(features, given, real)
            return ops.sum(each), {"each": each}

        report, gradients = value_and_gradients(loss, tensors)
        tensors, state = adam(tensors, gradients, state, number, rate, _BETAS)
        return tensors, state, report["each"]

    def _losses(
        self, features: Features | None, tensors: Mapping[str, Tensor], real: Tensor
    ) -> Tensor:
        """One number a start, (n * starts,): a start's gradient does not know of the others."""
        images, manner = self._made(tensors), self._manner
        smaller, wanted = _pooled(images, self._factor), _pooled(real, self._factor)
        each = _apart(smaller, wanted)
        middle = ops.mean(tensors["w"], axis=1, keepdims=True)
        each = each + manner.prior_weight * ops.mean(ops.square(middle), axis=(1, 2))
        each = each + manner.step_weight * ops.mean(ops.square(tensors["w"] - middle), axis=(1, 2))
        if features is not None:
            apart = features(images) - ops.stop_gradient(features(real))
            each = each + manner.feature_weight * ops.sum(ops.square(apart), axis=1)
        for name, plane in tensors.items():
            if name != "w":
                each = each + manner.noise_weight * _signal(plane)
        return each

    def _made(self, tensors: Mapping[str, Tensor]) -> Tensor:
        w = tensors["w"] * self._spread + self._mean
        if w.shape[1] == 1:
            w = ops.repeat(w, self._generator.num_ws, axis=1)
        maps = [_normal(tensors[name]) for name in sorted(tensors) if name != "w"]
        return self._generator.apply(w, maps or self._generator.noise_maps())

    def _first_noise(self) -> Tensors:
        if not self._manner.noise:
            return {}
        rng, count = np.random.default_rng(self._manner.seed), self._count * self._manner.starts
        sides = [plane.shape[1] for plane in self._generator.noise_maps()]
        return {
            f"noise{i:02d}": ops.convert_to_tensor(
                rng.standard_normal((count, side, side, 1), np.float32)
            )
            for i, side in enumerate(sides)
        }

    def _drawn_now(self, state: _State) -> NDArray[np.uint8]:
        """The best start of each picture as it looks now, (n, s, s, 3)."""
        best = _best(state) if len(state.loss) else np.arange(self._count) * state.starts
        tensors = {k: ops.convert_to_tensor(v[best]) for k, v in _numpy(state.tensors).items()}
        images = ops.convert_to_numpy(self._made(tensors))
        return np.clip(np.rint(images * 127.5 + 127.5), 0, 255).astype(np.uint8)


def _best(state: _State) -> NDArray[np.int64]:
    losses = state.loss.reshape(-1, state.starts)
    return losses.argmin(axis=1) + np.arange(len(losses)) * state.starts


def _numpy(tensors: Tensors) -> dict[str, NDArray[np.float32]]:
    return {k: ops.convert_to_numpy(v) for k, v in tensors.items()}


def _apart(made: Tensor, real: Tensor) -> Tensor:
    """How far pictures lie apart (n,): pixels, their gradients, and a quarter of the size."""
    off = made - real
    down, across = off[:, 1:] - off[:, :-1], off[:, :, 1:] - off[:, :, :-1]
    small = ops.average_pool(off, 4, 4, data_format="channels_last")
    return sum(ops.mean(ops.abs(part), axis=(1, 2, 3)) for part in (off, down, across, small))


def _pooled(images: Tensor, factor: int) -> Tensor:
    if factor == 1:
        return images
    return ops.average_pool(images, factor, factor, data_format="channels_last")


def _normal(plane: Tensor) -> Tensor:
    """A noise map at mean 0 and deviation 1, each picture's by itself."""
    plane = plane - ops.mean(plane, axis=(1, 2), keepdims=True)
    return plane * ops.rsqrt(ops.mean(ops.square(plane), axis=(1, 2), keepdims=True) + 1e-8)


def _signal(plane: Tensor) -> Tensor:
    """How much a map resembles itself one pixel on, at every scale down to 8 px, (n,)."""
    total = 0.0
    for scaled in _halvings(_normal(plane)):
        across = ops.mean(scaled * ops.roll(scaled, 1, axis=2), axis=(1, 2, 3))
        down = ops.mean(scaled * ops.roll(scaled, 1, axis=1), axis=(1, 2, 3))
        total = total + ops.square(across) + ops.square(down)
    return total


def _halvings(plane: Tensor) -> Iterator[Tensor]:
    yield plane
    for _ in range(max(0, int(math.log2(plane.shape[1])) - 3)):
        plane = 2 * ops.average_pool(plane, 2, 2, data_format="channels_last")
        yield plane
