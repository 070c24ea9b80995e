"""A generator: latents to w, w to images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import compiled
from stylegan.networks import dcgan, synthesis1, synthesis2, synthesis3
from stylegan.networks.config import AliasFreeConfig, DcganConfig, GeneratorConfig
from stylegan.networks.mapping import (
    broadcast,
    map_rows,
    mapping_specs,
    one_hot_labels,
    truncate,
)
from stylegan.networks.memory import pictures_at_once
from stylegan.networks.noise import random_noise
from stylegan.networks.parameters import Spec, check, initial, variables

__all__ = ["Generator", "Noise", "generator_specs"]

Tensor = Any
Noise = Literal["const", "random", "none"]
Precision = Literal["float32", "bfloat16"]


def generator_specs(config: GeneratorConfig) -> dict[str, Spec]:
    """Names and shapes of a generator's parameters: kernels HWIO, dense layers (in, out)."""
    return mapping_specs(config) | _network(config).synthesis_specs(config)


def _network(config: GeneratorConfig) -> Any:
    if isinstance(config, AliasFreeConfig):
        return synthesis3
    if isinstance(config, DcganConfig):
        return dcgan
    return synthesis1 if config.architecture == "stylegan" else synthesis2


class Generator:
    """A StyleGAN, StyleGAN2, StyleGAN3 or DCGAN with its numbers.

    Parameters
    ----------
    config : GeneratorConfig, AliasFreeConfig or DcganConfig
        The architecture and its sizes.
    values : dict of str to array, optional
        The parameters, named as ``generator_specs(config)`` names them. None: random ones.
    precision : {"float32", "bfloat16"}
        The numbers that it computes with.
    seed : int
        The seed of random parameters.
    source : str
        Where ``values`` come from, for error messages.

    Raises
    ------
    WeightsError
        A parameter is missing, is one too many, or has another shape.

    Examples
    --------
    >>> import stylegan
    >>> generator = stylegan.load()
    >>> w = generator.map(generator.latents([0, 1, 2]), psi=0.7)
    >>> generator.pictures(w).shape
    (3, 128, 128, 3)
    """

    def __init__(
        self,
        config: GeneratorConfig,
        values: Mapping[str, NDArray[Any]] | None = None,
        *,
        precision: Precision = "float32",
        seed: int = 0,
        source: str = "generator",
    ) -> None:
        specs = generator_specs(config)
        given = initial(specs, np.random.default_rng(seed)) if values is None else values
        self.config, self.precision = config, precision
        self.parameters = variables(specs, check(specs, given, source))
        self.label: int | None = None

    def of_class(self, label: int) -> Generator:
        """Choose the class of which ``map`` is where it is given no labels.

        Parameters
        ----------
        label : int
            0 to ``config.classes`` - 1.

        Returns
        -------
        Generator
            The same network, with the same numbers in memory.

        Raises
        ------
        InputError
            The network has no classes, or not that one.
        """
        classes = self.config.classes
        if classes == 0:
            raise InputError(f"class {label}: this generator has no classes: leave that out")
        if not 0 <= label < classes:
            raise InputError(f"class {label}: this generator has those from 0 to {classes - 1}")
        chosen = copy(self)
        chosen.label = label
        return chosen

    def lower(self, side: int) -> Generator:
        """Find the same network up to a lower output, which takes less time and memory.

        A StyleGAN2 adds its picture up over the resolutions, so that each of them has one, of the
        same face. A StyleGAN ends in one layer that makes colors, a StyleGAN3 has one resolution:
        they stay whole.

        Parameters
        ----------
        side : int
            The least side of a picture in pixels.

        Returns
        -------
        Generator
            It shares the numbers and takes the first w of a W+; itself if nothing is lower.

        References
        ----------
        T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020,
        section 4.1 (output skips).
        """
        if self.config.architecture != "stylegan2":
            return self
        blocks = 1 + next((i for i, s in enumerate(self.config.sizes) if s >= side), 99)
        if blocks >= len(self.config.channels):
            return self
        part = copy(self)
        part.config = replace(self.config, channels=self.config.channels[:blocks])
        part.parameters = {name: self.parameters[name] for name in generator_specs(part.config)}
        for made in ("_run", "_noisy"):  # of the whole
            vars(part).pop(made, None)
        return part

    def values(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter as an array."""
        return {k: ops.convert_to_numpy(v) for k, v in self.parameters.items()}

    def latents(self, seeds: Sequence[int]) -> NDArray[np.float32]:
        """Draw one z a seed, by NumPy's RandomState, as the official scripts do.

        Parameters
        ----------
        seeds : sequence of int
            0 to 2**32 - 1.

        Returns
        -------
        float32 (n, z_dim)
            Standard normal numbers.
        """
        drawn = [np.random.RandomState(s).randn(self.config.z_dim) for s in seeds]
        return np.asarray(drawn, np.float32).reshape(-1, self.config.z_dim)

    def map(
        self,
        z: ArrayLike,
        labels: Sequence[int] | None = None,
        *,
        psi: float = 1.0,
        cutoff: int | None = None,
    ) -> NDArray[np.float32]:
        """Map z to w, with truncation.

        Parameters
        ----------
        z : float (n, z_dim)
            Latents.
        labels : sequence of int, optional
            The class of each row, if the network has classes and ``of_class`` chose none.
        psi : float
            How far w may lie from the mean: 1 leaves it, 0 is the mean.
        cutoff : int, optional
            Truncate the first ``cutoff`` layers only. None: all.

        Returns
        -------
        float32 (n, num_ws, w_dim)
            A w for each layer, W+.

        Raises
        ------
        InputError
            A shape or a class is wrong.

        References
        ----------
        T. Karras, S. Laine, T. Aila, "A style-based generator architecture for generative
        adversarial networks", CVPR 2019, section 2 and appendix B (truncation).

        Examples
        --------
        >>> import stylegan
        >>> generator = stylegan.load()
        >>> generator.map(generator.latents([0])).shape
        (1, 12, 256)
        """
        checked = self._checked(z, (self.config.z_dim,), "z")
        if labels is None and self.label is not None:
            labels = [self.label] * len(checked)
        latent, one_hot = (
            ops.convert_to_tensor(checked),
            one_hot_labels(labels, self.config.classes, len(checked)),
        )
        w = broadcast(map_rows(self.parameters, self.config, latent, one_hot), self.num_ws)
        return ops.convert_to_numpy(truncate(w, self.parameters["mapping.w_avg"], psi, cutoff))

    def synthesize(
        self, w: ArrayLike, noise: Noise = "const", seed: int = 0
    ) -> NDArray[np.float32]:
        """Make images of latents.

        Parameters
        ----------
        w : float (n, w_dim) or (n, num_ws, w_dim)
            w, or W+.
        noise : {"const", "random", "none"}
            The constant noise maps of the network, random ones, or none.
        seed : int
            The seed of random noise.

        Returns
        -------
        float32 (n, size, size, 3)
            RGB, -1 to 1.

        Raises
        ------
        InputError
            A shape is wrong, a number is not finite, or there is no such noise.
        """
        array = self._widened(np.asarray(w, np.float32))
        return self._images(array, noise, [(seed, i) for i in range(len(array))])

    def pictures(
        self, w: ArrayLike, noise: Noise = "const", seed: int = 0, batch: int = 8
    ) -> NDArray[np.uint8]:
        """Make 8-bit images of latents, some at a time.

        An image does not depend on its neighbors: short batches are filled up.

        Parameters
        ----------
        w : float (n, w_dim) or (n, num_ws, w_dim)
            w, or W+.
        noise, seed
            As for ``synthesize``.
        batch : int
            Images at a time, or fewer where they are large: see ``at_once``.

        Returns
        -------
        uint8 (n, size, size, 3)
            RGB.
        """
        array = self._widened(np.asarray(w, np.float32))
        parts = [_as_bytes(p) for p in self._batches(array, noise, seed, self.at_once(batch))]
        side = self.config.resolution
        return np.concatenate(parts) if parts else np.empty((0, side, side, 3), np.uint8)

    @property
    def num_ws(self) -> int:
        """How many w an image takes."""
        return self.config.num_ws

    def at_once(self, most: int, gradients: bool = False) -> int:
        """How many pictures to make at once: ``most``, or fewer where they take too much memory.

        It depends on the network alone, so that a run is the same on every machine.

        Examples
        --------
        >>> import stylegan
        >>> stylegan.load().at_once(32)
        32
        """
        return pictures_at_once(self.config, most, gradients)

    def apply(
        self, w: Tensor, noise: Sequence[Tensor] | None = None, dtype: str = "float32"
    ) -> Tensor:
        """Apply the bare network to tensors, differentiably.

        Parameters
        ----------
        w : tensor (n, num_ws, w_dim)
            W+.
        noise : sequence of tensors, optional
            One map (n or 1, s, s, 1) a layer. None: no noise.
        dtype : str
            The numbers to compute with.

        Returns
        -------
        tensor (n, size, size, 3)
            RGB, about -1 to 1.
        """
        return _network(self.config).synthesize(self.parameters, self.config, w, noise, dtype)

    def move(self, translate: tuple[float, float] = (0.0, 0.0), rotate: float = 0.0) -> None:
        """Move and turn all pictures from now on, as StyleGAN3 can without a loss.

        Parameters
        ----------
        translate : (float, float)
            To the right and down, in sides of the picture.
        rotate : float
            Degrees, against the clock.

        Raises
        ------
        InputError
            Another StyleGAN, or a number is not finite.
        """
        name = "synthesis.input.transform"
        if name not in self.parameters:
            raise InputError(
                f"a {self.config.architecture} does not follow moves: take a StyleGAN3"
            )
        if not np.isfinite((*translate, rotate)).all():
            raise InputError(f"expected finite numbers to move by, not {(*translate, rotate)}")
        cos, sin = np.cos(np.deg2rad(rotate)), np.sin(np.deg2rad(rotate))
        there = np.array([[cos, sin, translate[0]], [-sin, cos, translate[1]], [0.0, 0.0, 1.0]])
        self.parameters[name].assign(np.linalg.inv(there).astype(np.float32))

    def noise_maps(self) -> list[Tensor]:
        """The constant noise maps, one (1, s, s, 1) a layer; StyleGAN3 has none."""
        return [self.parameters[f"{name}.noise_const"][None, :, :, None] for name in self._noisy]

    @cached_property
    def _noisy(self) -> list[str]:
        names = [name for name in self.parameters if name.endswith(".noise_const")]
        return [name.removesuffix(".noise_const") for name in names]

    @cached_property
    def _run(self) -> Any:
        def run(w: Tensor, maps: Sequence[Tensor] | None) -> Tensor:
            return self.apply(w, maps, self.precision)

        return compiled(run)

    def _batches(self, w: NDArray[np.float32], noise: Noise, seed: int, batch: int) -> Any:
        for start in range(0, len(w), batch):
            part = w[start : start + batch]
            full = np.resize(part, (batch, *part.shape[1:]))
            seeds = [(seed, start + i) for i in range(batch)]
            yield self._images(full, noise, seeds)[: len(part)]

    def _images(
        self, w: NDArray[np.float32], noise: Noise, seeds: Sequence[tuple[int, int]]
    ) -> NDArray[np.float32]:
        return ops.convert_to_numpy(self._run(ops.convert_to_tensor(w), self._noise(noise, seeds)))

    def _noise(self, noise: Noise, seeds: Sequence[tuple[int, int]]) -> list[Tensor] | None:
        if noise not in ("const", "random", "none"):
            raise InputError(f"noise {noise!r}: expected const, random or none")
        if noise == "none" or not self._noisy:
            return None
        if noise == "const":
            return [ops.convert_to_tensor(plane) for plane in self.noise_maps()]
        sides = [self.parameters[f"{name}.noise_const"].shape[0] for name in self._noisy]
        return random_noise(sides, seeds)

    def _widened(self, w: NDArray[np.float32]) -> NDArray[np.float32]:
        if w.ndim == 2:
            w = np.repeat(w[:, None], self.num_ws, axis=1)
        return self._checked(w, (self.num_ws, self.config.w_dim), "w")

    def _checked(self, array: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
        given = np.asarray(array, np.float32)
        if given.shape[1:] != shape or given.ndim != 1 + len(shape):
            raise InputError(f"{name} is {given.shape}: expected (n, {', '.join(map(str, shape))})")
        if not np.isfinite(given).all():
            raise InputError(f"{name} holds values that are not finite")
        return given


def _as_bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.clip(np.rint(image * 127.5 + 127.5), 0, 255).astype(np.uint8)
