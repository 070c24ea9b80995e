"""Attack meters proven on made-up people: the answer key scores 1, nothing scores chance."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from anonfaces.evaluate.attacks import Attack, Space
from anonfaces.evaluate.attacks.inference import infer
from anonfaces.evaluate.attacks.linkage import (
    derangement,
    find_group,
    find_last_member,
    tell_membership,
)
from anonfaces.evaluate.attacks.releases import intersect
from anonfaces.evaluate.attacks.trained import find_group_by_training, linear_map

GROUPS, K, D = 40, 5, 60


def people(seed: int = 0) -> tuple[Space, np.ndarray]:
    """200 people whose surrogates are the means of their groups, and 150 strangers."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(GROUPS), K)
    very = rng.normal(size=(GROUPS * K, D))
    mean = very.reshape(GROUPS, K, D).mean(axis=1)
    other = very + 0.8 * rng.normal(size=very.shape)
    return Space("vectors", True, mean, very, other, rng.normal(size=(150, D))), group


def by_name(found: list[Attack]) -> dict[str, Attack]:
    return {one.attack: one for one in found}


def test_a_mean_gives_its_group_and_its_last_member_away() -> None:
    space, group = people()
    found = by_name(find_group(space, group) + find_last_member(space, group))
    assert found["find the group among the very pictures"].main["rate"] > 0.95
    assert found["find the last member among the very pictures"].main["rate"] == 1
    assert found["find the last member among other pictures"].main["rate"] > 0.9
    for one in found.values():
        assert one.control["rate"] < 0.2
        assert one.main["low"] <= one.main["rate"] <= one.main["high"]
        assert one.excess > 0.4


def test_surrogates_that_say_nothing_reach_chance() -> None:
    space, group = people()
    noise = np.random.default_rng(1).normal(size=space.surrogate.shape)
    blind = replace(space, surrogate=noise)
    for one in find_group(blind, group):
        assert one.main["low"] <= one.chance <= one.main["high"]
    for one in find_last_member(blind, group):
        assert one.main["rate"] < 0.1
        assert one.baseline["rate"] < 0.1
    for one in tell_membership(blind, group):
        assert one.main["low"] < 0.53
        assert one.main["high"] > 0.47


def test_with_the_answer_key_every_group_is_found() -> None:
    space, group = people()
    answers = replace(space, surrogate=space.very[::K])
    assert find_group(answers, group)[0].main["rate"] == 1


def test_a_surrogate_that_cannot_be_read_lowers_no_risk() -> None:
    space, group = people()
    noise = np.random.default_rng(1).normal(size=space.surrogate.shape)
    noise[:10] = np.nan
    assert find_group(replace(space, surrogate=noise), group)[0].main["rate"] >= 10 / GROUPS


def test_members_are_told_from_strangers_only_by_what_is_released() -> None:
    space, group = people()
    very = by_name(tell_membership(space, group))[
        "tell members by the very pictures (area under the curve)"
    ]
    assert very.main["rate"] > 0.8
    assert very.control["low"] < 0.5 < very.control["high"]
    assert tell_membership(replace(space, stranger=None), group) == []


def test_a_turned_space_is_no_hiding_place_from_one_who_trains() -> None:
    space, group = people()
    rng = np.random.default_rng(2)
    turn = np.linalg.qr(rng.normal(size=(D, D)))[0]
    practice = rng.normal(size=(300, D)) / np.sqrt(K)
    turned = replace(space, surrogate=space.surrogate @ turn, practice=(practice @ turn, practice))
    plain = find_group(turned, group)[0].main["rate"]
    learned = find_group_by_training(turned, group)[0].main["rate"]
    assert plain < 0.2 < 0.6 < learned
    assert find_group_by_training(space, group) == []


def test_a_linear_map_learns_a_linear_map() -> None:
    rng = np.random.default_rng(0)
    X, A = rng.normal(size=(2000, 6)), rng.normal(size=(6, 4))
    found = linear_map(X, X @ A + 3)(X[:50])
    assert np.abs(found - (X[:50] @ A + 3)).max() < 0.05


@pytest.mark.parametrize("n", [2, 3, 50])
def test_a_control_shows_everybody_somebody_elses_surrogate(n: int) -> None:
    wrong = derangement(n, 3)
    assert sorted(wrong.tolist()) == list(range(n))
    assert (wrong != np.arange(n)).all()


def test_what_a_surrogate_shows_is_inferred_of_its_people() -> None:
    group = np.repeat(np.arange(40), 5)
    truth = np.random.default_rng(0).random(40) < 0.5
    found = infer(truth.astype(float), truth[group], group, "gender")
    assert found.main["rate"] == 1
    assert found.control["rate"] < 0.7
    blind = infer(np.ones(40), truth[group], group, "gender")
    assert blind.main["rate"] == pytest.approx(truth.mean())
    hidden = infer(np.full(40, np.nan), truth[group], group, "gender")
    assert hidden.main["rate"] == 1  # a face that is not found protects nobody


def test_two_releases_cross_to_who_stands_alone() -> None:
    names = np.array([f"{i}" for i in range(12)])
    one = SimpleNamespace(name=names, group=np.repeat(np.arange(3), 4))
    crossed = SimpleNamespace(name=names, group=np.tile(np.arange(4), 3))
    halves = SimpleNamespace(name=names, group=np.repeat(np.arange(6), 2))
    assert intersect(one, crossed).main["rate"] == 1  # type: ignore[arg-type]
    assert intersect(one, halves).main["rate"] == 0  # type: ignore[arg-type]
    assert intersect(one, crossed).control["rate"] == 0  # type: ignore[arg-type]
