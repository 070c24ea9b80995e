"""The network of k-Same-Net: a mixture of gallery identities and an expression to a face.

B. Meden, Z. Emersic, V. Struc, P. Peer, "k-Same-Net: k-Anonymity with Generative Deep Neural
Networks for Face Deidentification", Entropy 20(1), 2018, after A. Dosovitskiy, J. T. Springenberg,
T. Brox, "Learning to generate chairs with convolutional neural networks", CVPR 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.keras_backend import load_engine
from encoders.weights_file import read

__all__ = [
    "EXPRESSIONS",
    "KIND",
    "NAME",
    "SHIPPED",
    "SIDE",
    "Mixture",
    "build",
    "expression_of",
    "load_mixture",
]

KIND = "k-Same-Net"
NAME = "k-same-net.h5"
EXPRESSIONS = 6
SIDE = 64
WIDTHS = (128, 96, 64, 32, 16)
"""Feature maps at 4, 8, 16, 32 and 64 px."""
COARSE = 32
"""Side in pixels of the linear part."""
_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parents[1] / "_k_same_net"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parents[2] / "datasets" / "k-same-net"
_REMEDY = "python -m anonfaces.synthesize.k_same.mixture_training FACES.h5"
_GALLERY = ("vector", "expression_mean", "expression_scale", "mean_face")
#: A multiple of 24: see ``encoders.embed.network``.
_BATCH = 48
_MOST = 3.0


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """The trained network and its gallery.

    ``vector`` (g, 128): dlib's vectors of the gallery; ``expression_mean``, ``expression_scale``
    (6,); ``mean_face`` (64, 64, 3) in -1 to 1; ``layers``: the network's arrays by name.
    """

    vector: NDArray[np.float32]
    expression_mean: NDArray[np.float32]
    expression_scale: NDArray[np.float32]
    mean_face: NDArray[np.float32]
    layers: Mapping[str, NDArray[np.float32]]

    @cached_property
    def _network(self) -> Any:
        network = build(self.mean_face, len(self.vector), self.layers["identity"].shape[1])
        for variable in network.weights:
            variable.assign(self.layers[named(variable.path)])
        return network

    def pictures(self, share: NDArray[Any], expression: NDArray[Any]) -> NDArray[np.uint8]:
        """Faces uint8 (n, 64, 64, 3).

        ``share`` (n, g): how much of each gallery identity, rows that sum to 1; ``expression``
        (n, 6) of ``expression_of``, brought to the gallery's mean and spread here.
        """
        standard = (expression - self.expression_mean) / self.expression_scale
        inputs = [share.astype(np.float32), np.clip(standard, -_MOST, _MOST).astype(np.float32)]
        parts = [np.empty((0, SIDE, SIDE, 3), np.float32)]
        for start in range(0, len(share), _BATCH):
            part = [_filled(each[start : start + _BATCH]) for each in inputs]
            drawn = np.asarray(self._network(part, training=False))
            parts.append(drawn[: len(share) - start])
        return np.rint((np.clip(np.concatenate(parts), -1, 1) + 1) * 127.5).astype(np.uint8)


def expression_of(landmark: NDArray[Any]) -> NDArray[np.float64]:
    """Six numbers (n, 6) of landmarks (n, 68, 2) in sides of their FFHQ-aligned chips.

    Mouth open, its width, its corners raised; brows raised; eyes open; head turned.
    """
    x, y = np.moveaxis(np.asarray(landmark, np.float64), -1, 0)
    eyes = y[:, [41, 40, 47, 46]].mean(axis=1) - y[:, [37, 38, 43, 44]].mean(axis=1)
    return np.stack(
        [
            y[:, 66] - y[:, 62],
            x[:, 54] - x[:, 48],
            y[:, [51, 57]].mean(axis=1) - y[:, [48, 54]].mean(axis=1),
            y[:, 36:48].mean(axis=1) - y[:, 17:27].mean(axis=1),
            eyes,
            x[:, 30] - x[:, [0, 16]].mean(axis=1),
        ],
        axis=1,
    )


def build(mean_face: NDArray[Any], gallery: int, width: int, blur: float = 0.0) -> Any:
    """The Keras network: shares (n, gallery) and expression (n, 6) to faces in -1 to 1.

    Up-convolutions draw what a linear map of both, at 32 px, leaves to be drawn: one photograph a
    person is too little to learn from which part of a face is who it is and which how it looks.
    ``blur``: deviation of noise on the identity while training.
    """
    load_engine()
    import keras
    from keras import layers, ops

    share = keras.Input((gallery,), name="share")
    expression = keras.Input((EXPRESSIONS,), name="expression")
    identity = layers.Dense(width, use_bias=False, name="identity")(share)
    blurred = layers.GaussianNoise(blur, seed=0)(identity)
    mixed = layers.Concatenate()([blurred, expression])
    base = layers.Dense(3 * COARSE**2, use_bias=False, name="base")(mixed)
    coarse = layers.Reshape((COARSE, COARSE, 3))(base)
    coarse = layers.UpSampling2D(SIDE // COARSE, interpolation="bilinear")(coarse)
    flat = layers.Dense(16 * WIDTHS[0], name="start")(mixed)
    maps = layers.LeakyReLU(0.2)(layers.Reshape((4, 4, WIDTHS[0]))(flat))
    for number, filters in enumerate(WIDTHS[1:]):
        maps = layers.UpSampling2D(interpolation="nearest")(maps)
        maps = layers.Conv2D(filters, 3, padding="same", name=f"draw{number}")(maps)
        maps = layers.LeakyReLU(0.2)(maps)
    drawn = layers.Conv2D(3, 3, padding="same", name="colour")(maps)
    mean = ops.convert_to_tensor(mean_face[None].astype(np.float32))
    return keras.Model([share, expression], drawn + coarse + mean)


def named(path: str) -> str:
    """A variable's name in the file, from its path in the network."""
    layer, _, kind = path.partition("/")
    return layer if layer in ("identity", "base") else f"{layer}_{kind}"


def load_mixture() -> Mixture:
    """The network that ships. ``WeightsError`` where it is missing or damaged."""
    path = SHIPPED / NAME
    _, arrays = read(path, KIND, _REMEDY)
    missing = {*_GALLERY, "identity", "base", "start_kernel", "colour_bias"} - set(arrays)
    if missing:
        raise WeightsError(f"{path} holds no {', '.join(sorted(missing))}: {_REMEDY} makes it anew")
    if arrays["vector"].shape[0] != arrays["identity"].shape[0]:
        raise WeightsError(f"{path}: as many vectors as identities are expected")
    gallery = {name: arrays.pop(name) for name in _GALLERY}
    return Mixture(**gallery, layers=arrays)


def _filled(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """``rows`` with empty ones up to the size of a batch: one shape, so one picture each."""
    return np.concatenate([rows, np.zeros((_BATCH - len(rows), rows.shape[1]), np.float32)])
