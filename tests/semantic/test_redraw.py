"""Faces drawn anew: crops and maps agree, gray stays gray, nobody real is a target."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import WeightsError
from anonbase.keras_backend import load_engine
from anonfaces.semantic.data import Batches, TrainingFaces, is_set_aside
from anonfaces.semantic.frame import framed, framed_landmarks
from anonfaces.semantic.identities import Nobodies

load_engine()

from anonfaces.semantic.redraw import FaceRedrawer  # noqa: E402
from anonfaces.semantic.weights import load_generator, mix_generators, save_generator  # noqa: E402
from stylegan.networks.config import GeneratorConfig  # noqa: E402
from stylegan.semantic.config import SemanticConfig  # noqa: E402
from stylegan.semantic.generator import SemanticGenerator  # noqa: E402

DECODER = GeneratorConfig(channels=(8, 8, 8, 8), z_dim=4, w_dim=4, mapping_layers=1)
TINY = SemanticConfig(DECODER, hidden=(8, 8, 6, 4))


def landmarks(side: float) -> np.ndarray:
    """Points of an upright face: eyes, mouth, and a jaw around them."""
    points = np.tile(np.array([0.5, 0.55], np.float32), (68, 1))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.column_stack([0.5 + 0.22 * np.cos(angle), 0.5 + 0.3 * np.sin(angle)])
    points[17:22] = np.column_stack([np.linspace(0.34, 0.46, 5), np.full(5, 0.42)])
    points[22:27] = np.column_stack([np.linspace(0.54, 0.66, 5), np.full(5, 0.42)])
    points[36:42] = np.array([0.4, 0.48]) + 0.02 * np.random.default_rng(0).random((6, 2))
    points[42:48] = np.array([0.6, 0.48]) + 0.02 * np.random.default_rng(1).random((6, 2))
    points[48:68, 0] = 0.5 + 0.08 * np.cos(np.linspace(np.pi, 3 * np.pi, 20))
    points[48:68, 1] = 0.68 + 0.02 * np.sin(np.linspace(np.pi, 3 * np.pi, 20))
    return points * side


@pytest.fixture(scope="module")
def redraw() -> FaceRedrawer:
    return FaceRedrawer(SemanticGenerator(TINY, seed=1))


def test_a_point_of_the_photograph_lies_in_the_crop_where_the_landmarks_say() -> None:
    image = np.full((300, 300, 3), 40, np.uint8)
    points = landmarks(300)
    x, y = np.rint(points[30]).astype(int)
    image[y - 2 : y + 3, x - 2 : x + 3] = 255
    crop = framed(image, points, 64)[..., 0].astype(float) - 40
    rows, columns = np.indices(crop.shape)
    seen = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum()
    there = framed_landmarks(np.array([x, y], np.float32) + 0 * points, 64)[0]
    turned = framed_landmarks(points, 64)[30]
    assert np.abs(seen - turned).max() < 0.3
    assert there.shape == (2,)


def test_a_picture_without_color_gets_a_face_without_color(redraw: FaceRedrawer) -> None:
    rng = np.random.default_rng(0)
    gray = np.repeat(rng.integers(60, 200, (200, 200, 1), np.uint8), 3, axis=2)
    color = gray.copy()
    color[..., 0] //= 2
    w = np.ones(4, np.float32)
    made = redraw.face(gray, landmarks(200), w).picture
    assert (made.max(axis=-1) - made.min(axis=-1) == 0).all()
    made = redraw.face(color, landmarks(200), w).picture
    assert (made.max(axis=-1) != made.min(axis=-1)).any()


def test_a_face_does_not_depend_on_the_others_in_the_call(redraw: FaceRedrawer) -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (11, 32, 32, 3), np.uint8)
    labels = rng.integers(0, 10, (11, 64, 64)).astype(np.uint8)
    w = rng.standard_normal((11, 4)).astype(np.float32)
    whole = redraw.crops(crops, labels, w)
    some = redraw.crops(crops[9:], labels[9:], w[9:])
    np.testing.assert_array_equal(whole[9:], some)
    assert len(redraw.crops(crops[:0], labels[:0], w[:0])) == 0


def test_weights_come_back_and_other_files_are_refused(tmp_path: Path) -> None:
    network = SemanticGenerator(TINY, seed=2)
    save_generator(tmp_path / "semantic.h5", TINY, network.values(), faces=3)
    again = load_generator(tmp_path)
    assert again.config == TINY
    for name, values in network.values().items():
        np.testing.assert_allclose(again.values()[name], values, rtol=2e-3, atol=1e-3)
    (tmp_path / "other.h5").write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        load_generator(tmp_path / "other.h5")
    with pytest.raises(WeightsError, match=r"anonfaces\.semantic train"):
        load_generator(tmp_path / "missing.h5")


def test_weights_are_mixed_by_a_share_and_others_refused(tmp_path: Path) -> None:
    ends = [SemanticGenerator(TINY, seed=seed) for seed in (2, 3)]
    for name, network in zip("ab", ends, strict=True):
        save_generator(tmp_path / f"{name}.h5", TINY, network.values())
    mix_generators(tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "c.h5", 0.25)
    found = load_generator(tmp_path / "c.h5").values()
    one, other = (network.values() for network in ends)
    for name, values in found.items():
        np.testing.assert_allclose(values, 0.75 * one[name] + 0.25 * other[name], atol=2e-3)
    wider = replace(TINY, hidden=tuple(2 * n for n in TINY.hidden))
    save_generator(tmp_path / "d.h5", wider, SemanticGenerator(wider, seed=0).values())
    with pytest.raises(WeightsError, match=r"d\.h5: of another size"):
        mix_generators(tmp_path / "a.h5", tmp_path / "d.h5", tmp_path / "e.h5", 0.5)
    assert not (tmp_path / "e.h5").exists()


def test_a_person_is_set_aside_whole() -> None:
    names = [f"person_{i:03d}/{j}.jpg" for i in range(300) for j in range(2)]
    aside = np.array([is_set_aside(name) for name in names]).reshape(-1, 2)
    assert (aside[:, 0] == aside[:, 1]).all()
    assert 10 < aside[:, 0].sum() < 60


def test_half_of_a_batch_is_drawn_as_itself() -> None:
    rng = np.random.default_rng(0)
    faces = TrainingFaces(
        picture=rng.integers(0, 255, (12, 32, 32, 3), np.uint8),
        labels=rng.integers(0, 10, (12, 64, 64)).astype(np.uint8),
        vector=rng.standard_normal((12, 128)).astype(np.float32),
        person=np.array([0, 0, 1, 1, 2, 2, -1, -1, -1, 3, 4, 5]),
        looks=np.column_stack([rng.uniform(20, 70, 12), np.arange(12) % 2]).astype(np.float32),
    )
    stranger = Nobodies(
        np.full((1, 128), 9, np.float32), np.zeros((1, 4), np.float32),
        np.zeros((1, 8, 8, 3), np.uint8), np.array([[3.0, 1.0]], np.float32),
        np.zeros(4, np.float32),
    )  # fmt: skip
    batch = Batches(faces, 8, 32, stranger, lambda v: v[:, :4])(rng)
    of = {tuple(v): p if p >= 0 else 100 + i
          for i, (v, p) in enumerate(zip(faces.vector, faces.person, strict=True))}  # fmt: skip
    own, target = ([of.get(tuple(v), -9) for v in part] for part in (batch.own, batch.target))
    assert own[:4] == target[:4]
    assert own[4:] != target[4:]
    np.testing.assert_array_equal(batch.identity, batch.target[:, :4])
    left, right = ([of[tuple(v)] for v in part] for part in (batch.left, batch.right))
    assert [a == b for a, b in zip(left, right, strict=True)] == list(batch.same > 0)
    assert batch.same.sum() >= 8
    np.testing.assert_allclose(batch.maps.sum(axis=-1), 1)
    looks = {tuple(v): look for v, look in zip(faces.vector, faces.looks, strict=True)}
    looks[tuple(stranger.vector[0])] = np.array([30.0, 1.0])
    for look, vector in zip(batch.looks[4:], batch.target[4:], strict=True):
        np.testing.assert_allclose(look, looks[tuple(vector)] / [50, 1], rtol=1e-5)


def test_who_is_drawn_is_mostly_of_the_gender_that_is_seen() -> None:
    rng = np.random.default_rng(0)
    female = np.arange(40) % 2
    faces = TrainingFaces(
        picture=np.zeros((40, 32, 32, 3), np.uint8), labels=np.zeros((40, 64, 64), np.uint8),
        vector=np.column_stack([female, np.zeros((40, 127))]).astype(np.float32),
        person=np.arange(40), looks=np.column_stack([np.full(40, 40.0), female]).astype(np.float32),
    )  # fmt: skip
    nobody = Nobodies(
        faces.vector,
        np.zeros((40, 4), np.float32),
        faces.picture,
        faces.looks * [0.1, 1.0],
        np.zeros(4, np.float32),
    )
    batches = Batches(faces, 8, 32, nobody, lambda v: v[:, :4])
    drawn = [batches(rng) for _ in range(60)]
    same = np.concatenate([b.own[4:, 0] == b.target[4:, 0] for b in drawn])
    assert 0.75 < same.mean() < 0.95


def test_a_man_among_men_is_drawn_as_a_man(monkeypatch: pytest.MonkeyPatch) -> None:
    """Men lie nearer to men: whom only women are far enough from would be drawn as a woman."""
    from anonfaces.anonymize.detection import Faces
    from anonfaces.anonymize.sources import semantic
    from anonfaces.anonymize.sources.suitable import misfit

    def at(*places: tuple[float, float]) -> np.ndarray:
        vectors = np.zeros((len(places), 128), np.float32)
        vectors[:, :2] = places
        return vectors

    source, others = at((0, 0)), at((1.5, 0), (1.55, 0))
    # a man who is too like the source, one 0.7 from a man beside it, and a woman far from all
    people = Nobodies(
        at((0.7, 0), (0.8, 0.01), (0, 3)), np.arange(12, dtype=np.float32).reshape(3, 4),
        np.zeros((3, 8, 8, 3), np.uint8),
        np.array([[4, 0.02], [4, 0.03], [4, 0.98]], np.float32), np.zeros(4, np.float32),
    )  # fmt: skip
    monkeypatch.setattr("anonfaces.semantic.nobodies", lambda *_: people)
    monkeypatch.setattr("anonfaces.semantic.load_redrawer", lambda *_: None)
    everyone = np.concatenate([source, others])
    drawn = semantic.RedrawnFaces(None, everyone, 0)  # type: ignore[arg-type]
    faces = Faces(np.zeros((3, 4), np.int32), np.zeros((3, 68, 2), np.float32), everyone, ("hog",))
    off = misfit(people, np.array([4, 0.01], np.float32), source[0])
    order = drawn._order(off, faces, 0, np.random.default_rng(0), set())
    assert list(order) == [1, 2]
