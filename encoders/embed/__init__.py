"""Chips to vectors: one protocol, and the embedders that follow it.

``dlib``            dlib's residual network in Keras, 128 numbers (the default)
``dlib-reference``  the same by dlib's own program, slow; the first is checked against it
``facenet``         Inception-ResNet-v1, 128 or 512 numbers; its weights do not ship
``pca``             principal components of gray chips, fitted on your photographs

Vectors of different embedders, weights or alignments cannot be compared.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["EMBEDDERS", "Embedder", "load_embedder"]

_LOADERS = {
    "dlib": ("encoders.embed.dlib_resnet", "load_dlib"),
    "dlib-reference": ("encoders.embed.dlib_resnet", "DlibReference"),
    "facenet": ("encoders.embed.facenet", "load_facenet"),
    "pca": ("encoders.embed.pca", "load_pca"),
}

#: The names that ``load_embedder`` knows.
EMBEDDERS = tuple(_LOADERS)


@runtime_checkable
class Embedder(Protocol):
    """A network, or anything else, that turns aligned chips into vectors.

    The vector of a chip depends on that chip alone, never on the others in the call.
    """

    @property
    def name(self) -> str:
        """Its name in ``load_embedder``."""

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights, hexadecimal."""

    @property
    def alignment(self) -> str:
        """How its chips are cut: a name that ``encoders.align.align`` takes."""

    @property
    def chip_size(self) -> int:
        """Side of its square chips in pixels."""

    @property
    def dim(self) -> int:
        """How many numbers a vector has."""

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB chips uint8 (n, chip_size, chip_size, 3) to vectors float32 (n, dim)."""


def load_embedder(name: str, weights: Path | None = None) -> Embedder:
    """Load an embedder by its name.

    TensorFlow or dlib is imported here, which takes a few seconds.

    Parameters
    ----------
    name : str
        One of ``EMBEDDERS``.
    weights : path, optional
        A file to use in place of the default one.

    Returns
    -------
    Embedder
        A callable: RGB chips uint8 (n, s, s, 3) to vectors float32 (n, d).

    Raises
    ------
    InputError
        There is no embedder of that name.
    WeightsError
        The weights are missing, damaged or of another network. The message says where to get them
        and where to put them.

    Warns
    -----
    WeightsWarning
        The SHA-256 of the weights is not a known one.

    Examples
    --------
    >>> import numpy as np
    >>> dlib = load_embedder("dlib")
    >>> dlib(np.zeros((2, dlib.chip_size, dlib.chip_size, 3), np.uint8)).shape
    (2, 128)
    """
    if name not in _LOADERS:
        raise InputError(f"there is no embedder {name!r}: choose one of {', '.join(EMBEDDERS)}")
    module, loader = _LOADERS[name]
    return getattr(import_module(module), loader)(weights)
