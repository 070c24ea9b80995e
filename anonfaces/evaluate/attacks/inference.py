"""Attribute inference: what a group's surrogate says of each of its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate.attacks.linkage import derangement
from anonfaces.evaluate.attacks.result import Attack, share

if TYPE_CHECKING:
    from anonfaces.evaluate.subject import Subject
    from anonfaces.evaluate.utility import Perception

__all__ = ["infer", "infer_gender"]

_WHO = "knows in which group a person is, and reads the group's surrogate"


def infer_gender(subject: Subject, seed: int = 0, perception: Perception | None = None) -> Attack:
    """Perceived gender of each person from their surrogate; what groups share is meant to stay."""
    from anonfaces.evaluate.utility import Perception

    own = perception or Perception()
    seen = own.of_faces(subject.faces)[:, 1].astype(np.float64)
    person = np.bincount(subject.unit, seen) / np.bincount(subject.unit)
    surrogate = own.of_pictures(subject.pictures())[:, 1]
    shown = np.where(np.isnan(surrogate), np.nan, surrogate >= 0.5)
    return infer(shown, person >= 0.5, subject.group, "perceived gender", seed)


def infer(
    shown: NDArray[np.floating],
    truth: NDArray[np.bool_],
    group: NDArray[np.int64],
    what: str,
    seed: int = 0,
) -> Attack:
    """How often what a surrogate shows is true of a person.

    ``shown`` (g,) is 0, 1 or NaN where the surrogate shows no face, which counts as right;
    ``truth`` bool (p,); ``group`` int64 (p,). The baseline names what most people are.
    """
    n, wrong = len(truth), derangement(len(shown), seed)
    rates = [
        float(((own == truth) | np.isnan(own)).mean())
        for own in (shown[group], shown[wrong][group])
    ]
    most = float(max(truth.mean(), 1 - truth.mean()))
    return Attack(
        attack=f"infer the {what}", attacker=_WHO, sees="looks",
        main=share(rates[0], n), baseline=share(most, n), control=share(rates[1], n), chance=most,
    )  # fmt: skip
