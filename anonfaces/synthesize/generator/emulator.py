"""A small network that tells what will be seen in a generator's face of a w, without drawing it.

A face costs two large networks to draw and look at, and their gradient several times that; this one
costs next to nothing beside them. It is not exact: how much it explains stands in its file. So it
says in which direction to go, and a look at the real picture says where one is (space mapping:
J. W. Bandler et al., "Space mapping technique for electromagnetic optimization", IEEE Transactions
on Microwave Theory and Techniques, 1994).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonfaces.synthesize.generator.objective import SEEN
from encoders import weights_file

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["Emulator", "find_emulator"]

Tensor = Any
Arrays = Mapping[str, NDArray[np.float32]]

KIND = "emulator of what is seen in a face"
FILE = "emulator.h5"
REMEDY = "python -m anonfaces.synthesize.generator"
_MOST_HIDDEN = 4096


class Emulator:
    """Two hidden layers, all of whose outputs and the input lead to the result.

    It computes in float64: what it says of a w must not depend on those beside it in a batch.
    """

    def __init__(self, arrays: Arrays) -> None:
        from keras import ops

        self._arrays = {
            name: ops.convert_to_tensor(np.asarray(values, np.float64))
            for name, values in arrays.items()
        }

    def __call__(self, w: Tensor) -> Tensor:
        """What is seen, float64 (g, ``SEEN``), of w float64 (g, w_dim), differentiable."""
        from keras import ops

        a = self._arrays
        white = ops.matmul(w - a["mean"], a["white"])
        first = ops.gelu(ops.matmul(white, a["first.weight"]) + a["first.bias"], approximate=False)
        second = ops.gelu(
            ops.matmul(first, a["second.weight"]) + a["second.bias"], approximate=False
        )
        layers = ops.concatenate([white, first, second], axis=1)
        return ops.matmul(layers, a["out.weight"]) + a["out.bias"]


def find_emulator(generator: Generator, path: Path | None) -> Emulator | None:
    """That of ``generator``, which was read from ``path``; None if nobody has fitted one.

    The generator that ships has one; of another it lies beside the checkpoint.

    Raises
    ------
    WeightsError
        There is a file and it is damaged, or was fitted to another generator.
    """
    place = emulator_file(path)
    if not place.is_file():
        return None
    meta, arrays = weights_file.read(place, KIND, REMEDY)
    weights_file.check_generator(place, meta, generator, REMEDY)
    return Emulator(_checked(place, arrays, generator.config.w_dim))


def emulator_file(path: Path | None) -> Path:
    """Where the emulator of the generator in ``path`` lies; None is the one that ships."""
    if path is None:
        return weights_file.SHIPPED / FILE
    whole = path.resolve()
    return whole.parent / f"{whole.name}.{FILE}"


def _checked(place: Path, arrays: Arrays, w_dim: int) -> Arrays:
    hidden = len(arrays.get("first.bias", ()))
    shapes = {
        "mean": (w_dim,),
        "white": (w_dim, w_dim),
        "first.weight": (w_dim, hidden),
        "first.bias": (hidden,),
        "second.weight": (hidden, hidden),
        "second.bias": (hidden,),
        "out.weight": (w_dim + 2 * hidden, SEEN),
        "out.bias": (SEEN,),
    }
    found = {name: values.shape for name, values in arrays.items()}
    if found != shapes or not 0 < hidden <= _MOST_HIDDEN:
        raise WeightsError(f"{place}: not the arrays of an emulator; fit it anew with {REMEDY}")
    return arrays
