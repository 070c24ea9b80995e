"""The plain function: embeddings in, groups of at least k people out."""

from __future__ import annotations

from typing import Any

import numpy as np

from anonbase.checks import check_seed
from anonbase.errors import UtilityWarning
from anonbase.notices import warn_user
from anonfaces.cluster import methods
from anonfaces.cluster.baselines.repair import repair
from anonfaces.cluster.budget import Budget, Effort, Progress, check_seconds
from anonfaces.cluster.checks import (
    check_column_weights,
    check_embedding,
    check_identity,
    check_k,
    check_weights,
    warn_of_confusable,
)
from anonfaces.cluster.constraints.constraint_set import ConstraintSet, Plan
from anonfaces.cluster.constraints.limits import limits_at
from anonfaces.cluster.groups import Groups
from anonfaces.cluster.identity import THRESHOLD, estimate_identity
from anonfaces.cluster.inputs import warn_of_dominant
from anonfaces.cluster.one_column import exact_loss
from anonfaces.cluster.people import PersonPoints, between, means, percent
from anonfaces.cluster.set_partition.dual_bound import between_bound

__all__ = ["group"]


def group(
    X: Any,
    k: int,
    identity: Any = None,
    *,
    method: str = methods.DEFAULT,
    seed: int = 0,
    effort: Effort = "default",
    time_limit: float | None = None,
    progress: Progress | None = None,
    identity_threshold: float = THRESHOLD,
    same: Any = None,
    l_diversity: Any = None,
    t_closeness: Any = None,
    attributes: Any = None,
    weights: Any = None,
    column_weights: Any = None,
    certify: float | None = None,
) -> Groups:
    """Group faces so that every group has at least k people, losing little information.

    All faces of a person go to one group. k counts people, the loss counts faces. Groups have
    at most 2k - 1 people, except where l_diversity or t_closeness cannot be had in groups so small.

    Args:
        X: (n, d) embeddings, finite numbers, one row a face. A data frame (pandas, polars, Arrow)
            may hold bool, nullable and object columns of numbers; one of words is refused.
        k: people a group at least, 2 or more.
        identity: str (n,) names. '' is unknown: who that could be is estimated on the safe
            side with ``estimate_identity``. None: every row is a person of its own (rows that
            are equal too: a census has such).
        method: one of ``METHODS``.
        seed: the same seed gives the same groups.
        effort: ``fast``, ``default`` or ``best``; how much work is done.
        time_limit: seconds after which the best groups so far are taken.
        progress: called with the share of the work done and the loss so far.
        identity_threshold: distance below which an unknown face may be another's person; the
            default is for dlib's vectors.
        same: people whose values differ are never in one group (k-Same-Select). The name of a
            column of ``attributes``, or several; without ``attributes`` the (n,) values
            themselves. All faces of a person have one value; a missing one is a value too.
        l_diversity: column -> l, as ``{"age": 3}``: the people of every group have l different
            values at least. A missing value adds none; close numbers are different numbers.
        t_closeness: column -> t, as ``{"gender": 0.2}``: the values of every group's people are
            distributed as everybody's up to a distance t, 0 to 1: the total variation of words
            (a missing one is a word too), the ordered earth mover's distance of numbers.
        attributes: DataFrame or dict of columns (n,), numbers or words. Somebody whose faces
            have several values counts with the middle one, of words the most frequent one.
        weights: (n,) > 0, how much each face counts in the loss and in the centroids; k counts
            people whatever they weigh.
        column_weights: (d,) > 0, how much each column counts in squared distances, and so in the
            loss; centroids stay in the columns' own units.
        certify: seconds that may be spent, after the groups are found, on a far tighter lower
            bound (column generation, up to 3,000 people of one value of ``same``). Ctrl-C ends it
            early, with a UtilityWarning. The groups stay the same, the bound then depends on the
            machine.

    Returns:
        The groups, verified.

    Raises:
        GuaranteeError: k < 2, fewer than k people, in all or of one value of ``same``, or
            demands that no groups can keep; the message says by how much.
        InputError: not a table of finite numbers, or an option that is none.

    Warns:
        PrivacyWarning: identity is missing or was estimated; a column, not asked for, is the
            same all over some groups; people have several values of one that is; names that
            differ by case, accents or punctuation alone.
        UtilityWarning: a column of a data frame has nearly all of the variance.

    >>> import numpy as np
    >>> faces = np.random.default_rng(0).normal(size=(20, 8))
    >>> groups = group(faces, 5, identity=[f"person {i // 2}" for i in range(20)])
    >>> groups.n_groups, groups.sizes()["people"].tolist()
    (2, [5, 5])
    """
    table, size, start = check_embedding(X), check_k(k), check_seed(seed)
    budget = Budget(effort, time_limit, progress)
    check_seconds(certify, "certify")
    methods.find(method)
    demands = ConstraintSet.of(len(table), same, l_diversity, t_closeness, attributes)
    mass = check_weights(weights, len(table))
    names = _names(table, identity, identity_threshold)
    share = check_column_weights(column_weights, table.shape[1])
    scaled = table if share is None else table * np.sqrt(share)
    warn_of_dominant(scaled, _columns_of(X))
    people = PersonPoints.of(scaled, names, mass)
    people.check(size)
    plan, rng = demands.plan(people.of_face, size), np.random.default_rng(start)
    proof = None if certify is None else Budget(time_limit=certify)
    label, bound = _searched(people, plan, method, rng, budget, proof)
    label, centroids = _numbered(table, people, label, mass)
    groups = Groups(
        label[people.of_face],
        names,
        size,
        centroids,
        people.loss(label),
        method,
        start,
        percent(people.within + bound, people.sst),
        demands.constraints,
        demands.asked,
    ).checked()
    demands.warn_of_constants(people.of_face, label, size)
    if proof is not None and proof.stopped.is_set():
        _warn_of_a_proof_cut_short(groups)
    return groups


