"""The grouping as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from anonfaces.cluster.budget import Effort
from anonfaces.cluster.frames import as_frame, numbers_of
from anonfaces.cluster.grouping import group
from anonfaces.cluster.inputs import warn_of_dominant
from anonfaces.cluster.methods import DEFAULT

__all__ = ["KAnonymousClustering"]


class KAnonymousClustering(OneToOneFeatureMixin, ClusterMixin, TransformerMixin, BaseEstimator):
    """Clusters of at least k people, as a scikit-learn estimator.

    Args:
        k: people a group at least, 2 or more.
        method: one of ``anonfaces.cluster.METHODS``.
        effort: ``fast``, ``default`` or ``best``.
        time_limit: seconds, None for no limit.
        random_state: int, RandomState or None.
        same: name of a column, or several, whose values groups never mix.
        l_diversity: column -> different values that every group has at least.
        t_closeness: column -> distance, 0 to 1, of a group's values from everybody's at most.
            The columns are the ``attributes`` of ``fit``; see ``group``.
        column_weights: (d,) > 0, how much each column counts in squared distances.
        certify: seconds that may be spent on a tighter lower bound, None for none.

    Attributes:
        labels_: int64 (n,), group of each row.
        cluster_centers_: float64 (g, d), mean of each group's rows.
        information_loss_: percent, 100 * SSE / SST over the rows.
        groups_: the ``Groups``.
        n_features_in_: d.

    >>> import numpy as np
    >>> faces = np.random.default_rng(0).normal(size=(20, 8))
    >>> model = KAnonymousClustering(k=5).fit(faces, identity=np.arange(20))
    >>> model.labels_.shape, model.transform(faces).shape
    ((20,), (20, 8))
    """

    def __init__(
        self,
        k: int = 5,
        *,
        method: str = DEFAULT,
        effort: Effort = "default",
        time_limit: float | None = None,
        random_state: Any = 0,
        same: str | Sequence[str] | None = None,
        l_diversity: Mapping[str, int] | None = None,
        t_closeness: Mapping[str, float] | None = None,
        column_weights: Any = None,
        certify: float | None = None,
    ) -> None:
        self.k = k
        self.method = method
        self.effort = effort
        self.time_limit = time_limit
        self.random_state = random_state
        self.same = same
        self.l_diversity = l_diversity
        self.t_closeness = t_closeness
        self.column_weights = column_weights
        self.certify = certify

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        identity: Any = None,
        attributes: Any = None,
    ) -> KAnonymousClustering:
        """Group the rows of X (n, d).

        Args:
            X: embeddings; an array or a data frame of numbers.
            y: not used, for scikit-learn's pipelines.
            sample_weight: (n,) > 0, how much each row counts in the loss and in the centroids; k
                counts people whatever they weigh, so weight 2 is not the same as two rows.
            identity: str (n,) names; None where every row is a person of its own, with a
                PrivacyWarning.
            attributes: DataFrame or dict of columns (n,) that the constraints are about.

        Raises:
            GuaranteeError: k < 2, fewer than k people, or constraints that no groups can keep.
        """
        table = validate_data(self, _plain(X), dtype=[np.float64, np.float32])
        warn_of_dominant(table, getattr(self, "feature_names_in_", ()))
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        self.groups_ = group(
            table,
            self.k,
            identity,
            method=self.method,
            seed=seed,
            effort=self.effort,
            time_limit=self.time_limit,
            same=self.same,
            l_diversity=self.l_diversity,
            t_closeness=self.t_closeness,
            attributes={} if attributes is None else attributes,
            weights=sample_weight,
            column_weights=self.column_weights,
            certify=self.certify,
        )
        self.labels_ = self.groups_.labels
        self.cluster_centers_ = self.groups_.centroids
        self.information_loss_ = self.groups_.information_loss
        return self

    def fit_predict(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        identity: Any = None,
        attributes: Any = None,
    ) -> np.ndarray:
        """``fit``, and the group of each row, int64 (n,)."""
        return self.fit(X, y, sample_weight, identity=identity, attributes=attributes).labels_

    def fit_transform(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        identity: Any = None,
        attributes: Any = None,
    ) -> np.ndarray:
        """``fit``, and each row replaced by its own group's centroid, float64 (n, d)."""
        self.fit(X, y, sample_weight, identity=identity, attributes=attributes)
        return self.cluster_centers_[self.labels_]

    def transform(self, X: Any) -> np.ndarray:
        """Rows (m, d) replaced by the centroid that is nearest, float64 (m, d).

        For rows that were not fitted no guarantee is made: their groups did not count them.
        """
        return self.cluster_centers_[self._nearest(X)]

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the sum of squared distances of rows (m, d) to the nearest centroid."""
        table = np.asarray(_plain(X), dtype=np.float64)
        return -float(np.square(table - self.cluster_centers_[self._nearest(X)]).sum())

    def _nearest(self, X: Any) -> np.ndarray:
        from sklearn.metrics import pairwise_distances_argmin

        check_is_fitted(self)
        table = validate_data(self, _plain(X), dtype=[np.float64, np.float32], reset=False)
        return pairwise_distances_argmin(table, self.cluster_centers_)


def _plain(X: Any) -> Any:
    """A data frame as a pandas one of float64, refused by column where that cannot be."""
    if not (hasattr(X, "columns") or hasattr(X, "__arrow_c_stream__")):
        return X
    import pandas as pd

    frame = as_frame(X)
    if frame is None:
        return X
    return pd.DataFrame(numbers_of(frame, "X"), columns=frame.columns, index=frame.index)
