"""An active appearance model: how the shapes and the textures of faces vary.

T. F. Cootes, G. J. Edwards, C. J. Taylor, "Active Appearance Models", ECCV 1998. The model that
ships was fitted on people who are nobody's to protect here (datasets/appearance/README.md), so
what it says of a face depends on that face alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from encoders.weights_file import read

__all__ = ["KIND", "NAME", "SHIPPED", "TEXTURE_SIZE", "Appearance", "load_appearance", "texture_of"]

KIND = "active appearance model"
NAME = "appearance.h5"
TEXTURE_SIZE = 96
_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parents[1] / "_appearance"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parents[2] / "datasets" / "appearance"
_REMEDY = "python -m anonfaces.synthesize.k_same.fitting FACES.h5"


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Means and principal components, the components scaled to one standard deviation.

    ``mean_shape`` float64 (68, 2) in sides of the chip; ``shapes`` (a, 136); ``mean_texture``
    (96 * 96 * 3,) of ``texture_of``; ``textures`` (b, 96 * 96 * 3); ``mask`` (96, 96), 1 inside
    of the face and fading outwards.
    """

    mean_shape: NDArray[np.float64]
    shapes: NDArray[np.float64]
    mean_texture: NDArray[np.float64]
    textures: NDArray[np.float64]
    mask: NDArray[np.float64]

    def coefficients(self, shape: NDArray[Any], texture: NDArray[Any]) -> NDArray[np.float64]:
        """Faces as numbers (n, a + b) of variance 1: whitened coefficients of both parts.

        ``shape`` (n, 68, 2) in sides of the chip; ``texture`` (n, 96, 96, 3) in the mean shape.
        """
        off_shape = (shape - self.mean_shape).reshape(len(shape), -1)
        off_texture = texture_of(texture, self.mask) - self.mean_texture
        return np.concatenate(
            [_project(off_shape, self.shapes), _project(off_texture, self.textures)], axis=1
        )

    def difference(
        self, coefficients: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a step in ``coefficients`` (a + b,) does to a shape (68, 2) and a texture.

        The texture's is (96, 96, 3), in levels of 0 to 255.
        """
        split = len(self.shapes)
        shape, texture = coefficients[:split] @ self.shapes, coefficients[split:] @ self.textures
        soft = texture.reshape(*self.mask.shape, 3) * self.mask[..., None]
        return shape.reshape(-1, 2), soft


def texture_of(warped: NDArray[Any], mask: NDArray[np.float64]) -> NDArray[np.float64]:
    """Faces (n, 96, 96, 3) in the mean shape as (n, 96 * 96 * 3): masked, less each mean colour.

    Without its mean colour a texture does not tell the light, and a step in textures leaves the
    skin tone as it is.
    """
    weighted = mask[..., None] * warped
    color = weighted.sum(axis=(1, 2), keepdims=True) / mask.sum()
    return (mask[..., None] * (warped - color)).reshape(len(warped), -1)


@cache
def load_appearance() -> Appearance:
    """The model that ships. ``WeightsError`` where it is missing or damaged."""
    path = SHIPPED / NAME
    _, arrays = read(path, KIND, _REMEDY)
    expected = {"mean_shape", "shapes", "mean_texture", "textures", "mask"}
    if set(arrays) != expected or arrays["mean_shape"].shape != (68, 2):
        raise WeightsError(f"{path} holds {sorted(arrays)}, not {sorted(expected)}: {_REMEDY}")
    return Appearance(**{name: values.astype(np.float64) for name, values in arrays.items()})


def _project(off: NDArray[np.float64], scaled: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients on orthogonal rows whose length is the standard deviation."""
    return off @ scaled.T / np.square(scaled).sum(axis=1)
