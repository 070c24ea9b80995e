"""Surrogates looked at as photographs: found or not, and whose vector they get."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError
from anonfaces.evaluate import detection_rate, recognize
from encoders.embed import load_embedder


@pytest.fixture(scope="module")
def pictures(everybody: list[list[Path]]) -> list[np.ndarray]:
    """Two pictures of one synthetic person and one of another, nothing, and two faces at once."""
    first, second = [person for person in everybody if len(person) > 1][:2]
    found = [np.array(Image.open(path)) for path in (*first[:2], second[0])]
    side = len(found[0])
    pair = np.concatenate([np.concatenate([found[0], found[2]], axis=1)] * 2)
    pair[side:] = 128
    return [*found, np.full_like(found[0], 128), pair]


def test_one_face_is_one_and_none_or_several_are_failures(pictures: list[np.ndarray]) -> None:
    found = detection_rate(pictures, size=512)
    assert found.faces.tolist() == [1, 1, 1, 0, 2]
    assert found.failures.tolist() == [3, 4]
    assert found.rate == 0.6
    assert found.interval().low < 0.6 < found.interval().high


def test_a_vector_is_its_persons_and_that_of_nothing_is_missing(
    pictures: list[np.ndarray],
) -> None:
    vectors = recognize(iter(pictures), load_embedder("dlib"))
    assert vectors.shape == (5, 128)
    assert np.isnan(vectors).all(axis=1).tolist() == [False, False, False, True, False]
    same, different = (np.linalg.norm(vectors[0] - vectors[i]) for i in (1, 2))
    assert same < different
    small = [picture[::2, ::2] for picture in pictures[:1]]  # at 128 px it is the same person
    assert np.linalg.norm(recognize(small, load_embedder("dlib"))[0] - vectors[0]) < 0.4


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((4, 5, 3), np.uint8), "uint8"),
        (np.zeros((4, 4), np.uint8), "uint8"),
        (np.zeros((4, 4, 3)), "float64"),
    ],
)
def test_what_is_no_picture_is_refused(picture: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detection_rate([picture])


def test_nothing_to_look_at_is_refused() -> None:
    with pytest.raises(InputError, match="no surrogate"):
        detection_rate([])
    assert recognize([], load_embedder("dlib")).shape == (0, 128)
