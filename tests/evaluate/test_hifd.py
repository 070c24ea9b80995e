"""HiFD's composite and agreements on cases whose answers are known; the layout of its file."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from anonfaces.evaluate import FaceGeometry
from anonfaces.evaluate.hifd import (
    FIELDS,
    PROFILES,
    _composed,
    _privacy,
    agreement_of_landmarks,
    hifd,
    hifd_json,
)


@pytest.mark.parametrize(
    ("row", "published"),
    [  # P, Q, U1, U2, U3 and HiFD of the authors' table, Balanced
        ((0.134, 0.360, 0.933, 0.868, 0.474), 0.343),
        ((0.496, 0.446, 0.834, 0.878, 0.624), 0.610),
        ((0.012, 0.524, 0.962, 0.941, 0.931), 0.056),
        ((0.450, 0.276, 0.540, 0.660, 0.247), 0.377),
    ],
)
def test_the_composite_is_that_of_the_authors_table(row: tuple, published: float) -> None:
    parts = dict(zip(("P", "Q", "U1", "U2", "U3"), row, strict=True))
    assert hifd(parts, PROFILES["Balanced"]) == pytest.approx(published, abs=0.003)


def test_what_was_not_measured_is_null_and_left_out() -> None:
    scores = _composed({"privacy": 0.5, "age": 0.9, "gender": 0.7})
    assert scores["U1"] == pytest.approx(0.8)
    assert scores["quality"] is None
    assert scores["HiFD_Balanced"] == pytest.approx(2 / (1 / 0.5 + 1 / 0.8), abs=1e-4)
    assert set(scores) == {*FIELDS, *(f"HiFD_{name}" for name in PROFILES)}
    assert json.loads(hifd_json({"stylegan": scores}))["stylegan"] == scores
    assert hifd({"P": None}, PROFILES["Balanced"]) == 0


def test_a_surrogate_without_a_face_is_no_privacy() -> None:
    people = np.array([[1.0, 0], [0, 1], [-1, 0]])
    seen = np.array([[1.0, 0], [np.nan, np.nan]])
    subject = SimpleNamespace(faces=None, labels=np.array([0, 1, 0]), vectors=lambda judge: seen)
    judge = SimpleNamespace(of_faces=lambda faces: people)
    assert _privacy(subject, judge).tolist() == [0, 0, 1]  # type: ignore[arg-type]


def test_landmarks_agree_up_to_a_tenth_of_the_distance_of_the_eyes() -> None:
    point = np.zeros((4, 68, 2))
    point[:, 36:42, 0], point[:, 42:48, 0] = -50, 50
    box = np.tile([0.0, 0, 9, 9], (4, 1))
    before = FaceGeometry(detector="dlib", box=box.copy(), landmark=point.copy())
    before.box[3], before.landmark[3] = np.nan, np.nan
    after = FaceGeometry(detector="dlib", box=box, landmark=point + np.array([0, 5.0]))
    after.box[1], after.landmark[1] = np.nan, np.nan
    after.landmark[2, :, 1] += 50
    assert agreement_of_landmarks(before, after) == pytest.approx((0.5 + 0 + 0) / 3)
