"""Whose face a face gets when it is drawn anew: one who suits, and whom nothing tore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from anonbase.keras_backend import load_engine
from anonfaces.anonymize.detection import FaceAnalyzer
from anonfaces.anonymize.looks import looks_of
from anonfaces.anonymize.sources.suitable import best_first, misfit
from anonfaces.semantic.identities import Nobodies
from encoders.attributes.from_vector import female, skin_lightness

load_engine()

from anonfaces.semantic.redraw import RedrawnFace  # noqa: E402

SIDE = 256


class Given:
    """Gives pictures that there are instead of drawing them, and remembers w."""

    def __init__(self, made: list[RedrawnFace]) -> None:
        self.made, self.asked = made, np.empty(0)

    def faces(self, image: np.ndarray, landmark: np.ndarray, w: np.ndarray) -> list[RedrawnFace]:
        self.asked = w
        return [self.made[i] for i in w[:, 1].round().astype(int)]


@pytest.fixture(scope="module")
def seen(portraits: list[Path]) -> list[RedrawnFace]:
    """Portraits with their landmarks."""
    pictures = [cv2.imread(str(path))[..., ::-1] for path in portraits[:16]]
    large = [cv2.resize(p, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for p in pictures]
    found = FaceAnalyzer().portraits(large)
    return [RedrawnFace(picture, faces.landmark[0]) for picture, faces in found]


def people(count: int, looks: np.ndarray | None = None) -> Nobodies:
    w = np.column_stack([np.zeros(count), np.arange(count)]).astype(np.float32)
    some = np.tile(np.array([3, 0.5], np.float32), (count, 1)) if looks is None else looks
    vectors = np.zeros((count, 128), np.float32)
    pictures = np.zeros((count, 8, 8, 3), np.uint8)
    return Nobodies(vectors, w, pictures, some, np.array([1, 0], np.float32))


def slope(told: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """How what is told from a vector grows along each of its numbers, as a vector of length 1."""
    middle = np.zeros((1, 128), np.float32)
    found = told(0.01 * np.eye(128, dtype=np.float32)) - told(middle)
    return found / np.linalg.norm(found)


def test_age_gender_and_skin_that_differ_suit_badly() -> None:
    ways = [slope(skin_lightness), slope(female)]
    ways[0] = ways[0] - (ways[0] @ ways[1]) * ways[1]
    vectors = np.zeros((4, 128), np.float32)
    vectors[2] = ways[1]
    vectors[3] = ways[0]
    assert abs(np.ptp(skin_lightness(vectors[[0, 3]]))) > 10
    assert np.ptp(female(vectors[[0, 2]])) > 0.3
    ages = np.array([[3, 0.5], [6, 0.5], [3, 0.5], [3, 0.5]], np.float32)
    given = people(4, ages)
    looks = np.array([3, female(vectors[:1])[0]], np.float32)
    known = Nobodies(vectors, given.w, given.picture, ages, given.year)
    off = misfit(known, looks, vectors[0])
    assert off[0] == 0
    assert (off[1:] >= 2).all()


def test_of_eight_the_one_of_the_age_and_gender_that_is_seen_comes_first(
    seen: list[RedrawnFace],
) -> None:
    looks = looks_of([(one.picture, one.landmark) for one in seen[:9]])
    own, made = seen[0], seen[1:9]
    redraw = Given(made)
    order, off = np.arange(8), np.zeros(8, np.int64)
    found = list(best_first(redraw, own.picture, own.landmark, looks[0], people(8), order, off))  # type: ignore[arg-type]
    away = np.abs(looks[1:] - looks[0]) @ np.array([0.02, 0.2])
    assert sorted(who for who, _, _ in found) == list(range(8))
    first = [who for who, _, _ in found]
    assert away[first[:3]].mean() < away[first[-3:]].mean()
    assert found[0][2] is made[first[0]]
    off[first[0]] = 1000
    again = best_first(redraw, own.picture, own.landmark, looks[0], people(8), order, off)  # type: ignore[arg-type]
    assert [who for who, _, _ in again] == [*first[1:], first[0]]


def test_whoever_looks_old_is_drawn_older_and_nobody_else(seen: list[RedrawnFace]) -> None:
    def added(years: float) -> float:
        redraw, own = Given(seen), seen[0]
        looks = np.array([years / 10, 0.5], np.float32)
        order, off = np.arange(3), np.zeros(3, np.int64)
        found = best_first(
            redraw,  # type: ignore[arg-type]
            *(own.picture, own.landmark, looks, people(3), order, off),
        )
        _, w, _ = next(found)
        assert (redraw.asked[:, 0] == w[0]).all()
        return float(w[0])

    assert added(25) == 0
    assert added(60) == pytest.approx(0.7 * 20)
    assert added(110) == pytest.approx(0.7 * 40)
