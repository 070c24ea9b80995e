"""A face that was put in: no edge, no forehead of its own, the light of the one before."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.paste import SourceFace, _bend, outline, paste
from anonfaces.anonymize.sources.fresh import _Misfit, donors_of

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def source_face(analyzer: FaceAnalyzer, party) -> SourceFace:
    (made,) = donors_of([party(5, side=256, gap=0)], analyzer)
    return made


def hull_of(landmark: NDArray, shape: tuple[int, ...]) -> Pixels:
    return cv2.fillConvexPoly(np.zeros(shape[:2], np.uint8), outline(landmark), 1)


def put(scene: Pixels, landmark: NDArray, source_face: SourceFace) -> Pixels:
    made = paste(scene, landmark, source_face)
    assert made is not None
    return made


def test_the_forehead_and_the_hair_stay(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    landmark = two_faces.landmark[0]
    made = put(two, landmark, source_face)
    brows, nose = landmark[17:27, 1], landmark[33, 1]
    above = int(brows.min() - 0.3 * (nose - brows.mean())) - 4
    assert above > 10
    np.testing.assert_array_equal(made[:above], two[:above])


@pytest.mark.parametrize("gain", [0.7, 1.3])
def test_a_donor_of_another_light_leaves_no_edge(
    gain: float, two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    landmark = two_faces.landmark[0]
    plain = put(two, landmark, source_face).astype(int)
    other = SourceFace(np.uint8(np.clip(source_face.picture * gain, 0, 255)), source_face.landmark)
    made = put(two, landmark, other).astype(int)
    changed = np.uint8((made != two).any(axis=2))
    rim = changed - cv2.erode(changed, np.ones((5, 5), np.uint8))
    off = np.abs(made - two).mean(axis=2)
    inside = hull_of(landmark, two.shape) > 0
    assert off[rim > 0].mean() < 3
    assert off[inside].mean() > 4
    assert np.abs(made - plain)[inside].mean() < 8


def test_a_face_lit_from_one_side_stays_lit_from_there(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    landmark = two_faces.landmark[0]
    x = landmark[27:31, 0].mean()
    ramp = np.interp(np.arange(two.shape[1]), [x - 60, x + 60], [0.4, 1.0])
    scene = np.uint8(two * ramp[None, :, None])
    made = put(scene, landmark, source_face)
    cheeks = [landmark[[side, 31 if side < 8 else 35]].mean(0).astype(int) for side in (3, 13)]
    left, right = ([p[c[1] - 8 : c[1] + 8, c[0] - 8 : c[0] + 8].mean() for p in (scene, made)]
                   for c in cheeks)  # fmt: skip
    assert left[0] / right[0] < 0.75
    assert left[1] / right[1] == pytest.approx(left[0] / right[0], abs=0.12)


def test_the_jaw_is_bent_and_what_is_far_from_it_is_not() -> None:
    points = np.stack([np.linspace(50, 150, 17), np.full(17, 150.0)], axis=1)
    field = _bend(points, np.tile([[6.0, -4.0]], (17, 1)), (300, 200), 12.0)
    assert field.shape == (300, 200, 2)
    np.testing.assert_allclose(field[150, 100], [6, -4], atol=1)
    assert np.abs(field[:80]).max() < 0.1


@pytest.mark.parametrize("scale", [0.15, 0.5, 3.0])
def test_faces_of_any_size_are_replaced_softly(
    scale: float, two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    size = round(two.shape[1] * scale), round(two.shape[0] * scale)
    scene = cv2.resize(two, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    landmark = (two_faces.landmark[0] + 0.5) * scale - 0.5
    made = put(scene, landmark, source_face)
    inside = hull_of(landmark, scene.shape)
    off = np.abs(made.astype(int) - scene).mean(axis=2)
    grown = cv2.dilate(inside, np.ones((2 * round(6 * scale) + 5,) * 2, np.uint8))
    assert not off[grown == 0].any()
    assert off[inside > 0].mean() > 3


def test_of_donors_who_lie_alike_the_one_of_the_same_lightness_fits_best(
    two: Pixels, two_faces: Faces, source_face: SourceFace
) -> None:
    gains = (0.3, 0.55, 0.8, 1.0)
    source_faces = [
        SourceFace(np.uint8(source_face.picture * gain), source_face.landmark) for gain in gains
    ]
    light = two.copy()
    light[hull_of(two_faces.landmark[0], two.shape) > 0] = 250
    dark = np.uint8(light * 0.1)
    fits = [_Misfit(scene, two_faces.landmark[0]) for scene in (light, dark)]
    assert min(source_faces, key=fits[0]) is source_faces[-1]
    assert min(source_faces, key=fits[1]) is source_faces[0]
    outside = _Misfit(two, two_faces.landmark[0] + 5000)
    assert outside(source_faces[0]) < 10
