"""Drawn faces moved so that their landmarks lie where the private picture's were read.

The encoder sees a private picture once. Here its face is drawn, its landmarks are read by the
network of sharp pictures, and its latent moves against the difference by a few steps of L-BFGS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.optics.face_encoder import drawn_faces, generator_spread
from anonfaces.optics.heatmaps import maps_to_points

__all__ = ["STEPS", "LandmarkCorrector"]

Tensor = Any
Numbers = NDArray[np.float32]

#: Pictures that are drawn of a face to correct it.
STEPS = 12
#: How much a squared deviation of w weighs beside a squared pixel of 256; and deviations that a
#: number of w moves where the slope of the loss is 1.
_PRIOR, _PACE = 0.1, 0.3
#: Faces at a time.
_BATCH = 8


class LandmarkCorrector:
    """Latents in deviations of w, corrected; ``reader`` is the network of sharp pictures."""

    def __init__(self, reader: Any, size: int) -> None:
        self._reader, self._size = reader, size
        generator_spread()  # drawn and kept before anything is traced

    def __call__(self, latents: Numbers, points: NDArray[np.floating], steps: int) -> Numbers:
        """Latents (n, num_ws, w_dim) whose faces have their landmarks nearer to ``points``.

        ``points`` are (n, 68, 2) in sides of the generator's picture. With 0 steps the latents
        stay what they are; of each face the best that was seen is taken.

        Raises
        ------
        InputError
            ``steps`` is negative.
        """
        if steps < 0:
            raise InputError(f"steps {steps}: expected 0 or more")
        latents = np.asarray(latents, np.float32)
        if steps == 0:
            return latents
        parts = [
            self._corrected(latents[i : i + _BATCH], points[i : i + _BATCH], steps)
            for i in range(0, len(latents), _BATCH)
        ]
        return np.concatenate([latents[:0], *parts])

    def _corrected(self, latents: Numbers, points: NDArray[np.floating], steps: int) -> Numbers:
        from encoders.latent.quasi_newton import Descent

        rows = np.resize(np.arange(len(latents)), _BATCH)  # filled up: one shape, compiled once
        start, goal = latents[rows], points[rows].astype(np.float32)
        descent = Descent(_BATCH, start[0].size)

        def moved(place: NDArray[np.float64]) -> Numbers:
            return (start + _PACE * place.reshape(start.shape)).astype(np.float32)

        for _ in range(steps):
            loss, slope = self._run(moved(descent.place), start, goal)
            along = _PACE * slope.reshape(_BATCH, -1).astype(np.float64)
            descent.step(loss.astype(np.float64), along)
        loss, _ = self._run(moved(descent.place), start, goal)
        return moved(descent.best(loss.astype(np.float64)))[: len(latents)]

    @cached_property
    def _run(self) -> Callable[..., tuple[Numbers, Numbers]]:
        """Latents, where they began, and landmarks to each face's loss (n,) and its slope."""
        from keras import ops

        from anonbase.keras_backend import compiled, value_and_gradients

        def both(latents: Tensor, start: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
            def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
                found = maps_to_points(self._reader(drawn_faces(p["w"], self._size)))
                off = ops.mean(ops.sum(ops.square((found - goal) * 256.0), axis=-1), axis=-1)
                far = ops.sum(ops.square(p["w"] - start), axis=(1, 2))
                each = 0.5 * (off + _PRIOR * far)
                return ops.sum(each), {"each": each}

            found, slope = value_and_gradients(loss, {"w": latents})
            return found["each"], slope["w"]

        run = compiled(both)

        def numbers(*arrays: Numbers) -> tuple[Any, Any]:
            loss, slope = run(*map(ops.convert_to_tensor, arrays))
            return ops.convert_to_numpy(loss), ops.convert_to_numpy(slope)

        return numbers
