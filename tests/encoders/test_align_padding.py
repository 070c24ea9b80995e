"""What a chip shows where its photograph has ended."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from encoders.align import align_ffhq

Pixels = NDArray[np.uint8]
SIZE = 128


def landmarks(x: float, y: float, eyes: float) -> NDArray[np.float32]:
    """68 points whose FFHQ square is upright, ``4 * eyes`` wide and centred near (x, y)."""
    points = np.full((68, 2), (x, y), np.float32)
    points[36:42], points[42:48] = (x - eyes / 2, y), (x + eyes / 2, y)
    points[48], points[54] = (x - eyes / 4, y + eyes), (x + eyes / 4, y + eyes)
    return points


def halves(size: int = 100) -> Pixels:
    """Green on the left, blue on the right."""
    picture = np.zeros((size, size, 3), np.uint8)
    picture[:, : size // 2, 1] = 200
    picture[:, size // 2 :, 2] = 200
    return picture


def rim(picture: Pixels, colour: int = 255) -> Pixels:
    """The same with an outermost row and column of another colour, as some generators draw."""
    made = picture.copy()
    made[[0, -1]] = colour
    made[:, [0, -1]] = colour
    return made


def test_a_chip_well_inside_of_its_photograph_knows_nothing_of_the_border() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    points = landmarks(150, 145, 32)
    np.testing.assert_array_equal(
        align_ffhq(picture, points, SIZE), align_ffhq(rim(picture), points, SIZE)
    )


def test_colours_go_on_where_they_were_and_make_no_frame() -> None:
    chip = align_ffhq(halves(), landmarks(50, 46, 36), SIZE).astype(int)
    left, right = chip[:, :6].mean((0, 1)), chip[:, -6:].mean((0, 1))
    assert left[1] > 2 * left[2]
    assert right[2] > 2 * right[1]


def test_an_odd_rim_is_neither_doubled_nor_left_as_dots_at_its_corners() -> None:
    points = landmarks(50, 46, 36)
    plain = align_ffhq(halves(), points, SIZE).astype(int)
    odd = align_ffhq(rim(halves()), points, SIZE).astype(int)
    assert np.abs(odd - plain).max() < 60  # the rim itself is 200 and more away


def test_the_mean_of_chips_fades_without_an_edge() -> None:
    rng = np.random.default_rng(1)
    pictures = [rim(np.full((100, 100, 3), c, np.uint8), 0) for c in rng.integers(60, 220, (8, 3))]
    points = landmarks(50, 46, 36)
    mean = np.mean([align_ffhq(picture, points, SIZE) for picture in pictures], axis=0)
    assert np.abs(np.diff(mean, axis=0)).max() < 30
    assert np.abs(np.diff(mean, axis=1)).max() < 30


@pytest.mark.parametrize("at", [(-400, 50), (50, 4000)])
def test_a_square_beside_the_photograph_is_no_error(at: tuple[float, float]) -> None:
    assert align_ffhq(halves(), landmarks(*at, 36), SIZE).shape == (SIZE, SIZE, 3)
