"""Where a semantic generator begins: how map and surroundings move w, in closed form.

The latent encoder finds the w of a picture (the mean of its layers); the inverse, the w of whom the
recognizer sees in it. What lies between is pose, expression and light, and a ridge regression on
the label map and the surroundings, averaged to 8 x 8, says about as much of it as they can.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.semantic.data import TrainingFaces
from encoders.parsing import mirrored, one_hot
from stylegan.encoder import Encoder

__all__ = ["fit_lead"]

_PART = 256
_RIDGES = (1.0, 10.0, 100.0, 1000.0)
_HELD_OUT = 10


def fit_lead(
    faces: TrainingFaces, encoder: Encoder, inverse: Any, progress: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Fit to ``faces`` and their mirror images.

    Returns
    -------
    tuple
        Weights float32 (inputs, w_dim), what is added to every w (w_dim,), and the share of the
        variance that is explained on one face in ten that was not fitted.
    """
    from tqdm import tqdm

    starts = range(0, len(faces), _PART)
    parts = [
        _pairs(faces.select(np.arange(i, min(i + _PART, len(faces)))), encoder, inverse, flip)
        for i in tqdm(starts, "lead", disable=None if progress else True)
        for flip in (False, True)
    ]
    around, off = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    held = np.arange(len(around)) % _HELD_OUT == 0
    tries = [_solved(around[~held], off[~held], ridge) for ridge in _RIDGES]
    explained = [_explained(off[held], around[held] @ w + b) for w, b in tries]
    best = int(np.argmax(explained))
    return *tries[best], explained[best]


def _pairs(
    faces: TrainingFaces, encoder: Encoder, inverse: Any, flip: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from keras import ops

    from stylegan.semantic.generator import coarse, shown

    pictures = faces.picture[:, :, ::-1] if flip else faces.picture
    labels = mirrored(faces.labels) if flip else faces.labels
    maps = ops.convert_to_tensor(one_hot(labels, pictures.shape[1]))
    real = ops.convert_to_tensor(pictures.astype(np.float32) / np.float32(127.5) - 1)
    seen, where = shown(real, maps)
    around = coarse(ops.concatenate([maps, seen, where], axis=-1))
    off = encoder(_small(pictures, encoder.config.resolution)) - inverse(faces.vector)
    return ops.convert_to_numpy(around), off.astype(np.float32)


def _small(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pictures (n, s, s, 3) at the encoder's side, the mean of each block."""
    if pictures.shape[1] == side:
        return np.ascontiguousarray(pictures)
    import cv2

    return np.stack([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures])


def _solved(
    around: NDArray[np.float32], off: NDArray[np.float32], ridge: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    middle, mean = around.mean(axis=0, dtype=np.float64), off.mean(axis=0, dtype=np.float64)
    centered = around - middle
    gram = centered.T @ centered + ridge * np.eye(len(middle))
    weights = np.linalg.solve(gram, centered.T @ (off - mean))
    return weights.astype(np.float32), (mean - middle @ weights).astype(np.float32)


def _explained(off: NDArray[np.float32], said: NDArray[np.float32]) -> float:
    total = np.square(off - off.mean(axis=0)).sum()
    return float(1 - np.square(off - said).sum() / max(float(total), 1e-12))
