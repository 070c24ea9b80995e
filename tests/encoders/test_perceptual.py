"""What layers of dlib's network see: near for one person, far for two, with a gradient."""

from __future__ import annotations

import numpy as np
import pytest

from anonbase.keras_backend import load_engine

load_engine()

from keras import ops  # noqa: E402

import stylegan  # noqa: E402
from anonbase.keras_backend import input_gradient  # noqa: E402
from encoders.frame import CropSquare  # noqa: E402
from encoders.latent.perceptual import Perceptual  # noqa: E402

SQUARE = CropSquare(0.5, 0.5, 1.1)


@pytest.fixture(scope="module")
def eye() -> Perceptual:
    return Perceptual(SQUARE, stylegan.load().config.resolution)


def pictures() -> np.ndarray:
    """A face, the same a little brighter, and another face."""
    generator = stylegan.load()
    first, second = generator.synthesize(generator.map(generator.latents([1, 7]))[:, 0])
    return np.clip(np.stack([first, first + 0.05, second]), -1, 1)


def test_another_face_is_further_than_another_light(eye: Perceptual) -> None:
    seen = ops.convert_to_numpy(eye(ops.convert_to_tensor(pictures())))
    light, face = (np.square(seen[0] - seen[i]).sum() for i in (1, 2))
    assert 0 < 3 * light < face


def test_it_has_a_gradient_where_the_face_is(eye: Perceptual) -> None:
    images = ops.convert_to_tensor(pictures()[[0]])
    wanted = eye(ops.convert_to_tensor(pictures()[[2]]))
    slope = input_gradient(lambda x: ops.sum(ops.square(eye(x) - wanted)), images)
    strength = np.abs(ops.convert_to_numpy(slope))[0].sum(axis=-1)
    side = len(strength)
    middle = slice(side // 4, side * 3 // 4)
    assert strength[middle, middle].mean() > 2 * strength[: side // 16].mean() > 0
