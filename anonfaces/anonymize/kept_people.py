"""People who are to stay as they are, told by reference photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.notices import warn_user
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances

__all__ = ["KEEP", "kept", "load_reference_embeddings"]

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


def _reference(path: Path, analyzer: FaceAnalyzer) -> NDArray[np.float32]:
    from encoders.photographs.path_escape import escape
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    try:
        image = decode(read_bytes(path.resolve().parent, escape(path.resolve().name))[0])
    except UnreadableImageError as unusable:
        raise InputError(f"--keep {path}: {unusable}") from unusable
    faces = analyzer.find(image)
    if len(faces) != 1:
        raise InputError(f"--keep {path}: {len(faces)} faces in it, expected exactly one")
    return faces.embedding[0]
