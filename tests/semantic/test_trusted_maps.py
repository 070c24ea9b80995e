"""Label maps where landmarks hold and where they fail, by the parser that ships; even colors."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from anonbase.keras_backend import load_engine
from anonfaces.semantic.frame import (
    SQUARE,
    TRUSTED,
    agreement,
    framed,
    framed_landmarks,
    labels_of,
    trusted_labels,
)
from encoders.align import ffhq_landmarks, find_landmarks
from encoders.detect import load_detector

load_engine()

from anonfaces.semantic.redraw import _BESIDE_SKIN, _with_even_colors  # noqa: E402
from encoders.parsing import CLASSES, load_parser, one_hot  # noqa: E402
from encoders.parsing.parser import SIZE  # noqa: E402

Face = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def faces(portraits: list[Path]) -> list[Face]:
    """Photographs with the landmarks of the right box, and of one that lies half a face aside."""
    detector, made = load_detector("hog"), []
    for path in portraits[:12]:
        image = np.asarray(Image.open(path).convert("RGB"))
        box = detector(image)[0]
        aside = box + np.round(0.45 * (box[2] - box[0])).astype(box.dtype)
        made.append((image, find_landmarks(image, box), find_landmarks(image, aside)))
    return made


def test_landmarks_that_fit_the_face_are_taken(faces: list[Face]) -> None:
    kept = 0
    for image, right, _ in faces:
        crop = framed(image, right, 64)
        drawn = labels_of(framed_landmarks(right, 64)[None], crop[None])[0]
        assert agreement(drawn, load_parser()(framed(image, right, SIZE)[None])[0]) > 0.3
        kept += int((trusted_labels(image, right, crop) == drawn).all())
    assert kept >= 11


def test_where_landmarks_fail_the_parser_is_nearer_to_the_face(faces: list[Face]) -> None:
    gained = []
    for image, right, wrong in faces:
        crop = framed(image, wrong, 64)
        points = ffhq_landmarks(right, 1 << 10, aligned_by=wrong)
        wanted = labels_of(SQUARE.points(points, 1 << 10, 64)[None], crop[None])[0]
        drawn = labels_of(framed_landmarks(wrong, 64)[None], crop[None])[0]
        trusted = trusted_labels(image, wrong, crop)
        gained.append(agreement(trusted, wanted) - agreement(drawn, wanted))
        if (trusted != drawn).any():
            assert agreement(drawn, trusted) < TRUSTED
    assert sum(gain != 0 for gain in gained) >= 3  # of twelve: landmarks find back from some boxes
    assert np.mean(gained) > 0


def test_maps_agree_with_themselves_and_not_with_what_lies_elsewhere() -> None:
    one = np.zeros((64, 64), np.uint8)
    one[10:30, 10:30] = 1
    assert agreement(one, one) == 1
    assert agreement(one, np.roll(one, 30, axis=1)) == 0
    assert agreement(np.zeros_like(one), np.zeros_like(one)) == 0


def test_colors_of_parts_are_set_beside_the_skin_and_the_rest_stays() -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((1, 64, 64), np.uint8)
    skin, lip = CLASSES.index("skin"), CLASSES.index("lower lip")
    labels[:, 8:56, 8:56] = skin
    labels[:, 40:48, 20:44] = lip
    made = np.full((1, 32, 32, 3), (120.0, 90.0, 60.0)) + rng.normal(0, 12, (1, 32, 32, 3))
    made[:, 20:24, 10:22] = (140.0, 80.0, 190.0)  # violet
    maps = one_hot(labels, 32)
    even = _with_even_colors(made, maps)

    def lab(pictures: np.ndarray) -> np.ndarray:
        return cv2.cvtColor((pictures[0] / 255).astype(np.float32), cv2.COLOR_RGB2LAB)

    of_lip, of_skin = maps[0, ..., lip] == 1, maps[0, ..., skin] == 1
    off = {
        name: lab(p)[of_lip].mean(axis=0)[1:] - lab(p)[of_skin].mean(axis=0)[1:]
        for name, p in (("even", even), ("drawn", made))
    }
    assert np.abs(off["even"] - np.array(_BESIDE_SKIN["lower lip"])).max() < 2
    assert np.abs(off["drawn"] - np.array(_BESIDE_SKIN["lower lip"])).max() > 20
    spread = [lab(p)[of_skin][:, 1:].std(axis=0) for p in (even, made)]
    assert (spread[0] < 0.55 * spread[1]).all()
    inside = maps[0, ..., 0] == 0
    shading, drawn = (lab(p)[..., 0][inside] for p in (even, made))
    assert abs(shading.mean() - drawn.mean()) < 0.5
    assert 1.2 < shading.std() / drawn.std() < 1.3
    outside = maps[0, ..., 0] == 1
    np.testing.assert_allclose(even[0][outside], np.clip(made[0][outside], 0, 255), atol=0.5)
