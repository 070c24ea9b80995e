"""Faces whose chips lie in memory: those of a gallery that was encoded for one evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from encoders.faceset import FaceSet

__all__ = ["FacesInMemory"]


@dataclass(frozen=True, eq=False, repr=False)
class FacesInMemory(FaceSet):
    """A FaceSet with ``memory`` uint8 (m, s, s, 3) in place of a file; ``rows`` are its rows."""

    memory: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 1, 1, 3), np.uint8))

    @classmethod
    def of(cls, faces: FaceSet, chips: NDArray[np.uint8]) -> FacesInMemory:
        """``faces`` with ``chips`` (n, s, s, 3), one a face."""
        about = {f.name: getattr(faces, f.name) for f in fields(FaceSet)}
        return cls(**about | {"path": None, "rows": np.arange(len(faces))}, memory=chips)

    def chips(self, rows: NDArray[np.integer] | None = None) -> NDArray[np.uint8]:
        """Aligned crops uint8 (m, s, s, 3), RGB, of the faces ``rows`` (all of them if None)."""
        return self.memory[self.rows if rows is None else self.rows[rows]]