def _searched(
    people: PersonPoints,
    plan: Plan,
    method: str,
    rng: np.random.Generator,
    budget: Budget,
    proof: Budget | None,
) -> tuple[np.ndarray, float]:
    """Group of each person, int64 (p,), and a lower bound on what is lost between them."""
    label, bound, parts = np.full(len(people), -1), 0.0, list(plan.parts.values())
    for part, own in zip(parts, rng.spawn(len(parts)), strict=True):
        points, weights = people.point[part], people.weight[part]
        limits = None if plan.limits is None else limits_at(plan.limits, part)
        labels = methods.limited(method, points, weights, plan.size, own, budget, limits)
        share = len(part) / len(people)
        bound += _bound(points, weights, plan.size, labels, budget.effort, _part(proof, share))
        label[part] = labels + label.max() + 1
    return label, bound


def _part(proof: Budget | None, share: float) -> Budget | None:
    """A share of the seconds for a proof, from now on; None when there is to be no more."""
    if proof is None or proof.time_limit is None or proof.stopped.is_set():
        return None
    return Budget(time_limit=share * proof.time_limit, stopped=proof.stopped)


def _bound(
    points: np.ndarray,
    weights: np.ndarray,
    k: int,
    label: np.ndarray,
    effort: Effort,
    proof: Budget | None,
) -> float:
    least = exact_loss(points, weights, k)
    if least is not None:  # rounding apart, one optimum may be added up in two ways
        return min(least, between(points, weights, label))
    if proof is None:
        return between_bound(points, weights, k, between(points, weights, label), effort)
    from anonfaces.cluster.set_partition.column_generation import certified_bound

    whole = repair(points, weights, label, k)  # constraints can make groups of 2k and more
    return certified_bound(points, weights, k, whole, proof)


def _warn_of_a_proof_cut_short(groups: Groups) -> None:
    warn_user(
        "interrupted: the proof of how good the groups are was cut short. The groups are whole and"
        f" are kept; proven so far is that none lose less than {groups.lower_bound:.1f} % (they"
        f" lose {groups.information_loss:.1f} %), which the whole time might have raised",
        UtilityWarning,
    )


def _columns_of(X: Any) -> list[str]:
    """Names of the columns of a data frame; none of an array."""
    names = getattr(X, "column_names", getattr(X, "columns", ()))
    return [str(name) for name in names]


def _names(table: np.ndarray, identity: Any, threshold: float) -> np.ndarray:
    if identity is None:
        warn_user(
            "no identity given: every row counts as a person of its own, so k holds only if "
            "nobody is in the set twice",
        )
        return np.arange(len(table)).astype(str)
    names = check_identity(identity, len(table))
    warn_of_confusable(names)
    if (names != "").all():
        return names
    return estimate_identity(table, names, threshold=threshold)


def _numbered(
    table: np.ndarray, people: PersonPoints, label: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Groups numbered by their centroids, and the centroids in that order."""
    _, label = np.unique(label, return_inverse=True)
    centroids, _ = means(table, label[people.of_face], int(label.max()) + 1, weights)
    order = np.lexsort(centroids.T[::-1])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return rank[label], centroids[order]
