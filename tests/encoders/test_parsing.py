"""Label maps: the parts lie where the landmarks are, in mirrored and in odd pictures as well."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import run_command

from anonbase.errors import InputError
from encoders.faceset import FaceSet
from encoders.parsing import (
    CLASSES,
    FRAME,
    HAIR,
    label_map,
    load_parser,
    mirrored,
    one_hot,
    overlay,
)
from encoders.parsing.classes import COLORS

SIDE = 128
#: The landmark that each of the mirrored face's is.
OTHER_SIDE = [
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
]  # fmt: skip


def plain_face() -> np.ndarray:
    """68 landmarks of an upright face in 128 px, by hand."""

    def arc(count: int, x: float, y: float, rx: float, ry: float, first: float, last: float):
        angle = np.radians(np.linspace(first, last, count))
        return np.column_stack([x + rx * np.cos(angle), y + ry * np.sin(angle)])

    eye = [arc(6, x, 52, 9, 4, 180, 480)[[0, 1, 2, 3, 4, 5]] for x in (44, 84)]
    nose = np.column_stack([np.full(4, 64), np.linspace(52, 72, 4)])
    base = np.column_stack([np.linspace(56, 72, 5), [77, 79, 80, 79, 77]])
    outer = np.vstack([arc(7, 64, 95, 18, 8, 180, 360), arc(7, 64, 95, 18, 9, 0, 180)[1:-1]])
    inner = np.vstack([arc(5, 64, 95, 14, 3, 180, 360), arc(5, 64, 95, 14, 4, 0, 180)[1:-1]])
    return np.vstack(
        [arc(17, 64, 56, 42, 58, 180, 0), arc(5, 44, 46, 14, 8, 200, 340),
         arc(5, 84, 46, 14, 8, 200, 340), nose, base, *eye, outer, inner]
    )  # fmt: skip


POINTS = plain_face()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("left eye", slice(36, 42)), ("right eye", slice(42, 48)), ("inner mouth", slice(60, 68)),
        ("nose", slice(29, 34)), ("left brow", slice(18, 21)), ("right brow", slice(23, 26)),
    ],
)  # fmt: skip
def test_the_middle_of_a_part_has_its_class(name: str, rows: slice) -> None:
    x, y = np.rint(POINTS[rows].mean(axis=0)).astype(int)
    assert CLASSES[label_map(POINTS, SIDE)[y, x]] == name


def test_a_mirrored_face_has_the_mirrored_map() -> None:
    other = (POINTS * [-1, 1] + [SIDE - 1, 0])[OTHER_SIDE]
    differ = label_map(other, SIDE) != mirrored(label_map(POINTS, SIDE))
    assert differ.mean() < 0.01  # borders fall on one side of a pixel or on the other
    labels = np.random.default_rng(0).integers(0, HAIR + 1, (2, 5, 7)).astype(np.uint8)
    assert (mirrored(mirrored(labels)) == labels).all()


def test_a_dark_fringe_is_no_skin_but_what_landmarks_enclose_is() -> None:
    picture = np.full((SIDE, SIDE, 3), (200, 150, 120), np.uint8)
    picture[:30] = (20, 15, 10)
    fringe = label_map(POINTS, SIDE, picture)
    bare = label_map(POINTS, SIDE)
    assert (fringe[20:26, 50:78] == 0).all()
    assert (bare[20:26, 50:78] == 1).all()
    dark = np.zeros_like(picture)
    assert (label_map(POINTS, SIDE, dark)[60:90, 60:68] > 0).all()


def test_shares_of_classes_add_up_and_keep_their_area() -> None:
    labels = label_map(POINTS, SIDE)[None]
    shares = one_hot(labels, 32)
    np.testing.assert_allclose(shares.sum(axis=-1), 1)
    for i in range(len(CLASSES)):
        assert np.isclose(shares[..., i].mean(), (labels == i).mean())
    assert (one_hot(np.full((1, 8, 8), HAIR, np.uint8), 4)[..., 0] == 1).all()


@pytest.mark.parametrize("points", [POINTS * 50, POINTS - 500, POINTS * 0, POINTS[:, ::-1] * 1e7])
def test_landmarks_anywhere_give_a_map(points: np.ndarray) -> None:
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert label_map(points, SIDE, picture).shape == (SIDE, SIDE)


def test_an_overlay_leaves_the_background_and_colors_the_rest() -> None:
    picture = np.full((SIDE, SIDE, 3), 100, np.uint8)
    labels = label_map(POINTS, SIDE)
    with pytest.raises(InputError, match="expected"):
        overlay(picture, labels[..., :-1])
    over = overlay(picture, labels)
    assert (over[labels == 0] == 100).all()
    assert (over[labels == 4] != 100).any()
    assert len(COLORS) == HAIR + 1


def test_hair_is_told_where_it_was_asked_for() -> None:
    picture = np.full((SIDE, SIDE, 3), (90, 140, 90), np.uint8)
    picture[8:60, 25:104] = (30, 20, 15)
    picture[label_map(POINTS, SIDE) > 0] = (210, 160, 130)
    picture[8:30, 25:104] = (30, 20, 15)
    labels = label_map(POINTS, SIDE, picture, hair=True)
    assert labels[18, 64] == HAIR
    assert labels[120, 5] == 0


def test_edges_are_where_parts_meet_and_a_right_parser_agrees() -> None:
    from encoders.parsing.training import agreement, edges_of

    labels = np.stack([label_map(POINTS, SIDE)] * 2)
    assert edges_of(labels).shape == (2, 64, 64, 1)
    assert not edges_of(np.ones_like(labels)).any()
    right = agreement(lambda _: labels, labels, labels)  # type: ignore[arg-type]
    assert right.miou == 1
    assert right.edge_f1 == 1
    moved = np.roll(labels, 6, axis=1)
    wrong = agreement(lambda _: moved, labels, labels)  # type: ignore[arg-type]
    assert wrong.miou < 0.6
    assert wrong.edge_f1 < 0.9


def test_help_says_what_is_written(tmp_path: Path) -> None:
    done = run_command("encoders.parsing", "maps", "--help", cwd=tmp_path)
    assert done.code == 0
    assert "overlay-000.png" in done.out


def test_pictures_are_cut_first_and_few_faces_are_no_set_to_learn_from(
    small_faces: FaceSet,
) -> None:
    from encoders.parsing.training import read_maps

    chips = np.full((1, 256, 256, 3), 90, np.uint8)
    with pytest.raises(InputError, match=r"FRAME.cut\(chips, 128\)"):
        load_parser()(chips)
    assert load_parser()(FRAME.cut(chips, 128)).shape == (1, 128, 128)
    unsure = load_parser().uncertainty(FRAME.cut(chips, 128))
    assert unsure.shape == (1, 128, 128)
    assert (unsure >= -1e-5).all()
    assert (unsure <= np.log(len(CLASSES)) + 1e-5).all()
    assert load_parser().uncertainty(np.empty((0, 128, 128, 3), np.uint8)).shape == (0, 128, 128)
    with pytest.raises(InputError, match=r"at most 0\.35.*: multiply them by 255"):
        load_parser()(FRAME.cut(chips, 128) / 255)
    with pytest.raises(InputError, match="not finite"):
        load_parser()(np.full((1, 128, 128, 3), np.nan))
    assert small_faces.path is not None
    with pytest.raises(InputError, match=r"faces.h5: of 3 faces none is held out"):
        read_maps(small_faces.path, True)
