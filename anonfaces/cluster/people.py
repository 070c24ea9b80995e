"""Faces to people: the points that are grouped, and the loss in faces that comes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anonbase.errors import GuaranteeError

__all__ = ["PersonPoints", "between", "means", "percent", "random_loss"]


@dataclass(frozen=True)
class PersonPoints:
    """People as weighted points, and the two parts of the loss that no grouping changes.

    Attributes:
        point: float64 (p, d), mean of a person's faces, less the mean of all faces.
        weight: float64 (p,), number of faces of a person, or the sum of their weights.
        of_face: int64 (n,), the person of each face.
        within: sum of squared errors of the faces about their person's mean.
        sst: sum of squared errors of the faces about the mean of all.
    """

    point: np.ndarray
    weight: np.ndarray
    of_face: np.ndarray
    within: float
    sst: float

    @classmethod
    def of(
        cls, embedding: np.ndarray, identity: np.ndarray, weights: np.ndarray | None = None
    ) -> PersonPoints:
        """People of float64 (n, d) faces, str (n,) names and float64 (n,) weights (1 each)."""
        share = np.ones(len(embedding)) if weights is None else weights
        centred = embedding - np.average(embedding, axis=0, weights=weights)
        _, person = np.unique(identity, return_inverse=True)
        point, weight = means(centred, person, int(person.max()) + 1, weights)
        within = 0.0
        if len(point) < len(person):
            within = float(share @ np.square(centred - point[person]).sum(axis=1))
        return cls(point, weight, person, within, float(share @ np.square(centred).sum(axis=1)))

    def __len__(self) -> int:
        return len(self.point)

    def check(self, k: int) -> None:
        """GuaranteeError if there are not enough people for one group."""
        if len(self) < k:
            raise GuaranteeError(
                f"k = {k} needs at least {k} people, and there are {len(self)} "
                f"(n_samples = {len(self.of_face)}): take a smaller k or more people"
            )

    def loss(self, label: np.ndarray) -> float:
        """Information loss, 100 * SSE / SST over faces, of int64 (p,) group numbers."""
        return percent(self.within + between(self.point, self.weight, label), self.sst)


def between(point: np.ndarray, weight: np.ndarray, label: np.ndarray) -> float:
    """Weighted sum of squared errors of points (p, d) about the mean of their group."""
    centre, _ = means(point, label, int(label.max()) + 1, weight)
    loss = 0.0
    for rows in np.array_split(np.arange(len(point)), len(point) // 65536 + 1):
        gap = point[rows] - centre[label[rows]]
        loss += float(np.einsum("i,ij,ij->", weight[rows], gap, gap))
    return loss


def means(
    table: np.ndarray, label: np.ndarray, count: int, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means float64 (count, d) of the rows of each label, and the sums of weights."""
    from scipy.sparse import csr_array

    share = np.ones(len(table)) if weight is None else weight
    rows = csr_array((share, (label, np.arange(len(table)))), shape=(count, len(table)))
    mass = np.bincount(label, weights=share, minlength=count)
    return (rows @ table) / np.maximum(mass, np.finfo(float).tiny)[:, None], mass


def percent(sse: float, sst: float) -> float:
    """100 * sse / sst; 0 where all faces are the same and nothing can be lost."""
    return 100.0 * sse / sst if sst > 0 else 0.0


def random_loss(X: object, k: int, identity: object = None) -> float:
    """Information loss in percent of grouping k people by chance: the mean of 20 draws.

    The draws are seeded, so the same faces give the same figure.

    Args:
        X: (n, d) embeddings.
        k: people a group.
        identity: str (n,) names; None where every row is a person.

    Returns:
        Percent, of ``100 * SSE / SST`` over faces.
    """
    from anonfaces.cluster.checks import check_embedding, check_identity, check_k

    table, size = check_embedding(X), check_k(k)
    rows = np.arange(len(table)).astype(str)
    people = PersonPoints.of(
        table, rows if identity is None else check_identity(identity, len(table))
    )
    people.check(size)
    return float(np.mean([people.loss(_shuffled(len(people), size, seed)) for seed in range(20)]))


def _shuffled(p: int, k: int, seed: int) -> np.ndarray:
    label = np.minimum(np.arange(p) // k, p // k - 1)
    return np.random.default_rng(seed).permutation(label)
