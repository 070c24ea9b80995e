"""The attribute network: a face at 64 px to age, gender, smile and yaw."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine
from encoders import weights_file
from encoders.embed.network import check_chips
from encoders.frame import CropAlignment, CropSquare

__all__ = ["COLUMNS", "FACE", "SIZE", "Attributes", "build", "load_attributes"]

KIND = "attribute network"
FILE = "attributes.h5"
REMEDY = "python -m encoders.attributes UTKFACE"
_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parent / "_attributes"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent.parent / "datasets" / "attributes"

#: age in years, probability of "female", smile and yaw in standard deviations of UTKFace.
COLUMNS = ("age", "female", "smile", "yaw")
SIZE = 64
YEARS = 50.0
#: Where the FFHQ square lies in what the network looks at: the face closely, as UTKFace cuts it.
FACE = CropSquare(0.5, 0.34, 1.57)
_WIDTHS = (32, 64, 128, 192)
#: A multiple of 24: see ``encoders.embed.network``.
_BATCH = 48


class Attributes:
    """The attribute network with its weights; call it with chips."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(
        self, chips: NDArray[np.uint8], framing: CropAlignment | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Estimate the traits of faces.

        The answer for a chip does not depend on the others in the call.

        Parameters
        ----------
        chips : uint8 (n, s, s, 3)
            RGB, FFHQ-aligned, or a generator's images together with its ``framing``.
        framing : CropAlignment, optional
            How a generator's images show a face. None: FFHQ-aligned chips.

        Returns
        -------
        dict of str to float32 (n,)
            ``age`` in years, ``female`` as a probability, ``smile`` and ``yaw`` in standard
            deviations of UTKFace.

        Raises
        ------
        InputError
            The chips have another shape or type.
        """
        chips = np.asarray(chips)
        if chips.ndim != 4:
            raise InputError(f"expected RGB chips of shape (n, s, s, 3), got {chips.shape}")
        check_chips(chips, chips.shape[1])
        whole = CropSquare() if framing is None else framing.ffhq
        square = FACE.inverse().within(whole)
        parts = [
            self._part(square.cut(chips[i : i + _BATCH], SIZE))
            for i in range(0, len(chips), _BATCH)
        ]
        columns = np.concatenate([np.empty((0, len(COLUMNS)), np.float32), *parts])
        return dict(zip(COLUMNS, _in_units(columns).T, strict=True))

    def save(self, path: Path, **facts: Any) -> None:
        """Write the weights as float16, with ``facts`` beside them as JSON."""
        arrays = {f"{i:02d}": array for i, array in enumerate(self.network.get_weights())}
        weights_file.write(path, KIND, facts, arrays)

    def _part(self, faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        full = np.resize(faces, (_BATCH, SIZE, SIZE, 3)).astype(np.float32)
        return np.asarray(self.network.predict_on_batch(full))[: len(faces)]


def build() -> Any:
    """The Keras model: levels 0 to 255 float (n, 64, 64, 3) to float32 (n, 4).

    Four convolutions that halve the size with one at the same size each; age in 50 years, gender
    as log odds, smile and yaw in standard deviations.
    """
    load_engine()
    from keras import Input, Model, layers

    faces = Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 127.5, -1)(faces)
    for width in _WIDTHS:
        for strides in (2, 1):
            x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
            x = layers.BatchNormalization(momentum=0.9)(x)
            x = layers.LeakyReLU(0.1)(x)
    x = layers.Dropout(0.3)(layers.Flatten()(layers.AveragePooling2D(2)(x)))
    network = Model(faces, layers.Dense(len(COLUMNS))(x), name="attributes")
    network.compile(jit_compile=False)
    return network


def load_attributes(path: str | Path | None = None) -> Attributes:
    """Load the attribute network.

    Parameters
    ----------
    path : path, optional
        A file that ``python -m encoders.attributes`` wrote. None: the one that ships
        (``datasets/attributes``), which is loaded once and shared.

    Returns
    -------
    Attributes
        The network with its weights.

    Raises
    ------
    WeightsError
        The file is missing, damaged, or of another network.
    """
    return _shipped() if path is None else _read(Path(path))


@cache
def _shipped() -> Attributes:
    return _read(SHIPPED / FILE)


def _read(source: Path) -> Attributes:
    _, arrays = weights_file.read(source, KIND, REMEDY)
    network = build()
    wanted = [array.shape for array in network.get_weights()]
    if [arrays[name].shape for name in sorted(arrays)] != wanted:
        raise WeightsError(f"{source}: its arrays are not those of the network: {REMEDY} makes it")
    network.set_weights([arrays[name] for name in sorted(arrays)])
    return Attributes(network)


def _in_units(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    columns = raw.copy()
    columns[:, 0] = np.clip(raw[:, 0] * YEARS, 0, 120)
    columns[:, 1] = 1 / (1 + np.exp(-np.clip(raw[:, 1], -30, 30)))
    return columns
