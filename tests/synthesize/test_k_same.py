"""k-Same is the mean that its paper says, whatever the order and the size of the batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from few_steps import few_steps
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces import synthesize
from anonfaces.synthesize import SELF_CONTAINED, Members, Surrogate, load_surrogate, surrogates

MAY_WARN = pytest.mark.filterwarnings(  # what is made in few steps is not good
    "ignore:.*(after 3 rounds|--surrogate optimised):anonfaces.errors.PrivacyWarning"
)


@dataclass(frozen=True)
class Shelf:
    """Chips in memory that remember the largest request: the seam that a FaceSet fills."""

    pixels: NDArray[np.uint8]
    asked: list[int]

    @property
    def chip_size(self) -> int:
        return self.pixels.shape[1]

    @property
    def landmark(self) -> NDArray[np.float32]:
        """Points that depend on the pixels, as those of a face do."""
        chance = [np.random.default_rng(chip.ravel()) for chip in self.pixels]
        return np.stack([rng.random((68, 2), np.float32) for rng in chance]) * 4

    def chips(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        self.asked.append(len(rows))
        return self.pixels[rows]


def shelf(n: int, side: int = 4, seed: int = 0) -> Shelf:
    rng = np.random.default_rng(seed)
    return Shelf(rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8), [])


def test_the_mean_that_one_computes_by_hand() -> None:
    faces = Shelf(np.array([10, 20, 100], np.uint8).reshape(3, 1, 1, 1).repeat(3, axis=3), [])
    members = Members(faces, (np.array([0, 1]), np.array([2])))
    # The first person's mean is 15; (15 + 100) / 2 = 57.5, and half goes to the even level.
    assert load_surrogate("k-same")(members).tolist() == [[[58, 58, 58]]]


def test_a_person_with_many_faces_weighs_no_more_than_one_with_one() -> None:
    faces = Shelf(np.array([0] * 99 + [200], np.uint8).reshape(-1, 1, 1, 1).repeat(3, 3), [])
    ((_, face),) = surrogates(
        faces, np.zeros(100, np.int64), np.array(["a"] * 99 + ["b"]), load_surrogate("k-same")
    )
    assert face.ravel().tolist() == [100, 100, 100]


@MAY_WARN
@pytest.mark.parametrize("name", SELF_CONTAINED)
def test_every_method_ignores_the_order_of_the_rows(
    name: str, method: Callable[[str], Surrogate]
) -> None:
    faces, rng = shelf(36), np.random.default_rng(1)
    identity = np.array([f"person {i}" for i in rng.integers(0, 18, 36)])
    labels = np.array([int(who.split()[1]) % 3 for who in identity])
    order = rng.permutation(36)
    shuffled = Shelf(faces.pixels[order], [])
    with few_steps():
        straight = dict(surrogates(faces, labels, identity, method(name)))
        mixed = dict(surrogates(shuffled, labels[order], identity[order], method(name)))
    assert sorted(straight) == list(straight) == [0, 1, 2]
    for group, face in straight.items():
        assert face.dtype == np.uint8
        assert face.shape == (4, 4, 3)
        np.testing.assert_array_equal(face, mixed[group])


@MAY_WARN
@pytest.mark.parametrize("name", SELF_CONTAINED)
def test_every_method_uses_its_group_alone(name: str, method: Callable[[str], Surrogate]) -> None:
    faces, labels = shelf(20), np.repeat([0, 1], 10)
    identity = np.array([f"{i:02d}" for i in range(20)])
    other = Shelf(np.where(labels[:, None, None, None] == 0, faces.pixels, 255 - faces.pixels), [])
    with few_steps():
        before = dict(surrogates(faces, labels, identity, method(name)))
        after = dict(surrogates(other, labels, identity, method(name)))
    np.testing.assert_array_equal(before[0], after[0])
    assert (before[1] != after[1]).any()


def test_each_face_goes_to_its_own_group() -> None:
    labels = np.array([2, 0, 2, 0])
    faces = Shelf(labels.astype(np.uint8).reshape(-1, 1, 1, 1).repeat(3, 3), [])
    made = surrogates(faces, labels, np.array(["a", "b", "c", "b"]), load_surrogate("k-same"))
    assert [(group, int(face.max())) for group, face in made] == [(0, 0), (2, 2)]


def test_memory_is_bounded_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    faces, labels = shelf(50), np.zeros(50, np.int64)
    identity = np.array(["prolific"] * 45 + ["other"] * 5)
    ((_, whole),) = surrogates(faces, labels, identity, load_surrogate("k-same"))
    assert max(faces.asked) == 45
    faces.asked.clear()
    monkeypatch.setattr(synthesize, "BATCH_BYTES", 7 * 3 * 4**2)
    ((_, batched),) = surrogates(faces, labels, identity, load_surrogate("k-same"))
    assert max(faces.asked) == 7
    np.testing.assert_array_equal(whole, batched)


def test_no_faces_no_surrogates() -> None:
    assert not list(
        surrogates(shelf(0), np.zeros(0, np.int64), np.array([], str), load_surrogate("k-same"))
    )


def test_an_unknown_method_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no surrogate method 'blur'.*k-same"):
        load_surrogate("blur")


@pytest.mark.parametrize("name", ["k-same", "k-same-m"])
def test_names_and_what_is_around_a_face_change_nothing(name: str) -> None:
    from anonfaces.synthesize.surroundings import face_mask

    faces, rng = shelf(7, side=64), np.random.default_rng(5)
    labels, method = np.zeros(7, np.int64), load_surrogate(name)
    names = np.array([f"{i}" for i in range(7)])
    ((_, first),) = surrogates(faces, labels, names, method)
    ((_, renamed),) = surrogates(faces, labels, rng.permutation(names), method)
    np.testing.assert_array_equal(first, renamed)
    around = face_mask(64) == 0
    assert 0.2 < around.mean() < 0.9
    assert (first[around] == 128).all()
