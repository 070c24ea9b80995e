"""Examining one photograph: read it, find faces and landmarks, cut chips. Workers run this."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from encoders.align import align, find_landmarks
from encoders.detect import Detector, in_order
from encoders.faceset_file import pack_chip
from encoders.photographs.reading import UnreadableImageError, decode, frame_count, read_bytes
from encoders.photographs.remote import photograph_root
from encoders.photographs.walk import Photograph

__all__ = ["LOOK_AGAIN", "MAIN_FACE", "ExaminationOptions", "ExaminedPhotograph", "Face", "examine"]

LOOK_AGAIN = "look again"
MAIN_FACE = "main face"
_EYES = (slice(36, 42), slice(42, 48))
_NOSE = 30
_FULL_RESOLUTION = 64.0


@dataclass(frozen=True)
class ExaminationOptions:
    """How photographs are to be examined; plain values, so that it can be sent to a worker.

    ``detector`` None finds nothing and asks to look again; ``again`` says what becomes of a
    photograph without a face: a row "no face", or one that asks to look again, which the detector
    ``second`` will. ``MAIN_FACE`` is the detector for the one face that is kept.
    """

    root: str = field(repr=False)  # an address may hold a password
    detector: str | None
    upsample: int | None
    again: bool
    keep_all: bool
    max_pixels: int
    chip_size: int
    alignment: str
    alignment_size: int
    second: str = "mtcnn"

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Face:
    """A face that is kept: its place, and its two chips."""

    box: NDArray[np.int32]
    landmark: NDArray[np.float32]
    quality: float
    packed_chip: bytes
    aligned: NDArray[np.uint8]


@dataclass(frozen=True)
class ExaminedPhotograph:
    """The result for one photograph: its row of the ledger, its faces, and bystanders."""

    photograph: Photograph
    sha256: str
    outcome: str
    reason: str = ""
    faces: tuple[Face, ...] = ()
    bystanders: tuple[tuple[NDArray[np.int32], float], ...] = ()
    smallest_face: float = 0.0  # side in pixels that could have been found; 0 before anybody looked


def examine(
    photograph: Photograph, options: ExaminationOptions, detector: Detector | None
) -> ExaminedPhotograph:
    """Examine one photograph; what is wrong with it becomes its outcome and reason."""
    digest = ""
    try:
        data, digest = read_bytes(photograph_root(options.root), photograph.path)
        image = decode(data, options.max_pixels)
        reason = _frames(data)
        boxes = _find(image, detector)
        smallest = 0.0 if detector is None else detector.smallest(image)
    except UnreadableImageError as unusable:
        return ExaminedPhotograph(photograph, digest, unusable.outcome, unusable.reason)
    if not len(boxes):
        outcome = LOOK_AGAIN if options.again else "no face"
        return ExaminedPhotograph(photograph, digest, outcome, reason, smallest_face=smallest)
    kept, others = (boxes, boxes[:0]) if options.keep_all else (boxes[:1], boxes[1:])
    return ExaminedPhotograph(
        photograph,
        digest,
        "faces",
        reason,
        faces=tuple(_face(image, box, options) for box in kept),
        bystanders=tuple((box, _quality(find_landmarks(image, box))) for box in others),
        smallest_face=smallest,
    )


def _frames(data: bytes) -> str:
    """What to say of a picture of several frames, of which the first is looked at."""
    count = frame_count(data)
    return f"only the first of {count} frames was examined" if count > 1 else ""


def _find(image: NDArray[np.uint8], detector: Detector | None) -> NDArray[np.int32]:
    if detector is None:
        return np.empty((0, 4), np.int32)
    try:
        return in_order(detector(image), image)
    except MemoryError as error:
        raise UnreadableImageError("too large", "not enough memory to look for faces") from error


def _face(image: NDArray[np.uint8], box: NDArray[np.int32], options: ExaminationOptions) -> Face:
    landmark = find_landmarks(image, box)
    chip = align(image, box, landmark, f"ffhq-68-{options.chip_size}", options.chip_size)
    aligned = align(image, box, landmark, options.alignment, options.alignment_size)
    return Face(box, landmark, _quality(landmark), pack_chip(chip), aligned)


def _quality(landmark: NDArray[np.float32]) -> float:
    """Resolution (64 px between the eyes count in full) times how frontal the face is.

    Frontal means that the tip of the nose lies as far from one eye as from the other.
    """
    left, right = (landmark[eye].mean(axis=0) for eye in _EYES)
    resolution = min(1.0, float(np.hypot(*(right - left))) / _FULL_RESOLUTION)
    to_left, to_right = (float(np.hypot(*(landmark[_NOSE] - eye))) for eye in (left, right))
    turned = abs(to_left - to_right) / max(to_left + to_right, 1e-6)
    return resolution * (1.0 - turned)
