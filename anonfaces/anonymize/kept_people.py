"""People who are to stay as they are, told by reference photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, UtilityWarning
from anonbase.notices import warn_user
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances

__all__ = ["KEEP", "kept", "load_reference_embeddings", "nearest_distances", "warn_of_absent"]

KEEP = 0.45
"""Distance up to which a face is taken for that of a reference; 0.6 would spare strangers."""


def load_reference_embeddings(paths: Sequence[Path], analyzer: FaceAnalyzer) -> NDArray[np.float32]:
    """Vectors float32 (n, 128) of the people in the reference photographs, one in each.

    Raises:
        InputError: a file cannot be read, or does not show exactly one face.

    Warns:
        PrivacyWarning: always, where there are any.
    """
    vectors = [_reference(path, analyzer) for path in paths]
    if vectors:
        warn_user(
            f"faces within {KEEP} of a reference photograph stay as they are: that may be a"
            " look-alike; check those marked kept",
        )
    return np.array(vectors, np.float32).reshape(-1, 128)


def kept(faces: Faces, people: NDArray[np.float32]) -> list[int]:
    """The faces to keep: for each reference the nearest face, if it is near enough."""
    away = distances(people, faces.embedding)
    nearest = [(row.argmin(), row.min()) for row in away] if away.size else []
    return sorted({int(face) for face, distance in nearest if distance <= KEEP})


def nearest_distances(
    people: NDArray[np.float32], detections: Sequence[Faces]
) -> NDArray[np.float64]:
    """The distance (n,) of each reference to the face that is nearest to it in all pictures."""
    nearest = np.full(len(people), np.inf)
    for faces in detections:
        nearest = np.minimum(nearest, distances(people, faces.embedding).min(1, initial=np.inf))
    return nearest


def warn_of_absent(paths: Sequence[Path], nearest: NDArray[np.float64]) -> None:
    """A UtilityWarning for each reference photograph whose person is in none of the pictures.

    ``nearest`` is as ``nearest_distances`` gives it.
    """
    for path, distance in zip(paths, nearest, strict=True):
        if distance > KEEP:
            near = f", the nearest face is {distance:.2f} away" if np.isfinite(distance) else ""
            warn_user(
                f"--keep {path.name}: no face within {KEEP} of it was found in any picture{near};"
                " nobody was kept for it",
                UtilityWarning,
            )


def _reference(path: Path, analyzer: FaceAnalyzer) -> NDArray[np.float32]:
    from encoders.photographs.path_escape import escape
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    try:
        image = decode(read_bytes(path.resolve().parent, escape(path.resolve().name))[0])
    except UnreadableImageError as unusable:
        raise InputError(f"--keep {path}: {unusable}") from unusable
    faces = analyzer.search(image)
    if len(faces) != 1:
        raise InputError(f"--keep {path}: {len(faces)} faces in it, expected exactly one")
    return faces.embedding[0]
