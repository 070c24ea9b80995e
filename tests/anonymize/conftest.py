"""Pictures of several synthetic people, and one finder for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonfaces.anonymize.found import Faces, Finder

Pixels = NDArray[np.uint8]
Party = Callable[..., Pixels]


@pytest.fixture(scope="session")
def finder() -> Finder:
    return Finder()


@pytest.fixture(scope="session")
def party(sample: Path) -> Party:
    """``party(6, 7)``: those people beside one another on a wall with a pattern."""

    def make(*people: int, side: int = 192, gap: int = 24) -> Pixels:
        wall = np.indices((side + 2 * gap, len(people) * (side + gap) + gap)).sum(0) // 8 % 2
        canvas = np.repeat(np.uint8(90 + 40 * wall)[..., None], 3, axis=2)
        for place, person in enumerate(people):
            path = sample / f"person_{person:03d}" / "0.png"
            face = np.asarray(Image.open(path).convert("RGB").resize((side, side)))
            left = gap + place * (side + gap)
            canvas[gap : gap + side, left : left + side] = face
        return canvas

    return make


@pytest.fixture(scope="session")
def two(party: Party) -> Pixels:
    return party(6, 0)


@pytest.fixture(scope="session")
def two_faces(finder: Finder, two: Pixels) -> Faces:
    return finder.find(two)
