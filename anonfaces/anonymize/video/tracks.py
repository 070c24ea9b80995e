"""Faces of single frames joined into tracks, with no frame left out and none beyond a cut.

A track is one face through one shot: each detection goes to the track whose last box it overlaps,
or whose face it is by the recogniser. Detectors are asked at a low threshold, and what they are
unsure of counts where it is of a track that has a sure detection anywhere, before or after, or
that leaves the picture over its border. (Two thresholds and one link: J. Canny, 1986; for tracks
Y. Zhang et al., "ByteTrack", ECCV 2022.) Between two detections box and landmarks are
interpolated; before the first and after the last they move on as they did for a while, in the
same size, since detectors come late and leave early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import Faces, distances, overlap

__all__ = ["Track", "Trajectory", "link_detections"]

_OVERLAPS, _LIKE, _UNLIKE = 0.2, 0.5, 0.85
_NEVER = 1e3
_SMOOTHED = 3
#: Detections at an end of a track that tell how it moves on.
_ENDS = 5
#: Sides of a face by which it moves from a frame to the next, at most.
_SPEED = 1.0
#: The same for a place that is guessed.
_GUESSED_SPEED = 0.25
#: Size of a detection in sizes of those around it, at most: what is larger is no head.
_OUTLIER = 1.5
_AROUND = 2
#: Frames in which an unsure detection must be at the border, to count without a sure one.
_AT_BORDER = 2
#: Part of a face's side within which it is at the border.
_MARGIN = 0.25


@dataclass
class Track:
    """The detections of one face: frame numbers in order, and a row of ``Faces`` for each.

    ``sure`` says of each whether a detector was as sure as was asked for.
    """

    frame: list[int] = field(default_factory=list)
    box: list[NDArray[np.int32]] = field(default_factory=list)
    landmark: list[NDArray[np.float32]] = field(default_factory=list)
    embedding: list[NDArray[np.float32]] = field(default_factory=list)
    sure: list[bool] = field(default_factory=list)

    def add(self, frame: int, faces: Faces, index: int, sure: bool = True) -> None:
        """Append one detection."""
        self.frame.append(frame)
        self.box.append(faces.box[index])
        self.landmark.append(faces.landmark[index])
        self.embedding.append(faces.embedding[index])
        self.sure.append(sure)

    @property
    def best(self) -> int:
        """The detection with the largest box, of the sure ones where there are any."""
        area = [float(np.prod(box[2:] - box[:2])) for box in self.box]
        among = [i for i, sure in enumerate(self.sure) if sure] or range(len(area))
        return max(among, key=area.__getitem__)

    def path(self, pad: int, first: int, last: int) -> Trajectory:
        """Where the face is in every frame from ``pad`` before the first to ``pad`` after the last.

        ``first`` and ``last`` are the frames between which its shot lies.
        """
        every = np.arange(
            max(self.frame[0] - pad, first), min(self.frame[-1] + pad, last) + 1, dtype=np.int64
        )
        known = np.array(self.frame)
        box, landmark = _without_outliers(np.array(self.box, float), np.array(self.landmark, float))
        shift = _ahead(every, known, box)
        box = _between(every, known, box) + np.tile(shift, 2)
        landmark = _between(every, known, landmark) + shift[:, None]
        apart = np.abs(every[:, None] - known).min(axis=1)
        return Trajectory(
            int(every[0]),
            np.rint(box).astype(np.int32),
            _smooth(landmark).astype(np.float32),
            apart,
        )


@dataclass(frozen=True)
class Trajectory:
    """A track without gaps, from the frame ``first`` on.

    Attributes:
        first: the number of the first frame.
        box: int32 (n, 4).
        landmark: float32 (n, 68, 2).
        apart: int64 (n,), frames to the nearest detection; 0 where the face was found.
    """

    first: int
    box: NDArray[np.int32]
    landmark: NDArray[np.float32]
    apart: NDArray[np.int64]

    def row_at(self, frame: int) -> int | None:
        """The row for a frame, None where the face is not there."""
        row = frame - self.first
        return row if 0 <= row < len(self.box) else None


def link_detections(
    frames: Sequence[Faces],
    shots: NDArray[np.int64],
    gap: int,
    threshold: float = 0.0,
    size: tuple[int, int] | None = None,
) -> list[Track]:
    """The tracks through the faces of consecutive frames, each within one shot.

    None has a gap of more than ``gap`` frames. Detections of a confidence below ``threshold``
    are unsure; ``size`` is the height and width of a frame.
    """
    tracks: list[Track] = []
    for number, faces in enumerate(frames):
        open_ = [
            track
            for track in tracks
            if number - track.frame[-1] <= gap and shots[track.frame[-1]] == shots[number]
        ]
        taken = _matched(open_, faces, number)
        for index in range(len(faces)):
            track = taken.get(index)
            if track is None:
                track = Track()
                tracks.append(track)
            track.add(number, faces, index, _is_sure(faces, index, threshold))
    return [track for track in tracks if _counts(track, size)]


def _is_sure(faces: Faces, index: int, threshold: float) -> bool:
    return not len(faces.confidence) or bool(faces.confidence[index] >= threshold)


def _counts(track: Track, size: tuple[int, int] | None) -> bool:
    """Whether a track has a sure detection, or is at the border of the picture."""
    if any(track.sure):
        return True
    if size is None:
        return False
    box = np.array(track.box, float)
    room = _MARGIN * np.ptp(box.reshape(-1, 2, 2), axis=1).max(axis=1)
    inner = np.minimum(box[:, :2].min(axis=1), (np.array(size[::-1]) - box[:, 2:]).min(axis=1))
    return int((inner <= room).sum()) >= _AT_BORDER


def _matched(tracks: list[Track], faces: Faces, number: int) -> dict[int, Track]:
    """Which face goes on which track: the assignment of the least cost."""
    from scipy.optimize import linear_sum_assignment

    if not tracks or not len(faces):
        return {}
    last = np.array([track.box[-1] for track in tracks])
    since = np.array([number - track.frame[-1] for track in tracks])
    near = overlap(last, faces.box)
    away = distances(np.array([track.embedding[-1] for track in tracks]), faces.embedding)
    cost = np.where((near >= _OVERLAPS) & (away <= _UNLIKE), 1 - near, _NEVER)
    alike = (away <= _LIKE) & _reachable(last, faces.box, since)
    cost = np.minimum(cost, np.where(alike, 1 + away, _NEVER))
    rows, columns = linear_sum_assignment(cost)
    pairs = zip(rows, columns, strict=True)
    return {int(c): tracks[r] for r, c in pairs if cost[r, c] < _NEVER}


def _reachable(
    last: NDArray[np.int32], box: NDArray[np.int32], since: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether a head of box (n, 4) can be at box (m, 4) after so many frames (n,)."""
    middle, aim = ((part[:, :2] + part[:, 2:]) / 2 for part in (last, box))
    side = (last[:, 2:] - last[:, :2]).max(axis=1)
    moved = np.linalg.norm(middle[:, None] - aim[None], axis=-1)
    return moved <= (_SPEED * side * since)[:, None]


