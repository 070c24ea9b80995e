"""The optimised surrogate: nobody stands out, the group's traits stay, and failure is said."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.errors import PrivacyWarning
from anonfaces.dataset.workplace import LEDGER
from anonfaces.synthesize import Members, SurrogateOptions, member_distances, surrogates
from anonfaces.synthesize.gallery import write_surrogates
from anonfaces.synthesize.generator import optimized
from anonfaces.synthesize.generator.latents import GroupLatents, people_of
from anonfaces.synthesize.generator.optimized import STARTS, THRESHOLD, TOLERANCE, Optimized
from anonfaces.synthesize.generator.traits import TargetTraits, Traits, attribute_loss, color_loss
from encoders.attributes import load_attributes
from encoders.faceset import FaceSet

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def samples(ours: Optimized) -> Pixels:
    """Pictures of the generator's own."""
    w = ours.generator.map(ours.generator.latents(range(12)), psi=0.9)
    return ours.generator.pictures(w)


def group_of(looks: list[list[float]]) -> GroupLatents:
    color = np.zeros((len(looks), 3), np.float32)
    latent = np.zeros((len(looks), 1, 1), np.float32)
    return GroupLatents(
        latent=latent, key=b"", vectors=(), color=color, looks=np.array(looks, np.float32)
    )


@pytest.mark.parametrize(
    ("looks", "median"),
    [
        ([[30, 2.0], [32, 1.0], [80, -9.0]], [32, 1.0]),  # one who is far off does not count
        ([[30, 2.0], [40, -1.0]], [35, 0.5]),
        ([[7, -3.0]], [7, -3.0]),
    ],
)
def test_medians_are_wanted(looks: list[list[float]], median: list[float]) -> None:
    wanted = TargetTraits.of([group_of(looks)], 2)
    np.testing.assert_allclose(wanted.looks, np.array([median, [0.0, 0.0]]), atol=1e-6)
    assert wanted.color.shape == (2, 3)


@pytest.mark.parametrize(
    ("looks", "wanted", "cost"),
    [
        ([40, 2.0], [42, 1.0], 0.0),  # within three years, and clearer than need be
        ([40, 2.0], [53, 2.0], 1.0),
        ([40, -2.0], [40, 1.0], 1.0),
        ([40, 1.0], [40, -2.0], 1.0),
        ([40, 5.0], [40, 0.0], 0.0),  # as many of one as of the other: either will do
        ([40, -5.0], [40, 9.0], (8 / 3) ** 2),
    ],
)
def test_what_other_looks_cost(looks: list[float], wanted: list[float], cost: float) -> None:
    found = attribute_loss(*(np.array([pair], np.float32) for pair in (looks, wanted)))
    np.testing.assert_allclose(found, [cost], atol=1e-5)


def test_colours_cost_by_their_square() -> None:
    dark, light = np.zeros((1, 3), np.float32), np.full((1, 3), 0.5, np.float32)
    np.testing.assert_allclose(color_loss(dark, light), [0.75])


def test_looks_in_the_gradient_are_those_of_the_attribute_network(
    ours: Optimized, samples: Pixels
) -> None:
    traits = Traits(ours.invert.framing, samples.shape[1])
    seen = np.asarray(traits.looks(samples.astype(np.float32) / 127.5 - 1))
    known = load_attributes()(samples, ours.invert.framing)
    assert np.corrcoef(seen[:, 0], known["age"])[0, 1] > 0.95
    assert np.abs(1 / (1 + np.exp(-seen[:, 1])) - known["female"]).mean() < 0.1


class ChipsInMemory:
    """Chips that lie in no file."""

    chip_size = 256
    landmark = np.empty((0, 68, 2), np.float32)

    def __init__(self, whole: Pixels) -> None:
        self._whole = whole

    def chips(self, rows: NDArray[np.int64]) -> Pixels:
        return self._whole[rows]


def test_colours_in_the_gradient_are_those_of_chips(ours: Optimized, samples: Pixels) -> None:
    framing = ours.invert.framing
    chips = ChipsInMemory(framing.to_ffhq(samples, 256))
    alone = [Members(chips, (np.array([i]),)) for i in range(len(samples))]
    known = np.concatenate([p.color for p in people_of(alone, ours.invert, ["color"])])
    traits = Traits(framing, samples.shape[1])
    seen = np.asarray(traits.color(samples.astype(np.float32) / 127.5 - 1))
    assert np.abs(seen - known).max() < 0.1
    assert np.abs(seen - known).mean() < 0.02


