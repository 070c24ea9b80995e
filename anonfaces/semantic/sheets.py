"""Pictures of how far a run is: sheets of faces, and the curves of its losses."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write
from anonfaces.semantic.data import TrainingFaces
from encoders.parsing import one_hot
from encoders.parsing.overlays import colored

if TYPE_CHECKING:
    from stylegan.semantic.generator import SemanticGenerator

__all__ = ["write_curves", "write_sheet"]

_ENLARGED = 2


def write_sheet(
    path: Path,
    network: SemanticGenerator,
    faces: TrainingFaces,
    own: NDArray[np.float32],
    others: NDArray[np.float32],
    targets: NDArray[np.uint8],
) -> None:
    """A row a face: input, map, hole, drawn as itself, drawn as each of ``others``.

    ``own`` (n, w_dim) and ``others`` (m, w_dim) are w; ``targets`` (m, t, t, 3) stand above, what
    the others look like.
    """
    import cv2
    from PIL import Image

    size = faces.picture.shape[1]
    real = faces.picture.astype(np.float32) / np.float32(127.5) - 1
    maps = one_hot(faces.labels, size)
    columns = [faces.picture, colored(faces.labels[:, ::2, ::2]), _hole(faces.picture, maps)]
    columns.append(_levels(network(real, maps, own)))
    for other in others:
        columns.append(_levels(network(real, maps, np.repeat(other[None], len(real), axis=0))))
    small = [cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA) for face in targets]
    above = [np.zeros((size, size, 3), np.uint8)] * 4 + small
    whole = [[top, *column] for top, column in zip(above, columns, strict=True)]
    sheet = np.concatenate([np.concatenate(column) for column in whole], axis=1)
    sheet = sheet.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as beside:
        Image.fromarray(sheet).save(beside, "PNG")


def write_curves(log: Path, path: Path) -> None:
    """The losses of ``log.csv`` over the pictures seen, a panel each."""
    from matplotlib.figure import Figure

    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with log.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            series[row["name"]].append((float(row["pictures"]) / 1000, float(row["value"])))
    if not series:
        return
    rows = -(-len(series) // 4)
    figure = Figure(figsize=(12, 2.2 * rows), layout="constrained")
    for panel, (name, points) in zip(figure.subplots(rows, 4).flat, series.items(), strict=False):
        panel.plot(*np.array(points).T, linewidth=1)
        panel.set_title(name, fontsize=9)
        panel.set_xlabel("1,000 pictures", fontsize=8)
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=80)


def _hole(pictures: NDArray[np.uint8], maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    from keras import ops

    from stylegan.semantic.generator import shown

    _, where = shown(np.zeros_like(pictures, np.float32), maps)
    return np.where(ops.convert_to_numpy(where) > 0, 255, pictures).astype(np.uint8)


def _levels(made: object) -> NDArray[np.uint8]:
    from keras import ops

    levels = np.asarray(ops.convert_to_numpy(made), np.float32) * 127.5 + 127.5
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)
