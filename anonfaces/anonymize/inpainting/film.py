"""What is shown of an inpainting: progress pictures, films, sheets of candidates, curves.

All of it shows the original, and is for whoever owns the photographs.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anonbase.files import atomic_write
from anonfaces.anonymize.detection import Faces
from anonfaces.anonymize.inpainting.holes import SIDE, Hole
from anonfaces.anonymize.inpainting.search import Search, alikeness
from anonfaces.anonymize.paste import SourceFace, outline, paste
from anonfaces.anonymize.video.frames import Frame, Writer
from encoders.resize import enlarged

__all__ = ["Film"]

Pixels = NDArray[np.uint8]
Color = tuple[int, int, int]

_RED, _GREEN, _BLUE, _WHITE = (220, 30, 30), (30, 200, 60), (60, 120, 255), (255, 255, 255)
_EYES = (slice(36, 42), slice(42, 48))
_LOSSES = ("contextual", "prior", "total")
_MOST_SIDE = 640  # px of the longer side of a film's frames: a GIF is not meant to be printed
_SECOND = 1000  # ms that a frame of the whole film is shown
_QUICK = 120  # ms that one of a face's own film is shown
_PER_SECOND = 2  # frames of the MP4
_SHOWN = 5  # steps of a search in the film of the whole


class Film:
    """Follows a run in ``folder``: a picture after another, and its faces, the largest first."""

    def __init__(self, folder: Path, way: str) -> None:
        self._folder, self._way = folder, way
        self._image: Pixels | None = None
        self._frames: list[Pixels] = []
        self._now = self._squares = self._holes = np.empty((0, 0, 3), np.uint8)

    def face(
        self,
        image: Pixels,
        faces: Faces,
        index: int,
        key: int,
        holes: Sequence[Hole],
        search: Search,
    ) -> None:
        """The way to face ``index`` of picture ``key``; ``holes`` are those of ``search``."""
        if image is not self._image:
            self._begin(image, faces, key)
        landmark, name = faces.landmark[index], f"{key:05d}-{index:03d}"
        self._sheets(holes, search, name)
        self._own_film(holes[0], search, name)
        self._scene(image, landmark, holes[0], search)
        self._save(self._squares, f"{key:05d}-3-squares.png")
        self._save(self._holes, f"{key:05d}-4-holes.png")
        self._save(self._now, f"{key:05d}-5-replaced.png")
        self._whole(f"{key:05d}")

    def _begin(self, image: Pixels, faces: Faces, key: int) -> None:
        boxes = image.copy()
        for box in faces.box:
            _line(boxes, [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])])
        self._image, self._now = image, image.copy()
        self._squares, self._holes = boxes.copy(), image.copy()
        self._frames = [_shrunk(image), _shrunk(boxes)]
        self._save(image, f"{key:05d}-1-original.png")
        self._save(boxes, f"{key:05d}-2-boxes.png")

    def _scene(
        self, image: Pixels, landmark: NDArray[np.float32], hole: Hole, search: Search
    ) -> None:
        """Eyes and their level, the frame, the hole, the candidate, steps of the search."""
        frame, inside = _frame_of(hole), _inside_of(hole, landmark)
        eyes = self._now.copy()
        left, right = (landmark[eye].mean(axis=0) for eye in _EYES)
        _line(eyes, [left, right, (right[0], left[1])], _BLUE)
        squares = self._now.copy()
        for picture in (squares, self._squares):
            _line(picture, frame, _GREEN)
        empty = self._now.copy()
        for picture in (empty, self._holes):
            _fill(picture, inside)
        self._frames += [_shrunk(eyes), _shrunk(squares), _shrunk(empty)]
        ways = [search.first[0], *(stage[0] for stage in search.stages), search.pictures[0]]
        some = np.linspace(0, len(ways) - 1, min(len(ways), _SHOWN + 1)).round().astype(int)
        made = None
        for step in some:
            face = SourceFace(enlarged(ways[step], SIDE, smooth=True), hole.landmark, hole.patch)
            made = paste(self._now, landmark, face, image)
            if made is not None:
                self._frames.append(_shrunk(made))
        self._now = self._now if made is None else made

    def _own_film(self, hole: Hole, search: Search, name: str) -> None:
        """The hole beside the way to its filling."""
        empty = np.rint(hole.picture * 127.5 + 127.5).astype(np.uint8)
        ways = [search.first[0], *(stage[0] for stage in search.stages), search.pictures[0]]
        pairs = [np.concatenate([empty, way], axis=1) for way in ways]
        self._gif([_enlarged(pair) for pair in pairs], f"{name}.gif", _QUICK)

    def _sheets(self, holes: Sequence[Hole], search: Search, name: str) -> None:
        """All candidates: their holes, before and after; the curves as a figure and a table."""
        rows = [
            np.concatenate([np.rint(h.picture * 127.5 + 127.5).astype(np.uint8) for h in holes], 1),
            *(np.concatenate(list(part), axis=1) for part in (search.first, search.pictures)),
        ]
        self._save(np.concatenate(rows), f"{name}-candidates.png")
        self._table(search, name)
        self._curves(search, name)

    def _table(self, search: Search, name: str) -> None:
        steps, _, count = search.curve.shape
        rows = [
            [step, n, *(f"{value:.6g}" for value in search.curve[step, :, n])]
            for step in range(steps)
            for n in range(count)
        ]
        path = self._folder / f"{name}.csv"
        with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("step", "candidate", *_LOSSES), *rows])

    def _curves(self, search: Search, name: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 3.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for row, label in enumerate(_LOSSES):
            axes.plot(search.curve[:, row].min(axis=1), label=f"{label}, least of the candidates")
        before, after = alikeness(search.first), alikeness(search.pictures)
        axes.set(
            xlabel="step", title=f"two candidates differ by {before:.3f} before, {after:.3f} after"
        )
        axes.legend()
        with atomic_write(self._folder / f"{name}-curves.png") as beside:
            figure.savefig(beside, format="png", dpi=110)

    def _whole(self, name: str) -> None:
        """The film so far, as GIF and as MP4, the last picture shown longer."""
        shown = [*self._frames, *[_shrunk(self._now)] * _PER_SECOND]
        self._gif(shown, f"{name}.gif", _SECOND)
        with atomic_write(self._folder / f"{name}.mp4") as beside:
            writer = Writer(beside, ".mp4", Fraction(_PER_SECOND))
            for number, frame in enumerate(shown):
                writer.add(Frame(number, Fraction(number, _PER_SECOND), frame))
            writer.close()

    def _gif(self, frames: Sequence[Pixels], name: str, duration: int) -> None:
        from PIL import Image

        self._folder.mkdir(parents=True, exist_ok=True)
        pictures = [Image.fromarray(frame) for frame in frames]
        with atomic_write(self._folder / name) as beside:
            pictures[0].save(
                beside, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0
            )

    def _save(self, picture: Pixels, name: str) -> None:
        from PIL import Image

        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_write(self._folder / name) as beside:
            Image.fromarray(picture).save(beside, "PNG")


def _frame_of(hole: Hole) -> NDArray[np.float64]:
    """The corners (4, 2) of the generator's frame in the photograph."""
    return _back(hole, np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float64))


