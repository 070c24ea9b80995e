"""Inception-ResNet-v1, the network of FaceNet as David Sandberg trained it.

C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi, "Inception-v4, Inception-ResNet and the Impact of
Residual Connections on Learning", AAAI 2017; F. Schroff, D. Kalenichenko, J. Philbin, "FaceNet:
A Unified Embedding for Face Recognition and Clustering", CVPR 2015. The sizes, and the scale 1 of
the last block, are those of davidsandberg/facenet, for which all the weights in use were trained.

Batch normalisation is not a layer here: it is folded into the convolution before it when weights
are read, so every convolution has a bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from anonbase.keras_backend import load_engine

__all__ = ["BOTTLENECK", "CHIP_SIZE", "Names", "build_inception", "layer_names"]

CHIP_SIZE = 160
_SMALLEST_SQUARE = 1e-10


@dataclass(frozen=True)
class Names:
    """What one layer is called in each kind of file, and whether a normalisation follows it."""

    keras: str
    tensorflow: str
    torch: str
    normalised: bool


@dataclass(frozen=True, kw_only=True)
class _Convolution:
    name: str
    filters: int
    size: tuple[int, int] = (3, 3)
    stride: int = 1
    padding: str = "same"


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """Branches side by side: a residual block with its scale, or without one a reduction."""

    keras: str
    tensorflow: str
    torch: str
    branches: tuple[tuple[_Convolution, ...], ...]
    scale: float | None = None
    relu: bool = True

    def branch_names(self, branch: int, step: int) -> Names:
        name = self.branches[branch][step].name
        torch = f"{self.torch}.branch{branch}"
        return Names(
            f"{self.keras}_Branch_{branch}_{name}",
            f"{self.tensorflow}/Branch_{branch}/{name}",
            f"{torch}.{step}" if len(self.branches[branch]) > 1 else torch,
            normalised=True,
        )

    def up_names(self) -> Names:
        return Names(
            f"{self.keras}_Conv2d_1x1",
            f"{self.tensorflow}/Conv2d_1x1",
            f"{self.torch}.conv2d",
            normalised=False,
        )


def _one(name: str, filters: int) -> _Convolution:
    return _Convolution(name=name, filters=filters, size=(1, 1))


def _halve(name: str, filters: int) -> _Convolution:
    return _Convolution(name=name, filters=filters, stride=2, padding="valid")


_STEM = (
    _halve("Conv2d_1a_3x3", 32),
    _Convolution(name="Conv2d_2a_3x3", filters=32, padding="valid"),
    _Convolution(name="Conv2d_2b_3x3", filters=64),
    None,  # max pooling
    _one("Conv2d_3b_1x1", 80),
    _Convolution(name="Conv2d_4a_3x3", filters=192, padding="valid"),
    _halve("Conv2d_4b_3x3", 256),
)
_BLOCK35 = (
    (_one("Conv2d_1x1", 32),),
    (_one("Conv2d_0a_1x1", 32), _Convolution(name="Conv2d_0b_3x3", filters=32)),
    (
        _one("Conv2d_0a_1x1", 32),
        _Convolution(name="Conv2d_0b_3x3", filters=32),
        _Convolution(name="Conv2d_0c_3x3", filters=32),
    ),
)
_BLOCK17 = (
    (_one("Conv2d_1x1", 128),),
    (
        _one("Conv2d_0a_1x1", 128),
        _Convolution(name="Conv2d_0b_1x7", filters=128, size=(1, 7)),
        _Convolution(name="Conv2d_0c_7x1", filters=128, size=(7, 1)),
    ),
)
_BLOCK8 = (
    (_one("Conv2d_1x1", 192),),
    (
        _one("Conv2d_0a_1x1", 192),
        _Convolution(name="Conv2d_0b_1x3", filters=192, size=(1, 3)),
        _Convolution(name="Conv2d_0c_3x1", filters=192, size=(3, 1)),
    ),
)
_MIXED_6A = (
    (_halve("Conv2d_1a_3x3", 384),),
    (
        _one("Conv2d_0a_1x1", 192),
        _Convolution(name="Conv2d_0b_3x3", filters=192),
        _halve("Conv2d_1a_3x3", 256),
    ),
)
_MIXED_7A = (
    (_one("Conv2d_0a_1x1", 256), _halve("Conv2d_1a_3x3", 384)),
    (_one("Conv2d_0a_1x1", 256), _halve("Conv2d_1a_3x3", 256)),
    (
        _one("Conv2d_0a_1x1", 256),
        _Convolution(name="Conv2d_0b_3x3", filters=256),
        _halve("Conv2d_1a_3x3", 256),
    ),
)


def _repeated(count: int, kind: str, place: str, torch: str, branches: Any, scale: float) -> Any:
    first = _Unit(keras="", tensorflow="", torch="", branches=branches, scale=scale)
    return tuple(
        replace(
            first,
            keras=f"{kind}_{i + 1}",
            tensorflow=f"{place}/{kind.lower()}_{i + 1}",
            torch=f"{torch}.{i}",
        )
        for i in range(count)
    )


_UNITS: tuple[_Unit, ...] = (
    *_repeated(5, "Block35", "Repeat", "repeat_1", _BLOCK35, 0.17),
    _Unit(keras="Mixed_6a", tensorflow="Mixed_6a", torch="mixed_6a", branches=_MIXED_6A),
    *_repeated(10, "Block17", "Repeat_1", "repeat_2", _BLOCK17, 0.10),
    _Unit(keras="Mixed_7a", tensorflow="Mixed_7a", torch="mixed_7a", branches=_MIXED_7A),
    *_repeated(5, "Block8", "Repeat_2", "repeat_3", _BLOCK8, 0.20),
    _Unit(
        keras="Block8_6",
        tensorflow="Block8",
        torch="block8",
        branches=_BLOCK8,
        scale=1.0,
        relu=False,
    ),
)

#: The dense layer that makes the vector; its two parts have no common name in a .pt.
BOTTLENECK = Names("Bottleneck", "Bottleneck", "last", normalised=True)


def layer_names() -> Iterator[Names]:
    """The names of all convolutions, from the input up."""
    for stem in filter(None, _STEM):
        yield _stem_names(stem)
    for unit in _UNITS:
        for branch, steps in enumerate(unit.branches):
            yield from (unit.branch_names(branch, step) for step in range(len(steps)))
        if unit.scale is not None:
            yield unit.up_names()


def build_inception(dim: int) -> Any:
    """Keras model with random weights; its layers bear the names of ``Names.keras``.

    RGB chips float (n, 160, 160, 3), levels 0 to 255, to float32 (n, dim) of length 1. The
    levels are standardised as the weights of that ``dim`` were trained: each chip by its own
    mean and deviation for 128 numbers (20170512-110547), by fixed ones for 512 (the models of
    2018).
    """
    load_engine()
    import keras

    chips = keras.Input((CHIP_SIZE, CHIP_SIZE, 3))
    x = _whiten(chips) if dim == 128 else (chips - 127.5) / 128.0
    for stem in _STEM:
        x = _convolve(x, stem, _stem_names(stem).keras) if stem else _pool(x)
    for unit in _UNITS:
        x = _apply(unit, x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(dim, name=BOTTLENECK.keras)(x)
    return keras.Model(chips, _to_unit_length(x), name="facenet")


def _stem_names(stem: _Convolution) -> Names:
    return Names(stem.name, stem.name, stem.name.lower().rsplit("_", 1)[0], normalised=True)


def _whiten(chips: Any) -> Any:
    from keras import ops

    mean = ops.mean(chips, axis=(1, 2, 3), keepdims=True)
    centred = chips - mean
    variance = ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True)
    # the floor of the deviation is the original's, for a chip of one colour
    return centred * ops.rsqrt(ops.maximum(variance, 1.0 / (CHIP_SIZE * CHIP_SIZE * 3)))


def _to_unit_length(x: Any) -> Any:
    from keras import ops

    square = ops.sum(ops.square(x), axis=1, keepdims=True)
    return x * ops.rsqrt(ops.maximum(square, _SMALLEST_SQUARE))


def _apply(unit: _Unit, x: Any) -> Any:
    import keras

    ends = [_branch(unit, branch, x) for branch in range(len(unit.branches))]
    if unit.scale is None:
        return keras.layers.Concatenate()([*ends, _pool(x)])
    up = _Convolution(name="", filters=x.shape[-1], size=(1, 1))
    mixed = _convolve(keras.layers.Concatenate()(ends), up, unit.up_names().keras, relu=False)
    x = x + unit.scale * mixed
    return keras.ops.relu(x) if unit.relu else x


def _branch(unit: _Unit, branch: int, x: Any) -> Any:
    for step, convolution in enumerate(unit.branches[branch]):
        x = _convolve(x, convolution, unit.branch_names(branch, step).keras)
    return x


def _convolve(x: Any, convolution: _Convolution, name: str, relu: bool = True) -> Any:
    import keras

    return keras.layers.Conv2D(
        convolution.filters,
        convolution.size,
        convolution.stride,
        convolution.padding,
        activation="relu" if relu else None,
        name=name,
    )(x)


def _pool(x: Any) -> Any:
    import keras

    return keras.layers.MaxPooling2D(3, 2)(x)
