"""How far a cover reaches: over the head, and not over the picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS, Area, around, head, solid
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.replace import COVERED, TOO_SMALL, FrameResult, replace

Pixels = NDArray[np.uint8]


@pytest.mark.parametrize(("side", "expected"), [(13, TOO_SMALL), (40, "why")])
def test_of_a_tiny_face_and_of_a_cover_the_recognizer_says_nothing(
    side: int, expected: str
) -> None:
    grid = np.linspace(20, 20 + side, 68, dtype=np.float32)
    faces = Faces(
        np.array([[20, 20, 20 + side, 20 + side]], np.int32),
        np.stack([grid, grid], axis=1)[None],
        np.zeros((1, 128), np.float32),
        ("hog",),
    )
    work = FrameResult(np.zeros((80, 80, 3), np.uint8), faces, [""], [""])
    work.cover(0, "why")
    work.cover(0, "the recognizer took the cover for the original")
    assert (work.outcome, work.reason, work.wide) == ([COVERED], [expected], {0})


def covered(where: Area, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    made = np.zeros(shape[:2], bool)
    made[where.rows, where.columns] = where.inside
    return made


def turned(points: NDArray, degrees: float, middle: NDArray) -> NDArray:
    a = np.deg2rad(degrees)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return ((points - middle) @ turn + middle).astype(np.float32)


@pytest.mark.parametrize("degrees", [0, 25, -40])
def test_a_head_is_covered_from_hairline_to_chin_and_from_ear_to_ear(
    two: Pixels, two_faces: Faces, degrees: float
) -> None:
    canvas = np.pad(two, ((300, 300), (300, 300), (0, 0)))
    for box, points in zip(two_faces.box + 300, two_faces.landmark + 300, strict=True):
        landmark = turned(points, degrees, points.mean(0))
        made = covered(head(box, landmark, canvas), canvas.shape)
        brows, nose, jaw = landmark[17:27], landmark[33], landmark[:17]
        hairline = brows.mean(0) + (brows.mean(0) - nose)
        ears = jaw[[0, 16]] + 0.04 * (jaw[[0, 16]] - jaw[[16, 0]])
        for x, y in np.rint([*landmark, hairline, *ears]).astype(int):
            assert made[y, x]


def test_a_cover_is_smaller_than_the_rectangle_around_a_face(two: Pixels, two_faces: Faces) -> None:
    canvas = np.pad(two, ((300, 300), (300, 300), (0, 0)))
    for face in zip(two_faces.box + 300, two_faces.landmark + 300, strict=True):
        made, wide = (covered(where(*face, canvas), canvas.shape) for where in (head, around))
        assert 0.4 < made.sum() / wide.sum() < 0.75


@pytest.mark.parametrize(
    "landmark",
    [np.zeros((68, 2)), np.full((68, 2), 50.0), np.stack([np.arange(68), np.full(68, 9)], 1)],
)
def test_landmarks_of_no_face_get_the_rectangle(landmark: NDArray) -> None:
    image, box = np.zeros((100, 120, 3), np.uint8), np.array([30, 30, 70, 70])
    made = covered(head(box, landmark, image), image.shape)
    assert made[30:70, 30:70].all()


def test_landmarks_far_astray_do_not_cover_the_picture(two_faces: Faces) -> None:
    image = np.zeros((900, 900, 3), np.uint8)
    box, landmark = two_faces.box[0], two_faces.landmark[0].copy()
    landmark[5:9] = 880
    assert covered(head(box, landmark, image), image.shape).sum() < 5 * (box[2] - box[0]) ** 2
    assert covered(head(box, landmark, image), image.shape)[box[1] : box[3]].any()


@pytest.mark.parametrize("shift", [(-90, 0), (0, -90), (5000, 0), (-5000, -5000)])
@pytest.mark.parametrize("mode", COVERS)
def test_a_head_at_the_border_or_beyond_is_no_error(
    two: Pixels, two_faces: Faces, shift: tuple[int, int], mode: str
) -> None:
    made = two.copy()
    box = two_faces.box[1] + np.tile(shift, 2)
    where = head(box, two_faces.landmark[1] + np.array(shift), made)
    COVERS[mode](made, where)
    there = covered(where, two.shape)
    np.testing.assert_array_equal(made[~there], two[~there])
    assert there.any() == (max(shift) <= 0 and min(shift) > -5000)


def test_what_a_cover_of_the_head_does_not_hide_gets_a_wider_one(
    two: Pixels, two_faces: Faces
) -> None:
    work = FrameResult(two.copy(), two_faces, [""] * 2, [""] * 2)
    work.cover(0, "first")
    once = (work.image == 128).all(axis=2)
    work.cover(0, "again")
    twice = (work.image == 128).all(axis=2)
    wide = covered(around(two_faces.box[0], two_faces.landmark[0], two), two.shape)
    assert twice[wide].all()
    assert once.sum() < twice.sum()
    assert work.reason[0] == "first"
    assert work.wide == {0}


def test_solid_hides_every_head_and_nothing_else(
    two: Pixels, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    work = replace(two, two_faces, "solid", analyzer)
    assert work.outcome == [COVERED] * 2
    again = analyzer.find(work.image)
    assert not len(again)
    away = distances(analyzer.embed(work.image, two_faces.box), two_faces.embedding)
    assert away.min() > 0.6 or work.wide
    changed = (work.image != two).any(axis=2)
    heads = [
        covered((around if i in work.wide else head)(box, points, two), two.shape)
        for i, (box, points) in enumerate(zip(two_faces.box, two_faces.landmark, strict=True))
    ]
    assert not (changed & ~np.any(heads, axis=0)).any()


def test_a_cover_is_one_grey(two: Pixels, two_faces: Faces) -> None:
    made = two.copy()
    where = head(two_faces.box[0], two_faces.landmark[0], made)
    solid(made, where)
    assert len(np.unique(made[where.rows, where.columns][where.inside].reshape(-1, 3), axis=0)) == 1