def _inside_of(hole: Hole, landmark: NDArray[np.float32]) -> NDArray[np.float64]:
    """The outline (m, 2) of what is taken out, in the photograph."""
    if hole.patch is None:
        return outline(landmark).reshape(-1, 2).astype(np.float64)
    row, column = np.nonzero(hole.patch.mask)
    left, top, right, bottom = column.min(), row.min(), column.max() + 1, row.max() + 1
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return _back(hole, np.array(corners, np.float64))


def _back(hole: Hole, points: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    back = cv2.invertAffineTransform(hole.affine)
    return points @ back[:, :2].T + back[:, 2]


def _line(picture: Pixels, points: ArrayLike, color: Color = _RED) -> None:
    import cv2

    width = max(1, round(max(picture.shape[:2]) / 300))
    corners = np.rint(np.array(points, np.float64)).astype(np.int32)[:, None]
    cv2.polylines(picture, [corners], True, color, width, cv2.LINE_AA)


def _fill(picture: Pixels, points: NDArray[np.float64]) -> None:
    import cv2

    cv2.fillConvexPoly(picture, np.rint(points).astype(np.int32)[:, None], _WHITE)


def _shrunk(picture: Pixels) -> Pixels:
    import cv2

    scale = _MOST_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture.copy()
    size = tuple(max(1, round(side * scale)) for side in picture.shape[1::-1])
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _enlarged(pair: Pixels) -> Pixels:
    import cv2

    return cv2.resize(pair, (2 * SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
