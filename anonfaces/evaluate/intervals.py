"""How far a measured share may be from the true one."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

from anonbase.errors import InputError

__all__ = ["Interval", "wilson"]


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