def _without_outliers(
    box: NDArray[np.float64], landmark: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes and landmarks, drawn in where they are much larger than those around them."""
    from scipy.ndimage import median_filter

    side = np.maximum((box[:, 2:] - box[:, :2]).max(axis=1), 1)
    usual = median_filter(side, 2 * _AROUND + 1, mode="nearest")
    factor = np.minimum(_OUTLIER * usual / side, 1)[:, None, None]
    middle = ((box[:, :2] + box[:, 2:]) / 2)[:, None]
    corners = (box.reshape(-1, 2, 2) - middle) * factor + middle
    return corners.reshape(-1, 4), (landmark - middle) * factor + middle


def _between(
    every: NDArray[np.int64], known: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values at ``every`` frame: interpolated, and held at both ends."""
    flat = values.reshape(len(known), -1)
    columns = np.stack([np.interp(every, known, column) for column in flat.T], axis=1)
    return columns.reshape(len(every), *values.shape[1:])


def _ahead(
    every: NDArray[np.int64], known: NDArray[np.int64], box: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far (n, 2) the face moves before its first and after its last detection.

    As fast as it did there, but no faster than a head does; the size is held.
    """
    some = min(_ENDS, len(known)) - 1
    if some < 2:  # of fewer the motion is not known
        return np.zeros((len(every), 2))
    middle = (box[:, :2] + box[:, 2:]) / 2
    side = (box[:, 2:] - box[:, :2]).max(axis=1)
    early = _slowed((middle[some] - middle[0]) / (known[some] - known[0]), side[0])
    late = _slowed((middle[-1] - middle[-1 - some]) / (known[-1] - known[-1 - some]), side[-1])
    before = np.minimum(every - known[0], 0)[:, None]
    after = np.maximum(every - known[-1], 0)[:, None]
    return before * early + after * late


def _slowed(speed: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    most = _GUESSED_SPEED * side
    return speed * min(1.0, most / max(float(np.hypot(*speed)), 1e-9))


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(values, _SMOOTHED, axis=0, mode="nearest")
