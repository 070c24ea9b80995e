"""Eighty faces in one picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonfaces.anonymize import AnonymizationResult, anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances

Pixels = NDArray[np.uint8]

_ROWS, _COLUMNS, _SIDE, _GAP = 4, 20, 88, 16


@pytest.fixture(scope="module")
def crowd(portraits: list[Path]) -> Pixels:
    """80 people of the sample before a wall whose colours and patterns vary."""
    step = _SIDE + _GAP
    height, width = _ROWS * step + _GAP, _COLUMNS * step + _GAP
    row, column = np.indices((height, width))
    wave = np.sin(row / 37) + np.cos(column / 53) + (row // 9 + column // 13) % 2
    tint = np.stack([wave * 12, wave * -9, (column - row) / width * 40], axis=2)
    canvas = np.clip(120 + tint, 0, 255).astype(np.uint8)
    for place, path in enumerate(portraits[: _ROWS * _COLUMNS]):
        picture = Image.open(path).convert("RGB").resize((_SIDE, _SIDE))
        top, left = (_GAP + step * at for at in divmod(place, _COLUMNS))
        canvas[top : top + _SIDE, left : left + _SIDE] = np.asarray(picture)
    return canvas


@pytest.fixture(scope="module")
def before(crowd: Pixels, analyzer: FaceAnalyzer) -> Faces:
    return analyzer.find(crowd)


@pytest.fixture(scope="module")
def done(crowd: Pixels, tmp_path_factory: pytest.TempPathFactory) -> AnonymizationResult:
    place = tmp_path_factory.mktemp("crowd")
    Image.fromarray(crowd).save(place / "crowd.png", compress_level=1)
    return anonymize(place / "crowd.png", place / "out", surrogate="solid")


def test_nearly_all_of_them_are_found(before: Faces) -> None:
    assert len(before) >= 76


def test_every_face_that_was_found_is_covered_and_no_other_is_left(
    crowd: Pixels, before: Faces, done: AnonymizationResult, analyzer: FaceAnalyzer
) -> None:
    made = np.asarray(Image.open(done.folder / "crowd.png"))
    assert done.faces["covered"] == len(before)
    grey = (made == 128).all(axis=2)
    for left, top, right, bottom in np.clip(before.box, 0, None):
        assert grey[top:bottom, left:right].mean() > 0.8
    again = FaceAnalyzer("hog+mtcnn", 0.5).find(made)  # at less, texture is taken for a face
    assert (distances(again.embedding, before.embedding) > 0.6).all()
    assert len(again) == 0


def test_the_record_names_each_of_them(before: Faces, done: AnonymizationResult) -> None:
    (picture,) = json.loads(done.record.read_text())["pictures"]
    assert [face["box"] for face in picture["faces"]] == before.box.tolist()
    assert {face["outcome"] for face in picture["faces"]} == {"covered"}
