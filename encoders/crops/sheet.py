"""Some photographs with what was found in them, beside the crops."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write
from encoders.crops.squares import cut_square

__all__ = ["write_sheet"]

Pixels = NDArray[np.uint8]
Example = tuple[Pixels, NDArray[np.float64], list[NDArray[np.int64]]]

_SHOWN, _COLUMNS = 16, 4
_TILE = 160  # px of a side on the sheet
_BOX, _SQUARE = (220, 30, 30), (30, 200, 60)


def write_sheet(path: Path, examples: Iterable[Example]) -> None:
    """At most 16 photographs: boxes red and squares green at the left, the first crop at the right.

    Nothing is written where there is no example.
    """
    from PIL import Image

    tiles = [_tile(*example) for example in islice(examples, _SHOWN)]
    if not tiles:
        return
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % _COLUMNS)
    rows = [np.concatenate(tiles[i : i + _COLUMNS], 1) for i in range(0, len(tiles), _COLUMNS)]
    with atomic_write(path) as beside:
        Image.fromarray(np.concatenate(rows)).save(beside, "PNG")


def _tile(image: Pixels, boxes: NDArray[np.float64], squares: list[NDArray[np.int64]]) -> Pixels:
    import cv2

    scale = _TILE / max(image.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for color, group in ((_BOX, boxes), (_SQUARE, squares)):
        for left, top, right, bottom in group:
            corners = np.rint(np.array([left, top, right, bottom]) * scale).astype(int).tolist()
            cv2.rectangle(small, corners[:2], corners[2:], color, 1)
    tile = np.full((_TILE, 2 * _TILE, 3), 255, np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    if squares:
        tile[:, _TILE:] = cut_square(image, squares[0], _TILE)
    return tile
