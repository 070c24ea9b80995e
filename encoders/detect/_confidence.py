"""One measure of how sure a detector is, 0 to 1, with 0.5 where its author would cut.

Detectors answer in numbers of their own: a margin in any unit, or a share of one that is nearly
always near 1. ``--threshold`` is one number for all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["from_margin", "from_probability", "to_margin", "to_probability"]

Numbers = NDArray[np.float64]


def from_margin(margin: Numbers, slope: float) -> Numbers:
    """Confidence of a margin, which is 0 where its author would cut."""
    return 1 / (1 + np.exp(-slope * np.asarray(margin, np.float64)))


def to_margin(confidence: float, slope: float) -> float:
    """The margin that has this confidence."""
    return float(np.log(confidence / (1 - confidence)) / slope)


def from_probability(probability: Numbers, usual: float) -> Numbers:
    """Confidence of a probability that its author would cut at ``usual``."""
    return np.asarray(probability, np.float64) ** _power(usual)


def to_probability(confidence: float, usual: float) -> float:
    """The probability that has this confidence."""
    return float(confidence ** (1 / _power(usual)))


def _power(usual: float) -> float:
    return float(np.log(0.5) / np.log(usual))
