"""The measures against plain loops over small cases, and against what was published."""

from __future__ import annotations

from math import comb
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbase.errors import InputError
from anonfaces.evaluate import (
    rank_1,
    reidentification,
    surrogate_distance,
    verification,
    wilson,
)

NAN = np.full(3, np.nan)


def people(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vectors, surrogates (one missing), labels and identities of 4 groups of 3 to 5 people."""
    rng = np.random.default_rng(seed)
    group = np.repeat(range(4), rng.integers(3, 6, 4))
    person = np.repeat(np.arange(len(group)), rng.integers(1, 5, len(group)))
    X = rng.normal(size=(len(group), 3))[person] + 0.3 * rng.normal(size=(len(person), 3))
    labels = group[person]
    S = np.array([X[labels == g].mean(axis=0) + 0.4 * rng.normal(size=3) for g in range(4)])
    S[seed % 4] = np.nan
    order = rng.permutation(len(X))
    return X[order], S, labels[order], np.array([f"p{i}" for i in person])[order]


@pytest.mark.parametrize("seed", range(6))
def test_surrogate_distance_is_the_one_of_a_loop(seed: int) -> None:
    X, S, labels, who = people(seed)
    found = surrogate_distance(X, S, labels, who)
    by_hand = [float(np.linalg.norm(x - S[g])) for x, g in zip(X, labels, strict=True)]
    worst = max(d for d in by_hand if d == d)
    filled = [d if d == d else worst for d in by_hand]
    of_people = [np.mean([d for d, n in zip(filled, who, strict=True) if n == p]) for p in set(who)]
    assert found.mean == pytest.approx(np.mean(filled))
    assert found.mean_of_people == pytest.approx(np.mean(of_people))
    assert found.maximum == pytest.approx(worst)
    assert found.missing == sum(d != d for d in by_hand)
    table = found.to_pandas().set_index("group")
    for g in range(4):
        own = [d for d, label in zip(by_hand, labels, strict=True) if label == g and d == d]
        assert table.loc[g, "people"] == len(
            {n for n, h in zip(who, labels, strict=True) if h == g}
        )
        if own:
            assert table.loc[g, "mean"] == pytest.approx(np.mean(own))
            assert table.loc[g, "maximum"] == pytest.approx(max(own))
        else:
            assert table.loc[g, "missing"] == table.loc[g, "faces"]


@pytest.mark.parametrize("seed", range(6))
def test_reidentification_is_the_one_of_a_loop(seed: int) -> None:
    X, S, labels, who = people(seed)
    distance = surrogate_distance(X, S, labels).distance
    found = reidentification(distance, labels, who)
    for t in (0.0, 0.4, 0.9, 5.0):
        hit = [d != d or d <= t for d in distance.tolist()]
        share = {p: np.mean([h for h, n in zip(hit, who, strict=True) if n == p]) for p in set(who)}
        assert found.rate(t) == pytest.approx(np.mean(hit))
        assert found.rate_of_people(t) == pytest.approx(np.mean(list(share.values())))
        above = []
        for g in range(4):
            members = {n for n, h in zip(who, labels, strict=True) if h == g}
            above.append(np.mean([share[p] for p in members]) > 1 / len(members) + 1e-9)
        assert found.of_groups(t)["above"].tolist() == above
        assert found.above_chance(t) == pytest.approx(np.mean(above))
    curve = found.to_pandas()
    assert curve["rate"].is_monotonic_increasing
    assert (curve["low"] <= curve["rate_of_people"] + 1e-12).all()
    assert (curve["high"] >= curve["rate_of_people"] - 1e-12).all()


@pytest.mark.parametrize("seed", range(6))
def test_rank_1_is_the_one_of_a_loop(seed: int) -> None:
    X, S, labels, who = people(seed)
    found = rank_1(X, S, labels, who)
    hits = []
    for name in sorted(set(who)):
        g = labels[who == name][0]
        nearest = [np.linalg.norm(x - S[g]) for x in X]
        own = min(d for d, n in zip(nearest, who, strict=True) if n == name)
        hits.append(bool(np.isnan(own) or own <= min(nearest) + 1e-6))
    assert found.first.tolist() == hits
    assert found.rate == pytest.approx(np.mean(hits))
    assert found.missing.tolist() == [g == seed % 4 for g in range(4)]


def test_people_who_are_equally_near_are_all_first() -> None:
    X = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [9, 9, 9]])
    found = rank_1(X, np.array([[0.0, 0, 0], [8, 8, 8]]), np.array([0, 0, 0, 1]))
    assert found.first.tolist() == [True, True, True, True]
    assert found.chance == pytest.approx((3 * 1 / 3 + 1) / 4)


def test_one_photograph_of_a_person_is_enough_to_be_first() -> None:
    X = np.array([[0.1, 0, 0], [5, 5, 5], [0.2, 0, 0], [0.3, 0, 0]])
    who = np.array(["a", "a", "b", "c"])
    found = rank_1(X, np.zeros((1, 3)), np.zeros(4, int), who)
    assert found.first.tolist() == [True, False, False]
    assert found.rate_of_groups == 1


def test_a_surrogate_of_another_group_may_be_nearer_to_nobody_of_its_own() -> None:
    X = np.array([[0.0, 0, 0], [1, 0, 0], [5, 0, 0], [6, 0, 0]])
    found = rank_1(X, np.array([[5.1, 0, 0], [5.9, 0, 0]]), np.array([0, 0, 1, 1]))
    assert found.first.tolist() == [False, False, False, True]
    assert found.rate_of_groups == 0.5


def test_missing_surrogates_never_improve_a_score() -> None:
    X, S, labels, who = people(1)
    whole = S.copy()
    whole[1] = X[labels == 1].mean(axis=0)
    for t in (0.0, 0.5):
        bad = reidentification(surrogate_distance(X, S, labels).distance, labels, who)
        good = reidentification(surrogate_distance(X, whole, labels).distance, labels, who)
        assert bad.rate(t) >= good.rate(t)
    assert rank_1(X, S, labels, who).rate >= rank_1(X, whole, labels, who).rate


def test_a_set_of_missing_surrogates_is_all_given_away() -> None:
    X = np.eye(3)
    S, labels = np.full((1, 3), np.nan), np.zeros(3, int)
    distance = surrogate_distance(X, S, labels)
    assert np.isnan(distance.mean)
    assert reidentification(distance.distance).rate(0.0) == 1
    assert rank_1(X, S, labels).rate == 1


@pytest.mark.parametrize("n", [8, 30])
def test_wilson_covers_as_often_as_it_says(n: int) -> None:
    for share in (0.1, 0.5, 0.8):
        covered = sum(
            comb(n, hits) * share**hits * (1 - share) ** (n - hits)
            for hits in range(n + 1)
            if wilson(hits / n, n).low <= share <= wilson(hits / n, n).high
        )
        assert covered > 0.83  # coverage of a discrete count waves about 0.95


def test_wilson_is_the_one_of_the_tables() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I
    for hits, n, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        assert wilson(hits / n, n) == pytest.approx((low, high), abs=5e-5)
    assert wilson(0.0, 10).low == pytest.approx(0, abs=1e-12)
    assert wilson(1.0, 10).high == pytest.approx(1)


def test_verification_counts_every_pair_once() -> None:
    X, _, _, who = people(2)
    found = verification(X, who)
    pairs = [(i, j) for i in range(len(X)) for j in range(i + 1, len(X))]
    same = [np.linalg.norm(X[i] - X[j]) for i, j in pairs if who[i] == who[j]]
    other = [np.linalg.norm(X[i] - X[j]) for i, j in pairs if who[i] != who[j]]
    assert found.same.sum() == len(same)
    assert found.different.sum() == len(other)
    for t in (0.25, 0.8, 2.0):
        assert found.true_match(t) == pytest.approx(np.mean(np.array(same) < t))
        assert found.false_match(t) == pytest.approx(np.mean(np.array(other) < t))
    assert np.isnan(verification(np.eye(2), np.array(["a", "b"])).true_match(0.5))


def test_the_curve_is_drawn_with_its_context() -> None:
    X, S, labels, who = people(3)
    distance = surrogate_distance(X, S, labels).distance
    found = reidentification(distance, labels, who, verification(X, who))
    assert {"true_match", "false_match"} <= set(found.to_pandas())
    axes = found.plot().axes[0]
    assert [len(line.get_xdata()) for line in axes.lines] == [121, 121, 121]


X, S, LABELS = np.eye(3), np.zeros((1, 3)), np.zeros(3, int)


@pytest.mark.parametrize(
    ("embedding", "surrogate", "labels", "identity", "message"),
    [
        (np.zeros(3), S, LABELS, None, "not of shape"),
        (np.zeros((0, 3)), S, LABELS, None, "not of shape"),
        (X * np.nan, S, LABELS, None, "not finite"),
        (X, np.zeros((1, 2)), LABELS, None, r"\(groups, 3\)"),
        (X, np.array([[np.nan, 0, 0]]), LABELS, None, "NaN throughout"),
        (X, S, LABELS[:2], None, "3 whole numbers"),
        (X, S, LABELS.astype(float), None, "3 whole numbers"),
        (X, S, LABELS + 1, None, "number the 1 surrogates from 0"),
        (X, np.zeros((2, 3)), LABELS, None, "each with a face"),
        (X, S, LABELS, np.array(["a"]), "one a face"),
        (X, np.zeros((2, 3)), np.array([0, 1, 1]), np.array(["a", "a", "b"]), "in one group"),
    ],
)
def test_what_does_not_fit_is_refused(embedding, surrogate, labels, identity, message) -> None:  # type: ignore[no-untyped-def]
    for estimate_alignment in (surrogate_distance, rank_1):
        with pytest.raises(InputError, match=message):
            estimate_alignment(embedding, surrogate, labels, identity)


@pytest.mark.parametrize(
    ("distance", "labels", "message"),
    [
        (np.zeros((2, 2)), None, "a row"),
        (np.array([]), None, "a row"),
        (np.array([-1.0]), None, "at least 0"),
        (np.array([1.0]), np.array([0, 1]), "one a distance"),
    ],
)
def test_odd_distances_are_refused(distance, labels, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=message):
        reidentification(distance, labels)


@pytest.mark.parametrize("bad", [(1.5, 3, 0.95), (0.5, 0, 0.95), (0.5, 3, 1.0)])
def test_odd_shares_have_no_interval(bad: tuple[float, int, float]) -> None:
    with pytest.raises(InputError, match="no interval"):
        wilson(*bad)


def test_a_centroid_is_nearer_than_any_face_that_the_paper_drew(shared_data: Path) -> None:
    """The mean vector is the best there can be, so the paper's curves bound it from above."""
    from anonfaces import group

    with np.load(shared_data / "anonfaces-paper" / "dlib_celeba_979.npz") as archive:
        X = archive["embedding"].astype(float)
    published = pd.read_csv(shared_data / "anonfaces-paper" / "IL_results.csv", index_col="k")
    last = 0.0
    for k in (2, 5, 10, 19):
        groups = group(X, k, np.arange(len(X)).astype(str), method="mdav")
        found = surrogate_distance(X, groups.centroids, groups.labels)
        assert last < found.mean < published.loc[k, "hier_dlib_adjust"]
        last = found.mean
        own = reidentification(found.distance, groups.labels)
        assert own.rate(0.6) > 0.95  # a vector is no face: as a picture it would give all away
        # the middle of two people is as near to one as to the other: a tie, counted against it
        first = rank_1(X, groups.centroids, groups.labels).rate
        assert first > 0.9 if k == 2 else first <= 1 / k


def test_the_paper_means_by_il_what_is_called_surrogate_distance_here(shared_data: Path) -> None:
    """Two of its tables hold one curve: as a sum over 67 people, and as a mean."""
    place = shared_data / "anonfaces-paper"
    summed = pd.read_csv(place / "com_anonfaces.csv", index_col="k")
    mean = pd.read_csv(place / "IL_results.csv", index_col="k")["stylegan_rafd"]
    np.testing.assert_allclose(summed["IL"] / 67, mean, atol=1e-4)
    # a share of 67 people: 0.4179 is 28 of them
    hits = summed["FailProb"] * 67
    np.testing.assert_allclose(hits, hits.round(), atol=0.01)
