"""How far a measured share may be from the true one."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["Interval", "bootstrap", "wilson"]

#: Resamples: the ends of a 95 % interval then differ from run to run by a few percent of its width.
RESAMPLES = 1000


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float


def wilson(share: float, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a ``share`` of ``n`` independent trials.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
    1927. It stays within 0 and 1, and says something of a share of 0 or 1 as well, which the
    usual plus-or-minus does not. Where people have several photographs ``n`` is to be people:
    photographs of one person are not independent.
    """
    if n < 1 or not 0 <= share <= 1 or not 0 < confidence < 1:
        raise InputError(f"no interval of a share {share} of {n} at confidence {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = share + z * z / (2 * n)
    half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    scale = 1 + z * z / n
    return Interval(max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale))


def bootstrap(
    values: NDArray[Any],
    person: NDArray[Any] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of the mean of ``values`` (n,), people being drawn with replacement.

    Parameters
    ----------
    values : float (n,)
        What was measured of each picture or pair; NaN is left out.
    person : int or str (n,), optional
        Whose it is; without it every value is another's.
    confidence : float
        Share of resamples within the interval, 0 to 1.
    seed : int
        Of the resamples.

    Returns
    -------
    Interval
        NaN at both ends where nothing was measured.

    References
    ----------
    B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979; by
    clusters since values of one person are not independent.
    """
    value = np.asarray(values, np.float64)
    if value.ndim != 1 or (person is not None and np.shape(person) != value.shape):
        raise InputError("a bootstrap takes a row of numbers, and whose each of them is")
    if not 0 < confidence < 1:
        raise InputError(f"confidence {confidence}: expected more than 0 and less than 1")
    known = ~np.isnan(value)
    if not known.any():
        return Interval(float("nan"), float("nan"))
    who = np.arange(known.sum()) if person is None else np.asarray(person)[known]
    _, unit = np.unique(who, return_inverse=True)
    total, count = np.bincount(unit, value[known]), np.bincount(unit)
    rng, n = np.random.default_rng(seed), len(count)
    times = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    low, high = np.quantile((times @ total) / (times @ count), _tails(confidence))
    return Interval(float(low), float(high))


def _tails(confidence: float) -> tuple[float, float]:
    return (1 - confidence) / 2, (1 + confidence) / 2