def seen_of(ours: Optimized, groups: list[GroupLatents]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Looks (g, 2) and colour (g, 3) of what is made of groups."""
    images = ours.draw(ours.place(groups)).astype(np.float32) / 127.5 - 1
    traits = Traits(ours.invert.framing, images.shape[1])
    return np.asarray(traits.looks(images)), np.asarray(traits.color(images))


LOOKS = [(0, 25.0, 45.0), (1, -2.0, 2.0)]


@pytest.fixture(scope="module")
def followed(
    ours: Optimized, people: list[GroupLatents]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Looks and colours of what is made of one group with either of two looks, or colours."""
    made = []
    for column, *values in LOOKS:
        for value in values:
            looks = people[0].looks.copy()
            looks[:, column] = value
            made.append(replace(people[0], looks=looks))
    made += [replace(people[0], color=people[0].color + np.float32(c)) for c in (-0.2, 0.2)]
    return seen_of(ours, made)


@pytest.mark.parametrize(("row", "look"), [*enumerate(LOOKS)])
def test_looks_follow_the_group(
    followed: tuple[NDArray[np.float32], NDArray[np.float32]],
    row: int,
    look: tuple[int, float, float],
) -> None:
    """The same latents and vectors, but other looks: the face changes with them."""
    column, low, high = look
    first, second = followed[0][2 * row : 2 * row + 2, column]
    assert second - first > 0.3 * (high - low)


def test_skin_tone_follows_the_group(
    followed: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    dark, light = followed[1][-2:]
    assert (light - dark).min() > 0.2


def test_nobody_stands_out(few: FaceSet, ours: Optimized) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        made(few, ours)
    assert list(ours.member_distances) == [0, 1, 2]
    gaps = [farthest - nearest for nearest, farthest in ours.member_distances.values()]
    assert all(nearest > THRESHOLD for nearest, _ in ours.member_distances.values())
    assert np.median(gaps) <= TOLERANCE
    assert max(gaps) <= 1.3 * TOLERANCE
    assert bool(heard) == (max(gaps) > TOLERANCE)
    near, far = np.array([*ours.member_distances.values()]).T
    assert f"{near.min():.2f} to {far.max():.2f}" in ours.report_line()


def test_a_smaller_psi_does_not_make_anybody_stand_out(few: FaceSet, ours: Optimized) -> None:
    ours.options = SurrogateOptions(psi=0.6)
    try:
        made(few, ours)
    finally:
        ours.options = SurrogateOptions()
    assert min(nearest for nearest, _ in ours.member_distances.values()) > THRESHOLD


def made(faces: FaceSet, method: Optimized) -> dict[int, Pixels]:
    labels = np.array([int(who.split("_")[1]) % 3 for who in faces.identity])
    return dict(surrogates(faces, labels, faces.identity, method))


class Stuck(Optimized):
    """A search that finds nothing: each start stays where it is."""

    tried = 0

    def _moved(self, starts: Any, groups: list[GroupLatents], search: Any) -> Any:
        self.tried += 1
        return starts


def test_a_group_whose_member_stays_too_near_is_counted(
    few: FaceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a recognizer that takes more for one person: at 0.6 every start of these is far enough."""
    strict = 0.75
    monkeypatch.setattr(optimized, "THRESHOLD", strict)
    monkeypatch.setattr(member_distances, "THRESHOLD", strict)
    stuck = Stuck(SurrogateOptions())
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        made(few, stuck)
    near = [group for group, (nearest, _) in stuck.member_distances.items() if nearest <= strict]
    assert near
    assert stuck.tried == 1 + len(STARTS)  # quick, then exact from each start
    said = f"in {len(near)} of 3 groups dlib takes the surrogate for one of its own members"
    assert any(said in str(one.message) for one in heard)


def test_a_group_in_which_somebody_stands_out_is_counted(few: FaceSet, ours: Optimized) -> None:
    vectors = few.embedding.copy()
    vectors[few.identity == "person_001"] *= 3  # no face is near to that
    with pytest.warns(PrivacyWarning, match=r"in [12] of 3 groups the surrogate is nearer"):
        made(replace(few, embedding=vectors), ours)
    assert ours.member_distances[1][1] > 1 > ours.member_distances[0][1]


def test_without_surrogates_there_is_nothing_to_say() -> None:
    fresh = Stuck(SurrogateOptions())
    assert list(fresh.many([])) == []
    assert fresh.report_line() == "no surrogate was made"


class Interrupted:
    """A search of a group at a time that is stopped by Ctrl-C at the third."""

    at_once, asked = 1, 0

    def __call__(self, starts: Any, groups: list[GroupLatents]) -> Any:
        self.asked += 1
        if self.asked == 3:
            raise KeyboardInterrupt
        return starts


@pytest.mark.filterwarnings("ignore:--surrogate optimised:anonbase.errors.PrivacyWarning")
@pytest.mark.parametrize(("nearest", "kept"), [(0.7, [0, 1]), (0.5, [])])
def test_ctrl_c_keeps_every_group_that_is_found(
    few: FaceSet, monkeypatch: pytest.MonkeyPatch, nearest: float, kept: list[int]
) -> None:
    """One with a member too near is not found yet: it is searched from another start."""
    method = Optimized(SurrogateOptions())
    monkeypatch.setattr(Optimized, "_quick", None)
    monkeypatch.setattr(Optimized, "_exact", Interrupted())
    far = nearest + 0.1
    monkeypatch.setattr(method, "_standing", lambda w, _: np.array([[nearest, far]] * len(w)).T)
    labels = np.array([int(who.split("_")[1]) % 3 for who in few.identity])
    found: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        found.extend(n for n, _ in surrogates(few, labels, few.identity, method))
    assert found == kept
    assert list(method.member_distances) == kept


def test_a_run_that_goes_on_tells_of_all_groups(
    few: FaceSet, ours: Optimized, tmp_path: Path
) -> None:
    labels = np.array([int(who.split("_")[1]) % 3 for who in few.identity])

    def run() -> tuple[list[str], list[tuple[float, float]]]:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", PrivacyWarning)
            write_surrogates(tmp_path, few, labels, few.identity, ours, "")
        return [str(one.message) for one in heard], [*ours.member_distances.values()]

    said, whole = run()
    (tmp_path / "surrogates" / "1.png").unlink()
    again, distances = run()
    assert again == said
    np.testing.assert_allclose(sorted(distances), sorted(whole), atol=1e-5)
    # a ledger without distances, as earlier versions wrote them: what they were is found anew
    ledger = tmp_path / LEDGER
    lines = [json.loads(line)[:3] for line in ledger.read_text().splitlines()]
    ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
    last, distances = run()
    assert last == said
    np.testing.assert_allclose(sorted(distances), sorted(whole), atol=1e-5)
