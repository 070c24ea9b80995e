"""Sharpness, colours, things before a face, and how a head is turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonfaces.anonymize.blend import _fineness, matched_colour, matched_sharpness, occluders
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.doubt import LOOKS_DOUBTFUL, face_doubts
from anonfaces.anonymize.paste import SourceFace, outline, paste
from anonfaces.anonymize.pose import head_pose
from anonfaces.anonymize.quality import (
    MOST_MISPLACED,
    MOST_UNCLEAR,
    is_worse_than_a_cover,
    misplaced,
    unclear,
)
from anonfaces.anonymize.sources.fresh import donors_of

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def source_face(analyzer: FaceAnalyzer, party) -> SourceFace:
    (made,) = donors_of([party(5, side=256, gap=0)], analyzer)
    return made


def hull(landmark: NDArray, shape: tuple[int, ...]) -> Pixels:
    return cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), outline(landmark), 255)


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.0, 4.0])
def test_a_face_is_no_sharper_than_the_one_before(
    sigma: float, two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    scene = cv2.GaussianBlur(two, (0, 0), sigma) if sigma else two
    landmark = two_faces.landmark[0]
    made = paste(scene, landmark, source_face)
    assert made is not None
    inside = cv2.erode(hull(landmark, two.shape), np.ones((15, 15), np.uint8)) > 0
    assert _fineness(made, inside) <= 1.6 * _fineness(scene, inside) + 0.3


def test_a_face_that_is_softer_already_is_left(two: Pixels, two_faces: Faces) -> None:
    mask = hull(two_faces.landmark[0], two.shape)
    soft = cv2.GaussianBlur(two, (0, 0), 3)
    assert matched_sharpness(soft, two, mask, 100.0) is soft


def test_colours_get_no_more_contrast_than_they_have(two: Pixels, two_faces: Faces) -> None:
    mask = hull(two_faces.landmark[0], two.shape)
    pale = cv2.cvtColor(cv2.cvtColor(two, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    made = cv2.cvtColor(
        matched_colour(two, pale, mask, two_faces.landmark[0], 120.0), cv2.COLOR_RGB2YCrCb
    )
    inside = mask > 0
    before = cv2.cvtColor(two, cv2.COLOR_RGB2YCrCb)[inside].astype(float)
    assert (made[inside].std(axis=0)[1:] < 0.6 * before.std(axis=0)[1:]).all()


def test_teeth_and_glasses_of_the_face_before_do_not_shine_through(
    two: Pixels, two_faces: Faces
) -> None:
    landmark = two_faces.landmark[0]
    mask = hull(landmark, two.shape)
    marked = two.copy()
    for part, colour in ((slice(48, 60), (255, 255, 255)), (slice(36, 42), (0, 0, 0))):
        points = cv2.convexHull(landmark[part].round().astype(np.int32))
        cv2.fillConvexPoly(marked, points, colour)
    plain, made = (matched_colour(two, like, mask, landmark, 120.0) for like in (two, marked))
    x, y = landmark[48:60].mean(0).astype(int)
    assert abs(int(made[y, x].mean()) - int(plain[y, x].mean())) < 6


def test_a_thing_over_the_brow_stays_and_the_face_beside_it_does_not(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    landmark = two_faces.landmark[0]
    scene = two.copy()
    x = int(landmark[1:4, 0].min())
    y = int(landmark[1:4, 1].mean())
    thing = (slice(y - 40, y + 10), slice(x - 30, x + 10))
    scene[thing] = (20, 90, 230)
    made = paste(scene, landmark, source_face)
    assert made is not None
    blue = (np.abs(made[thing].astype(int) - [20, 90, 230]).max(axis=2) < 12).mean()
    assert blue > 0.85
    inner = outline(landmark[27:]).reshape(-1, 2)
    (left, top), (right, bottom) = inner.min(0), inner.max(0)
    assert (made != scene).any(axis=2)[top:bottom, left:right].mean() > 0.5


def test_a_face_without_a_thing_has_little_that_stays(two: Pixels, two_faces: Faces) -> None:
    for landmark in two_faces.landmark:
        mask = hull(landmark, two.shape)
        made = occluders(two, landmark, mask)
        assert made[mask > 0].mean() < 0.15
        assert not made[mask == 0].any()
        for x, y in landmark[36:].round().astype(int):
            assert not made[y, x]


def test_a_face_of_another_colour_throughout_is_no_thing(two: Pixels, two_faces: Faces) -> None:
    landmark = two_faces.landmark[0]
    mask = hull(landmark, two.shape)
    x = int(landmark[27:31, 0].mean())
    dark = two.copy()
    dark[:, :x] = dark[:, :x] // 8
    assert occluders(dark, landmark, mask)[mask > 0].mean() <= 0.15


def test_pose_is_of_the_head_and_not_of_the_picture(two_faces: Faces) -> None:
    landmark = two_faces.landmark.astype(float)
    pose = head_pose(landmark)
    a = np.deg2rad(33)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    np.testing.assert_allclose(head_pose(3 * landmark @ turn + 50), pose, atol=1e-6)
    mirrored = landmark[:, _MIRROR] * [-1, 1]
    np.testing.assert_allclose(head_pose(mirrored), pose * [-1, 1], atol=1e-6)
    aside = landmark.copy()
    aside[:, 27:36, 0] += 0.2 * np.ptp(landmark[0, :17, 0])
    assert (head_pose(aside)[:, 0] > pose[:, 0] + 0.3).all()


_MIRROR = np.array(
    [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ]
)


def test_a_face_in_its_place_is_better_than_a_cover_and_one_astray_is_not(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    box, landmark = two_faces.box[0], two_faces.landmark[0]
    made = paste(two, landmark, source_face)
    assert made is not None
    assert misplaced(two, box, landmark) < 0.01
    assert misplaced(made, box, landmark) < MOST_MISPLACED
    size = np.ptp(landmark, axis=0).max()
    assert misplaced(made, box, landmark + np.float32([0, 0.15 * size])) > MOST_MISPLACED
    assert not is_worse_than_a_cover(made, box, landmark, landmark)
    aside = landmark.copy()
    aside[27:36, 0] += 0.4 * np.ptp(landmark[:17, 0])
    assert is_worse_than_a_cover(made, box, landmark, aside)


def test_a_face_with_a_band_over_its_eyes_is_one_to_look_at(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    landmark = two_faces.landmark[0]
    made = paste(two, landmark, source_face)
    assert made is not None
    broken = made.copy()
    left, right = landmark[17:27, 0].min(), landmark[17:27, 0].max()
    top, bottom = landmark[17:27, 1].min(), landmark[36:48, 1].mean()
    band = broken[int(top) : int(bottom), int(left) : int(right)]
    band[:] = (0.4 * band + 0.6 * np.array([70, 50, 40])).astype(np.uint8)
    (before,), (after,) = unclear(made, landmark[None]), unclear(broken, landmark[None])
    assert before < MOST_UNCLEAR < after
    face = {"box": [100, 100, 200, 200], "outcome": "replaced"}
    assert face_doubts(face | {"unclear": before}, 400, 400) == []
    assert face_doubts(face | {"unclear": after}, 400, 400) == [LOOKS_DOUBTFUL]
    assert face_doubts(face | {"distance": 0.6}, 400, 400) == ["like an original"]
    assert face_doubts(face | {"outcome": "covered", "distance": 0.6, "reason": ""}, 400, 400) == []
    assert unclear(made, landmark[:0].reshape(0, 68, 2)).shape == (0,)
    assert np.isfinite(unclear(made, landmark[None] - 10_000)).all()
