"""A few synthetic people, found and aligned once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoders import encode
from encoders.faceset import FaceSet


@pytest.fixture(scope="session")
def few(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    """Twelve of the synthetic people that ship, one to three faces each."""
    root = tmp_path_factory.mktemp("few")
    for number, pictures in enumerate(everybody[:12]):
        person = root / "photos" / pictures[0].parent.name
        person.mkdir(parents=True)
        for picture in pictures[: 1 + number % 3]:
            (person / picture.name).write_bytes(picture.read_bytes())
    return encode(root / "photos", root / "faces.h5", identity="folder")
