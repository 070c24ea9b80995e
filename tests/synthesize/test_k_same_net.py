"""k-Same-Net mixes as many of the gallery as the group has people, those who resemble it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import InputError, WeightsError
from anonfaces.synthesize.k_same import mixture
from anonfaces.synthesize.k_same.mixture import Mixture, build, expression_of, load_mixture, named

GALLERY, WIDTH = 12, 5


@pytest.fixture(scope="module")
def small() -> Mixture:
    """A gallery of 12 and a network that nobody has trained."""
    rng = np.random.default_rng(0)
    network = build(np.zeros((64, 64, 3)), GALLERY, WIDTH)
    layers = {
        named(v.path): rng.normal(0, 0.2, v.shape).astype(np.float32) for v in network.weights
    }
    vector = rng.normal(size=(GALLERY, 128)).astype(np.float32)
    one = np.ones(6, np.float32)
    return Mixture(
        vector=vector,
        expression_mean=0 * one,
        expression_scale=one,
        mean_face=np.zeros((64, 64, 3), np.float32),
        layers=layers,
    )


def test_each_picture_is_as_if_drawn_alone(small: Mixture) -> None:
    rng = np.random.default_rng(1)
    shares, expression = rng.dirichlet(np.ones(GALLERY), 70), rng.normal(size=(70, 6))
    together = small.pictures(shares, expression)
    assert together.shape == (70, 64, 64, 3)
    for i in (0, 63, 64, 69):
        alone = small.pictures(shares[i : i + 1], expression[i : i + 1])[0]
        np.testing.assert_array_equal(together[i], alone)
    assert small.pictures(shares[:0], expression[:0]).shape == (0, 64, 64, 3)


def test_identity_and_expression_both_change_the_picture(small: Mixture) -> None:
    shares, still = np.eye(GALLERY)[:2], np.zeros((2, 6))
    one, other = small.pictures(shares, still)
    assert (one != other).any()
    smiling = small.pictures(shares, still + 2 * np.eye(6)[2])
    assert (smiling[0] != one).any()
    # beyond three deviations an expression is no face's
    np.testing.assert_array_equal(
        small.pictures(shares, still + 3), small.pictures(shares, still + 9)
    )


def test_expressions_are_told_from_landmarks() -> None:
    from anonfaces.synthesize.k_same.appearance_model import load_appearance

    shape = load_appearance().mean_shape
    still = expression_of(shape[None])[0]
    for number, points, move in [
        (0, [66], [0, 0.02]),  # the lower lip down: the mouth opens
        (1, [54], [0.02, 0]),
        (2, [48, 54], [0, -0.02]),  # corners up
        (3, range(17, 27), [0, -0.02]),  # brows up
        (5, [30], [0.02, 0]),  # the nose to one side
    ]:
        moved = shape.copy()
        moved[list(points)] += move
        change = expression_of(moved[None])[0] - still
        assert change[number] > 0.015
        assert np.abs(np.delete(change, number)).max() < 0.015


def test_as_many_of_the_gallery_as_the_group_has_people(small: Mixture) -> None:
    from anonfaces.synthesize.k_same.net import KSameNet

    method = KSameNet(small)
    mean = small.vector[[3, 7]].mean(axis=0, keepdims=True).astype(float)
    shares = method._shares(np.concatenate([mean, mean, mean]), np.array([2, 5, 40]))
    assert np.flatnonzero(shares[0]).tolist() == [3, 7]
    assert (shares > 0).sum(axis=1).tolist() == [2, 5, GALLERY]
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    assert [np.unique(row[row > 0]).size for row in shares] == [1, 1, 1]


def test_the_network_that_ships_draws_its_gallery_apart() -> None:
    shipped = load_mixture()
    some = np.eye(len(shipped.vector))[::100]
    still = np.broadcast_to(shipped.expression_mean, (len(some), 6))
    faces = shipped.pictures(some, still).astype(float)
    between = np.abs(faces[:, None] - faces[None]).mean(axis=(2, 3, 4))
    assert between[~np.eye(len(some), dtype=bool)].min() > 3
    assert 60 < faces.mean() < 190


def test_weights_that_are_missing_or_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from encoders.weights_file import write

    monkeypatch.setattr(mixture, "SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match=r"missing.*mixture_training"):
        load_mixture()
    write(tmp_path / mixture.NAME, mixture.KIND, {}, {"vector": np.zeros((2, 128))})
    with pytest.raises(WeightsError, match="holds no"):
        load_mixture()
    names = ("expression_mean", "expression_scale", "mean_face", "base", "start_kernel")
    odd = dict.fromkeys((*names, "colour_bias"), np.zeros(3))
    odd |= {"vector": np.zeros((2, 128)), "identity": np.zeros((3, 4))}
    write(tmp_path / mixture.NAME, mixture.KIND, {}, odd)
    with pytest.raises(WeightsError, match="as many vectors"):
        load_mixture()


def test_it_is_trained_on_faces_of_others(
    everybody: list[list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonfaces.synthesize.k_same import mixture_training
    from encoders import encode

    for pictures in everybody[:6]:
        person = tmp_path / "photos" / pictures[0].parent.name
        person.mkdir(parents=True)
        for picture in pictures[:2]:
            (person / picture.name).write_bytes(picture.read_bytes())
    faces = encode(tmp_path / "photos", tmp_path / "faces.h5", chip_size=64, jobs=1)
    with pytest.raises(InputError, match="at least 200"):
        mixture_training.train(tmp_path / "faces.h5")
    for name, value in (("_FEWEST", 6), ("_WIDTH", 4)):
        monkeypatch.setattr(mixture_training, name, value)
    mixture_training.train(tmp_path / "faces.h5", tmp_path / "net", identities=6, steps=2)
    monkeypatch.setattr(mixture, "SHIPPED", tmp_path / "net")
    made = load_mixture()
    assert made.vector.shape == (6, 128)
    best = [faces.quality[faces.identity == who].max() for who in np.unique(faces.identity)]
    chosen = mixture_training._chosen(faces, 6, 0)
    np.testing.assert_array_equal(np.sort(faces.quality[chosen]), np.sort(best))
    assert made.pictures(np.eye(6), np.zeros((6, 6))).std() > 0
