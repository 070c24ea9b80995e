"""How alike two sets of pictures are as sets, by vectors that a network sees in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["frechet_distance", "kernel_distance", "precision_recall"]

Vectors = NDArray[Any]

#: Neighbors whose farthest sets the radius of a sample, as in the paper.
_NEIGHBORS = 3


def frechet_distance(a: Vectors, b: Vectors) -> float:
    """Of the normal distributions fitted to two sets of vectors (n, d) and (m, d).

    Of few vectors it is too large: it grows by about d / n. ``kernel_distance`` is not.

    References
    ----------
    M. Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash
    equilibrium", NeurIPS 2017, equation 6. Of Inception-v3's features it is called FID, of others
    not.
    """
    first, second = (np.cov(x.astype(np.float64), rowvar=False) for x in (a, b))
    values, ways = np.linalg.eigh(first)
    # of few vectors a covariance is singular, and some of these values come out below 0
    root = (ways * np.sqrt(np.maximum(values, 0))) @ ways.T
    common = np.linalg.eigvalsh(root @ second @ root)
    shift = a.mean(axis=0, dtype=np.float64) - b.mean(axis=0, dtype=np.float64)
    overlap = np.sqrt(np.maximum(common, 0)).sum()
    return float(shift @ shift + np.trace(first + second) - 2 * overlap)


def kernel_distance(a: Vectors, b: Vectors) -> float:
    """The squared maximum mean discrepancy of two sets of vectors, without a bias.

    The kernel is (x.y / d + 1)^3. Of two samples of one distribution it is 0 in the mean, however
    few there are, so single values may lie below 0.

    Parameters
    ----------
    a, b : float (n, d) and (m, d)
        Two and more vectors each.

    References
    ----------
    M. Binkowski et al., "Demystifying MMD GANs", ICLR 2018. Of Inception-v3's features it is called
    KID, of others not.

    Examples
    --------
    >>> import numpy as np
    >>> from anonfaces.evaluate import kernel_distance
    >>> a = np.random.default_rng(0).normal(size=(100, 8))
    >>> kernel_distance(a, a + 1) > kernel_distance(a[:50], a[50:])
    True
    """
    first, second = _checked(a, b)
    within = [_kernel(x, x) for x in (first, second)]
    means = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in within]
    return float(sum(means) - 2 * _kernel(first, second).mean())


def precision_recall(real: Vectors, made: Vectors) -> tuple[float, float]:
    """Shares of ``made`` (n, d) that lie among ``real`` (m, d), and of ``real`` among ``made``.

    A vector lies among others where it is nearer to one of them than that one's third neighbor of
    its own set. The first says that made pictures look real, the second that all that is real is
    made somewhere.

    References
    ----------
    T. Kynkaanniemi et al., "Improved precision and recall metric for assessing generative models",
    NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from anonfaces.evaluate import precision_recall
    >>> real = np.random.default_rng(0).normal(size=(100, 2))
    >>> precision_recall(real, real[:20] + 100)
    (0.0, 0.0)
    """
    first, second = _checked(real, made, _NEIGHBORS + 1)
    return _among(second, first), _among(first, second)


def _among(some: Vectors, others: Vectors) -> float:
    from sklearn.neighbors import NearestNeighbors

    own = NearestNeighbors(n_neighbors=_NEIGHBORS + 1).fit(others)
    radius = own.kneighbors(others)[0][:, -1]  # the nearest is itself
    near = NearestNeighbors(radius=float(radius.max())).fit(others)
    distances, rows = near.radius_neighbors(some)
    pairs = zip(distances, rows, strict=True)
    return float(np.mean([(d <= radius[own_rows]).any() for d, own_rows in pairs]))


def _kernel(a: Vectors, b: Vectors) -> NDArray[np.float64]:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3, np.float64)


def _checked(a: Vectors, b: Vectors, least: int = 2) -> tuple[Vectors, Vectors]:
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if first.ndim != 2 or first.shape[1:] != second.shape[1:] or min(map(len, (a, b))) < least:
        raise InputError(
            f"expected two sets of {least} vectors of one length and more, got {first.shape} and"
            f" {second.shape}"
        )
    return first, second
