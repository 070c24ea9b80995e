"""A face of a photograph drawn anew, with its own pose and expression and somebody's identity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.semantic.frame import framed, trusted_labels
from anonfaces.semantic.weights import load_generator
from encoders.align import find_landmarks
from encoders.parsing import CLASSES, one_hot

if TYPE_CHECKING:
    from stylegan.semantic.generator import SemanticGenerator

__all__ = ["FaceRedrawer", "RedrawnFace", "load_redrawer"]

Pixels = NDArray[np.uint8]

#: Side in px of what ``FaceRedrawer.face`` gives, four times what is drawn.
_SHOWN = 256
#: A detector's box of a face in a crop is about the whole of it.
_WHOLE = np.array([0, 0, _SHOWN, _SHOWN])
#: Faces that the network draws at a time; fewer are filled up, so that none depends on the others.
_BATCH = 8
#: How far parts of a face lie from its skin in CIELAB's a and b: means of 1,000 faces of LFW.
_BESIDE_SKIN = {
    "skin": (0.0, 0.0),
    "left brow": (-2.1, -0.8),
    "right brow": (-2.1, -0.8),
    "left eye": (-3.2, -6.6),
    "right eye": (-3.2, -6.6),
    "nose": (2.5, -0.5),
    "upper lip": (4.9, -3.4),
    "inner mouth": (4.7, -5.3),
    "lower lip": (6.5, -3.9),
}
#: Share that is left of how colors vary within a part of the face, and of how lightness does: what
#: is drawn has three quarters of the shading that photographs have.
_VARIED, _SHADED = 0.4, 1.25
#: Levels that red, green and blue differ by at most in a picture without color (JPEG's error).
_GRAY = 6.0


@dataclass(frozen=True)
class RedrawnFace:
    """The crop of a face with the face drawn anew: RGB uint8 (256, 256, 3), landmarks (68, 2).

    The landmarks are those that dlib finds in it: where the network misses its map by a pixel,
    pasting by landmarks puts that right.
    """

    picture: Pixels
    landmark: NDArray[np.float32]


class FaceRedrawer:
    """A semantic generator at work on photographs."""

    def __init__(self, network: SemanticGenerator) -> None:
        self.network = network
        self.size = network.config.resolution

    def face(
        self, image: Pixels, landmark: NDArray[np.floating], identity: NDArray[np.float32]
    ) -> RedrawnFace:
        """The face at ``landmark`` (68, 2) of an RGB picture as the person of ``identity``.

        ``identity`` float32 (w_dim,) is a w of the generator. A picture without color stays so.
        """
        return self.faces(image, landmark, identity[None])[0]

    def faces(
        self, image: Pixels, landmark: NDArray[np.floating], identities: NDArray[np.float32]
    ) -> list[RedrawnFace]:
        """The face at ``landmark`` as each of the people of ``identities`` float32 (n, w_dim)."""
        import cv2

        points, count = np.asarray(landmark, np.float32), len(identities)
        crop = framed(image, points, self.size)
        labels = trusted_labels(image, points, crop)
        crops, maps = (np.repeat(one[None], count, axis=0) for one in (crop, labels))
        made = self.crops(crops, maps, identities)
        side = (_SHOWN, _SHOWN)
        large = [cv2.resize(one, side, interpolation=cv2.INTER_CUBIC) for one in made]
        return [RedrawnFace(picture, find_landmarks(picture, _WHOLE)) for picture in large]

    def crops(self, crops: Pixels, labels: Pixels, identity: NDArray[np.float32]) -> Pixels:
        """Crops uint8 (n, s, s, 3) with label maps (n, 2 s, 2 s), as the people of (n, w_dim)."""
        maps = one_hot(labels, self.size)
        real = crops.astype(np.float32) / np.float32(127.5) - 1
        parts = [np.empty((0, self.size, self.size, 3), np.uint8)]
        for start in range(0, len(crops), _BATCH):
            rows = np.arange(start, min(start + _BATCH, len(crops)))
            count = 1 if len(crops) == 1 else _BATCH
            full = np.resize(rows, count)
            made = np.asarray(self._run(real[full], maps[full], identity[full]))[: len(rows)]
            levels = _with_even_colors(made * 127.5 + 127.5, maps[rows])
            levels = np.clip(np.rint(levels), 0, 255)
            parts.append(_as_gray_as(levels, crops[rows]).astype(np.uint8))
        return np.concatenate(parts)

    @cached_property
    def _run(self) -> Any:
        from anonbase.keras_backend import compiled

        return compiled(lambda crops, maps, identity: self.network(crops, maps, identity))


def load_redrawer(path: Path | None = None) -> FaceRedrawer:
    """The semantic generator of a file of ``anonfaces.semantic train``; by default what ships.

    Raises
    ------
    WeightsError
        The file is missing, damaged, hostile, or of another network.
    """
    return FaceRedrawer(load_generator(path))


def _with_even_colors(
    made: NDArray[np.floating], maps: NDArray[np.float32]
) -> NDArray[np.floating]:
    """Colors without the patches that the network draws: violet lips, yellow and green cheeks.

    The mean color of the skin stays, and the mean lightness, around which shading grows. Each
    other part of the face is as far from the skin in color as people's are in the mean (as the
    photograph's would tell of the person), and within a part colors vary by a share of what they
    did. What is not the face stays.
    """
    drawn, parts = _lab(made), maps[..., 1:]
    share = parts / np.maximum(parts.sum(axis=(1, 2), keepdims=True), 1e-6)
    here = np.einsum("nyxc,nyxk->nck", share, drawn[..., 1:])
    wanted = here[:, :1] + np.array([_BESIDE_SKIN[part] for part in CLASSES[1:]])
    before, after = (np.einsum("nyxc,nck->nyxk", parts, color) for color in (here, wanted))
    inside = parts.sum(axis=-1, keepdims=True)
    varied = inside * drawn[..., 1:] - before
    drawn[..., 1:] = (1 - inside) * drawn[..., 1:] + after + _VARIED * varied
    weight = inside / np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1e-6)
    mean = (weight * drawn[..., :1]).sum(axis=(1, 2), keepdims=True)
    drawn[..., :1] += (_SHADED - 1) * inside * (drawn[..., :1] - mean)
    return _rgb(drawn)


def _lab(pictures: NDArray[Any]) -> NDArray[np.float32]:
    """RGB levels (n, s, s, 3) as CIELAB."""
    import cv2

    shares = np.clip(pictures.astype(np.float32) / np.float32(255), 0, 1)
    flat = shares.reshape(-1, *pictures.shape[2:])
    return cv2.cvtColor(flat, cv2.COLOR_RGB2LAB).reshape(pictures.shape)


def _rgb(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    flat = np.ascontiguousarray(lab.reshape(-1, *lab.shape[2:]))
    return cv2.cvtColor(flat, cv2.COLOR_LAB2RGB).reshape(lab.shape) * np.float32(255)


def _as_gray_as(made: NDArray[np.floating], crops: Pixels) -> NDArray[np.floating]:
    """What was drawn without color where the crop has none."""
    spread = np.ptp(crops.astype(np.float32), axis=-1)
    gray = np.quantile(spread, 0.95, axis=(1, 2)) <= _GRAY
    light = np.rint(made @ np.array([0.299, 0.587, 0.114], np.float32))
    return np.where(gray[:, None, None, None], light[..., None], made)
