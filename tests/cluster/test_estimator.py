"""KAnonymousClustering as scikit-learn wants its estimators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces import KAnonymousClustering
from anonfaces.cluster import group


@pytest.mark.filterwarnings("ignore::anonfaces.errors.PrivacyWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(
    [KAnonymousClustering(k=10, effort="fast")],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": "k counts people, whatever they weigh"
    },
)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_the_estimator_says_what_the_function_says() -> None:
    table, identity = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) // 2
    model = KAnonymousClustering(k=5, effort="fast").fit(table, identity=identity)
    seed = np.random.RandomState(0).randint(2**31 - 1)
    groups = group(table, 5, identity, seed=seed, effort="fast")
    np.testing.assert_array_equal(model.labels_, groups.labels)
    assert model.information_loss_ == groups.information_loss
    mean = table[model.labels_ == 0].mean(axis=0)
    np.testing.assert_allclose(model.cluster_centers_[0], mean)


def test_a_face_becomes_its_own_groups_centroid() -> None:
    table = np.random.default_rng(0).normal(size=(60, 4))
    model = KAnonymousClustering(k=5, effort="fast")
    faces = model.fit_transform(table, identity=np.arange(60))
    np.testing.assert_array_equal(faces, model.cluster_centers_[model.labels_])
    assert len(np.unique(faces, axis=0)) == model.groups_.n_groups
    nearest = model.transform(table)
    assert -model.score(table) == pytest.approx(np.square(table - nearest).sum())


def test_a_clone_keeps_k_and_refuses_with_the_same_words() -> None:
    model = clone(KAnonymousClustering(k=1))
    with pytest.raises(GuaranteeError, match="k is 2 or more"):
        model.fit(np.ones((10, 2)), identity=np.arange(10))


def test_sample_weights_are_those_of_the_function_and_k_still_counts_people() -> None:
    rng = np.random.default_rng(0)
    table, weight = rng.normal(size=(60, 4)), rng.integers(1, 9, 60).astype(float)
    model = KAnonymousClustering(k=5, effort="fast").fit(
        table, sample_weight=weight, identity=np.arange(60)
    )
    assert np.bincount(model.labels_).min() >= 5
    rows = model.labels_ == 0
    mean = np.average(table[rows], axis=0, weights=weight[rows])
    np.testing.assert_allclose(model.cluster_centers_[0], mean)
    with pytest.raises(InputError, match="finite numbers > 0"):
        model.fit(table, sample_weight=weight * 0, identity=np.arange(60))


def test_certify_raises_the_bound() -> None:
    table = np.random.default_rng(0).normal(size=(60, 3))
    plain, proven = (
        KAnonymousClustering(k=3, effort="fast", certify=seconds).fit(table, identity=range(60))
        for seconds in (None, 60)
    )
    assert plain.groups_.lower_bound < proven.groups_.lower_bound


def test_a_data_frame_goes_in_and_comes_out() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
    model = KAnonymousClustering(k=5, effort="fast").set_output(transform="pandas")
    means = model.fit_transform(frame, identity=range(30))
    assert isinstance(means, pd.DataFrame)
    assert means.columns.tolist() == list("abc") == model.get_feature_names_out().tolist()
    assert means.value_counts().min() >= 5
    assert -model.score(frame) == pytest.approx(
        np.square(frame.to_numpy() - model.transform(frame).to_numpy()).sum()
    )


TABLE = np.random.default_rng(0).normal(size=(20, 4))


@pytest.mark.parametrize(
    "call",
    [
        lambda: group(TABLE, 5, effort="fast"),
        lambda: KAnonymousClustering(effort="fast").fit(TABLE),
        lambda: KAnonymousClustering(effort="fast").fit_predict(TABLE),
        lambda: KAnonymousClustering(effort="fast").fit_transform(TABLE),
        lambda: group(TABLE, 5, np.full(20, ""), effort="fast", identity_threshold=0.1),
    ],
)
def test_a_warning_points_to_the_users_own_line(call: Callable[[], Any]) -> None:
    with pytest.warns(PrivacyWarning) as heard:
        call()
    assert {warning.filename for warning in heard} == {__file__}
