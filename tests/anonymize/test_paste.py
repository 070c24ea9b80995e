"""Geometry and colour of a face that is put in, and the covers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS, around, head
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances, overlap
from anonfaces.anonymize.paste import SourceFace, fits, outline, paste, transform
from anonfaces.anonymize.sources.fresh import donors_of

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def source_face(analyzer: FaceAnalyzer, party) -> SourceFace:
    (made,) = donors_of([party(5, side=256, gap=0)], analyzer)
    return made


def turned(points: NDArray, degrees: float, scale: float = 1.0) -> NDArray:
    a = np.deg2rad(degrees)
    return scale * points @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


@pytest.mark.parametrize("degrees", [0, 20, -35, 90, 170])
@pytest.mark.parametrize("scale", [0.2, 1, 4])
def test_the_map_turns_and_scales_as_the_landmarks_do(
    two_faces: Faces, degrees: float, scale: float
) -> None:
    source = two_faces.landmark[0].astype(float)
    target = turned(source, degrees, scale) + np.array([30, -7])
    affine = transform(source, target)
    assert affine is not None
    np.testing.assert_allclose(source @ affine[:, :2].T + affine[:, 2], target, atol=1e-6 * 400)


@pytest.mark.parametrize("factors", [(-1, 1), (1, 0.2), (1, 0)])
def test_a_mirrored_or_flattened_face_has_no_map(
    two_faces: Faces, factors: tuple[float, float]
) -> None:
    source = two_faces.landmark[0].astype(float)
    assert transform(source, source * factors) is None


def test_nothing_outside_of_the_outline_changes(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    made = paste(two, two_faces.landmark[0], source_face)
    assert made is not None
    hull = outline(two_faces.landmark[0]).reshape(-1, 2)
    (left, top), (right, bottom) = hull.min(0) - 4, hull.max(0) + 5
    inside = np.zeros(two.shape[:2], bool)
    inside[top:bottom, left:right] = True
    np.testing.assert_array_equal(made[~inside], two[~inside])
    assert np.abs(made[inside].astype(int) - two[inside]).mean() > 3


def test_a_face_put_onto_itself_is_about_the_same(analyzer: FaceAnalyzer, two: Pixels) -> None:
    faces = analyzer.find(two)
    left = two[:, : two.shape[1] // 2]
    one = analyzer.find(left)
    itself = SourceFace(left, one.landmark[0])
    made = paste(left, one.landmark[0], itself)
    assert made is not None
    light, before = (
        cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY) for p in (made, left)
    )
    assert np.abs(light.astype(int) - before).mean() < 0.5
    assert np.abs(made.astype(int) - left).mean() < 3  # colours are muted on skin
    assert len(faces) == 2


def test_the_colour_is_that_of_the_face_before(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    blue = SourceFace(np.uint8(source_face.picture * [0.2, 0.4, 1.0]), source_face.landmark)
    made = paste(two, two_faces.landmark[0], blue)
    assert made is not None
    x, y = two_faces.landmark[0][27:36].mean(0).astype(int)
    patch = (slice(y - 12, y + 12), slice(x - 12, x + 12))
    before, after = two[patch].mean((0, 1)), made[patch].mean((0, 1))
    assert before[0] > before[2] + 30
    assert after[0] > after[2] + 10


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom", "corner"])
def test_a_face_that_the_border_cuts_is_replaced_up_to_the_border(
    two: Pixels, two_faces: Faces, source_face: SourceFace, side: str
) -> None:
    landmark = two_faces.landmark[0]
    x, y = (int(v) for v in landmark.mean(0))
    cuts = {
        "left": (slice(None), slice(x, None)),
        "right": (slice(None), slice(None, x)),
        "top": (slice(y, None), slice(None)),
        "bottom": (slice(None, y), slice(None)),
        "corner": (slice(y, None), slice(x, None)),
    }
    rows, columns = cuts[side]
    part = np.ascontiguousarray(two[rows, columns])
    made = paste(part, landmark - np.array([columns.start or 0, rows.start or 0]), source_face)
    assert made is not None
    assert made.shape == part.shape
    assert not np.array_equal(made, part)


def test_a_face_outside_of_the_picture_cannot_be_replaced(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    assert paste(two, two_faces.landmark[0] + np.array([5000, 0]), source_face) is None


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (np.zeros((68, 2)), "one point"),
        (np.full((68, 2), np.nan), "no numbers"),
        (np.stack([np.arange(68), np.zeros(68)], 1), "a line"),
        (np.random.default_rng(0).random((68, 2)) * 4, "smaller than can be replaced"),
    ],
)
def test_landmarks_that_are_no_face_do_not_fit(points: NDArray, why: str) -> None:
    assert not fits(points), why


@pytest.mark.parametrize("mode", COVERS)
def test_of_a_covered_face_little_is_left_whatever_its_size(
    two: Pixels, two_faces: Faces, mode: str
) -> None:
    made = two.copy()
    where = head(two_faces.box[0], two_faces.landmark[0], two)
    COVERS[mode](made, where)
    outside = np.ones(two.shape[:2], bool)
    outside[where.rows, where.columns] = ~where.inside
    np.testing.assert_array_equal(made[outside], two[outside])
    part = made[where.rows, where.columns].astype(int)
    colours = len(np.unique(part[where.inside], axis=0))
    assert colours <= {"solid": 1, "mosaic": 16}.get(mode, np.inf)
    if mode == "blur":  # a smooth surface through 16 colours: it has no fine detail at all
        fine = np.abs(np.diff(part, axis=1))[where.inside[:, 1:] & where.inside[:, :-1]]
        assert fine.max() <= 12


def test_a_wide_cover_holds_the_box_and_ends_at_the_border() -> None:
    image = np.zeros((100, 80, 3), np.uint8)
    box = np.array([-10, 20, 40, 70])
    landmark = np.tile(np.array([[60.0, 95.0]]), (68, 1))
    where = around(box, landmark, image)
    assert where.rows == slice(0, 100)
    assert where.columns.start == 0
    assert 70 <= where.columns.stop < 80
    COVERS["solid"](image, where)
    assert (image[20:70, :40] == 128).all()
    COVERS["blur"](image, around(box + 1000, landmark + 1000, image))
    assert set(np.unique(image)) == {0, 128}


def test_overlap_and_distances_of_nothing_and_of_something() -> None:
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [50, 50, 60, 60]])
    np.testing.assert_allclose(overlap(boxes, boxes)[0], [1, 1 / 3, 0])
    assert overlap(boxes[:0], boxes).shape == (0, 3)
    assert distances(np.ones((2, 128)), np.empty((0, 128))).min(axis=1, initial=np.inf).size == 2
    np.testing.assert_allclose(distances(np.zeros((1, 4)), np.ones((1, 4))), 2)
