"""What is demanded of columns: kept by every method, checked anew, refused with by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces.cluster import METHODS, Groups, KAnonymousClustering, group
from anonfaces.cluster.annealing.enforce import deal_round_robin, enforce_constraints, violations
from anonfaces.cluster.constraints.columns_of_people import Column
from anonfaces.cluster.constraints.limits import (
    CATEGORIES,
    DIVERSITY,
    ORDERED,
    limits_of,
    violation_of,
)

RNG = np.random.default_rng(0)
WHO = np.repeat(np.arange(90), RNG.integers(1, 4, 90))
X = RNG.normal(size=(90, 5))[WHO] + 0.1 * RNG.normal(size=(len(WHO), 5))
GENDER = np.where(X[np.searchsorted(WHO, WHO), 0] > 0, "m", "f")
AGE = RNG.integers(20, 60, 90)[WHO]
CITY = RNG.choice(["Aa", "Bb", "Cc", ""], 90)[WHO]
TABLE = pd.DataFrame({"gender": GENDER, "age": AGE, "city": CITY})
DEMANDS: list[dict[str, Any]] = [
    {"l_diversity": {"gender": 2}},
    {"l_diversity": {"age": 4, "city": 3}},
    {"t_closeness": {"gender": 0.1}},
    {"t_closeness": {"age": 0.15, "city": 0.4}},
    {"l_diversity": {"city": 2}, "t_closeness": {"age": 0.2}, "same": "gender"},
    {"l_diversity": {"age": 9}},
    {"t_closeness": {"gender": 0.0}},
]


def people_of(groups: Groups) -> pd.DataFrame:
    """One row a person: group and columns."""
    return TABLE.assign(group=groups.labels, who=WHO).drop_duplicates("who")


def check(groups: Groups, demands: dict[str, Any]) -> None:
    """Every demand by its definition, counted with pandas."""
    people = people_of(groups)
    for name, rows in people.groupby("group"):
        assert len(rows) >= groups.k, name
        for column, least in demands.get("l_diversity", {}).items():
            assert rows.loc[rows[column] != "", column].nunique() >= least
        for column, most in demands.get("t_closeness", {}).items():
            assert distance(rows[column], people[column]) <= most + 1e-9
        if "same" in demands:
            assert len(set(rows[demands["same"]])) == 1


def distance(part: pd.Series, whole: pd.Series) -> float:
    shares = [s.value_counts(normalize=True) for s in (part, whole)]
    gap = pd.concat(shares, axis=1).fillna(0).sort_index()
    gap = gap.iloc[:, 0] - gap.iloc[:, 1]
    if whole.dtype.kind == "i":
        return float(gap.cumsum().abs().sum() / (len(gap) - 1))
    return float(gap.abs().sum() / 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::anonfaces.errors.PrivacyWarning")
@pytest.mark.parametrize("demands", DEMANDS, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_every_demand(method: str, demands: dict[str, Any]) -> None:
    groups = group(X, 4, WHO, attributes=TABLE, method=method, effort="fast", **demands)
    check(groups, demands)
    assert 0 <= groups.lower_bound <= groups.information_loss


@pytest.mark.filterwarnings("ignore::anonfaces.errors.PrivacyWarning")
@pytest.mark.parametrize("demands", DEMANDS[:3], ids=str)
def test_groups_stay_under_2k_where_that_can_be(demands: dict[str, Any]) -> None:
    groups = group(X, 6, WHO, attributes=TABLE, effort="fast", **demands)
    assert groups.sizes()["people"].between(6, 11).all()


def test_many_values_make_groups_larger() -> None:
    with pytest.warns(PrivacyWarning):
        groups = group(X, 2, WHO, attributes=TABLE, l_diversity={"age": 9}, effort="fast")
    assert groups.k == 2
    assert groups.sizes()["people"].min() >= 9


def test_the_search_goes_on_under_a_demand() -> None:
    options: dict[str, Any] = {"attributes": {"g": GENDER}, "l_diversity": {"g": 2}}
    plain, mended, searched = (
        group(X, 4, WHO, method=method, effort="fast", **more).information_loss
        for method, more in (("anneal", {}), ("mdav", options), ("anneal", options))
    )
    assert plain < searched < mended


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mdav", "local_search"])
def test_many_people_keep_a_demand_that_no_neighbourhood_keeps(method: str) -> None:
    rng = np.random.default_rng(0)
    value = np.repeat(["a", "b"], [2000, 400])
    table = rng.normal(size=(2400, 4)) + 40 * (value == "a")[:, None]
    options: dict[str, Any] = {"attributes": {"v": value}, "l_diversity": {"v": 2}}
    groups = group(table, 5, np.arange(2400), method=method, effort="fast", **options)
    assert pd.Series(value).groupby(groups.labels).nunique().min() == 2
    assert groups.sizes()["people"].between(5, 9).all()


def test_the_same_seed_gives_the_same_groups_and_row_order_changes_no_promise() -> None:
    options: dict[str, Any] = {"t_closeness": {"gender": 0.2}, "effort": "fast"}
    one, two = (group(X, 4, WHO, attributes=TABLE[["gender"]], **options) for _ in range(2))
    np.testing.assert_array_equal(one.labels, two.labels)
    order = np.random.default_rng(1).permutation(len(X))
    mixed = group(X[order], 4, WHO[order], attributes=TABLE[["gender"]].iloc[order], **options)
    mixed.verify(WHO[order].astype(str), TABLE.iloc[order])


@pytest.mark.parametrize(
    ("demands", "error", "told"),
    [
        ({"l_diversity": {"gender": 3}}, GuaranteeError, "have 2 different values, and 3.*1 too"),
        ({"l_diversity": {"city": 4}}, GuaranteeError, "have 3 different values"),  # '' is none
        (
            {"same": "gender", "t_closeness": {"gender": 0.1}},
            GuaranteeError,
            "the people of 'f' in one group are .* more than the 0.1 asked",
        ),
        ({"same": "gender", "l_diversity": {"gender": 2}}, GuaranteeError, "the people of 'f'"),
        ({"same": "age"}, GuaranteeError, "short"),
        ({"l_diversity": {"shoe": 2}}, InputError, "l-diversity shoe: no column 'shoe'.*age"),
        ({"same": ("gender", "shoe")}, InputError, "same shoe: no column"),
        ({"l_diversity": {"age": 1}}, InputError, "2 or more, not 1"),
        ({"l_diversity": {"age": 0}}, InputError, "2 or more, not 0"),
        ({"l_diversity": {"age": 2.5}}, InputError, "whole number"),
        ({"l_diversity": {"age": True}}, InputError, "whole number"),
        ({"l_diversity": "age:3"}, InputError, "a dict of columns"),
        ({"t_closeness": {"age": -0.1}}, InputError, "from 0 to 1, not -0.1"),
        ({"t_closeness": {"age": 1.5}}, InputError, "from 0 to 1"),
        ({"t_closeness": {"age": float("nan")}}, InputError, "from 0 to 1"),
        ({"t_closeness": {"age": "near"}}, InputError, "from 0 to 1"),
        ({"attributes": {"age": [1, 2]}}, InputError, "one value a face"),
        ({"attributes": 5}, InputError, "a DataFrame or a dict"),
        (
            {"l_diversity": {"age": 2}, "attributes": None},
            InputError,
            r"the columns are: none\); give attributes={'age': ",
        ),
        (
            {"attributes": {"age": np.where(WHO == 3, np.nan, AGE)}, "t_closeness": {"age": 0.2}},
            InputError,
            "1 person has no number there",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_with_by_how_much(
    demands: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told) as refused:
        group(X, 4, WHO, effort="fast", **{"attributes": TABLE, **demands})
    assert "--" not in str(refused.value)  # the words of the command mean nothing in Python


def test_verify_counts_anew_from_labels_and_columns() -> None:
    values = np.array(["a", "b"] * 6)
    groups = group(X[:12], 3, np.arange(12), attributes={"v": values}, l_diversity={"v": 2})
    groups.verify()
    (kept,) = groups.constraints
    assert kept.reached == 2
    with pytest.raises(GuaranteeError, match="does not keep l-diversity v: it has 1"):
        groups.verify(attributes={"v": np.where(groups.labels == 0, "a", values)})
    with pytest.raises(InputError, match="no column 'v'"):
        groups.verify(attributes={"w": values})


def test_demands_survive_the_files_and_are_checked_again(tmp_path: Path) -> None:
    city, age = np.array(["NA", "001", "=1+1"] * 4), np.arange(12) / 7
    groups = group(
        X[:12],
        3,
        np.arange(12),
        attributes={"city": city, "age": age},
        l_diversity={"city": 2},
        t_closeness={"age": 0.9},
    )
    groups.write(tmp_path)
    again = Groups.read(tmp_path)
    assert again.constraints == groups.constraints
    for name in ("city", "age"):
        np.testing.assert_array_equal(again.attributes[name], groups.attributes[name])
    text = (tmp_path / "groups.csv").read_text()
    (tmp_path / "groups.csv").write_text(text.replace("001", "NA").replace("'=1+1", "NA"))
    with pytest.raises(GuaranteeError, match="does not keep"):
        Groups.read(tmp_path)


def test_a_column_that_is_constant_in_groups_is_told_of_once() -> None:
    value = np.where(np.arange(60) < 30, "a", "b")
    table = np.random.default_rng(0).normal(size=(60, 3)) + 50 * (value == "a")[:, None]
    attributes = {"v": value, "everybody": np.ones(60)}
    with pytest.warns(PrivacyWarning) as heard:
        groups = group(table, 5, np.arange(60), attributes=attributes, effort="fast")
    assert len(heard) == 1
    told = f"'v' is the same for everybody in {groups.n_groups} of {groups.n_groups} groups"
    assert told in str(heard[0].message)


def test_somebody_with_several_values_has_one_of_them_and_it_is_told() -> None:
    person = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    number = Column.of("x", np.array([5.0, 1, 9, 2, 4, np.nan, 7, np.nan]), person)
    word = Column.of("y", np.array(["b", "b", "a", "d", "c", "", "e", ""]), person)
    assert number.levels[number.code[:3]].tolist() == [5, 2, 7]
    assert word.levels[word.code[:3]].tolist() == ["b", "c", "e"]
    assert number.code[3] == word.code[3] == -1
    assert number.several == word.several == 2
    mixed = {"age": AGE + np.arange(len(AGE)) % 2}
    with pytest.warns(PrivacyWarning, match="have several values of 'age'.*middle one"):
        group(X, 4, WHO, attributes=mixed, l_diversity={"age": 2}, effort="fast")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, np.inf, 3.0]),
        np.array([1, np.nan, 3]),
    ],
)
def test_missing_numbers_are_no_value(values: Any) -> None:
    with pytest.raises(GuaranteeError, match="have 2 different values"):
        group(X[:3], 2, np.arange(3), attributes={"v": values}, l_diversity={"v": 3})


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from([DIVERSITY, CATEGORIES, ORDERED]))
def test_the_compiled_measures_are_those_of_the_definition(seed: int, kind: int) -> None:
    rng = np.random.default_rng(seed)
    code, bound = rng.integers(rng.integers(1, 9), size=40), 0.05
    if kind == DIVERSITY:
        bound = 30.0
    share = np.bincount(code) / 40
    who = rng.permutation(40)[: rng.integers(1, 20)]
    gap = np.bincount(code[who], minlength=len(share)) / len(who) - share
    truth = {
        DIVERSITY: (30 - len(set(code[who]))) / 30,
        CATEGORIES: np.abs(gap).sum() / 2 - bound,
        ORDERED: np.abs(gap.cumsum()).sum() / max(len(share) - 1, 1) - bound,
    }[kind]
    limits = limits_of(code[None], np.array([kind]), np.array([bound]), [share])
    assert violation_of(limits, who, len(who)) == pytest.approx(max(0, truth), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(2, 4), t=st.sampled_from([0.0, 0.1, 0.3]))
def test_whatever_is_mended_keeps_its_limits_and_k(seed: int, k: int, t: float) -> None:
    rng = np.random.default_rng(seed)
    points, label = rng.normal(size=(60, 2)), np.arange(60) // k
    label = np.minimum(label, 60 // k - 1)
    code = np.stack([rng.integers(3, size=60), (points[:, 0] > 0).astype(int)])
    shares = [np.bincount(one) / 60 for one in code]
    limits = limits_of(code, np.array([DIVERSITY, CATEGORIES]), np.array([2, t]), shares)
    mended = enforce_constraints(points, np.ones(60), k, label, limits)
    assert not violations(mended, limits).any()
    assert np.bincount(mended).min() >= k


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), t=st.sampled_from([0.02, 0.05, 0.2, 1.0]))
def test_people_who_are_dealt_out_keep_the_limits_in_as_many_groups_as_that_goes(
    seed: int, t: float
) -> None:
    code = np.random.default_rng(seed).integers(4, size=90)[None]
    limits = limits_of(code, np.array([CATEGORIES]), np.array([t]), [np.bincount(code[0]) / 90])
    label = deal_round_robin(4, limits)
    assert not violations(label, limits).any()
    assert np.bincount(label).min() >= 4
    assert t < 1 or label.max() == 21


@pytest.mark.parametrize("method", ["mdav", "anneal"])
def test_a_demand_that_no_small_group_keeps_is_kept_by_several_large_ones(method: str) -> None:
    """Six values of which no group of less than 30 has about as many as everybody."""
    rng = np.random.default_rng(0)
    value = rng.permutation(np.repeat(list("abcdef"), [41, 31, 23, 13, 7, 5]))
    options: dict[str, Any] = {"attributes": {"v": value}, "t_closeness": {"v": 0.03}}
    groups = group(rng.normal(size=(120, 4)), 5, np.arange(120), method=method, **options)
    assert groups.n_groups >= 2
    assert groups.information_loss < 100


@pytest.mark.filterwarnings("ignore::anonfaces.errors.PrivacyWarning")
def test_the_estimator_keeps_demands_too() -> None:
    model = KAnonymousClustering(
        k=4, effort="fast", same="gender", l_diversity={"city": 2}, t_closeness={"age": 0.3}
    )
    model.fit(X, identity=WHO, attributes=TABLE)
    check(
        model.groups_, {"same": "gender", "l_diversity": {"city": 2}, "t_closeness": {"age": 0.3}}
    )


def test_weights_count_in_the_loss_and_never_in_k() -> None:
    table, weights = np.random.default_rng(0).normal(size=(40, 3)), np.arange(1.0, 41)
    groups = group(table, 4, np.arange(40), weights=weights, effort="fast")
    twice = group(table, 4, np.arange(40), weights=2 * weights, effort="fast")
    np.testing.assert_array_equal(groups.labels, twice.labels)
    assert groups.sizes()["people"].between(4, 7).all()
    centred = table - np.average(table, axis=0, weights=weights)
    gap = table - groups.centroids[groups.labels]
    loss = 100 * (weights @ (gap**2)).sum() / (weights @ (centred**2)).sum()
    assert groups.information_loss == pytest.approx(loss)
    own = groups.labels == 0
    np.testing.assert_allclose(
        groups.centroids[0], np.average(table[own], axis=0, weights=weights[own])
    )


@pytest.mark.parametrize("weights", [[1.0], np.zeros(40), np.full(40, np.nan), ["a"] * 40])
def test_weights_that_are_none_are_refused(weights: Any) -> None:
    with pytest.raises(InputError, match="weights"):
        group(np.ones((40, 2)), 4, np.arange(40), weights=weights)
