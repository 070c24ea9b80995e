"""RI(t): the share of faces that a recogniser with threshold t takes their surrogate for.

M.-H. Le et al., "AnonFACES", WPES 2020, at t = 0.6 for dlib's vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.evaluate._arrays import people_of, share_by
from anonfaces.evaluate.intervals import Interval, wilson

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from anonfaces.evaluate.pairs import Verification

__all__ = ["DLIB", "THRESHOLDS", "Reidentification", "reidentification"]

DLIB = 0.6
"""The threshold of the paper, and the tolerance of ``face_recognition``, for dlib's vectors."""
THRESHOLDS = np.linspace(0, 1.2, 121)


@dataclass(frozen=True)
class Reidentification:
    """RI at every threshold.

    ``distance`` float64 (n,) of a face to its own surrogate, infinitely small where that shows
    no face; ``labels`` and ``person`` int64 (n,) its group and whose it is; ``context`` how the
    recogniser does on the originals themselves, for the same thresholds.
    """

    distance: NDArray[np.float64]
    labels: NDArray[np.int64]
    person: NDArray[np.int64]
    context: Verification | None = None

    def __repr__(self) -> str:
        faces = f"{len(self.distance):,} faces"
        return f"Reidentification({faces}, RI({DLIB}) of people {self.rate_of_people():.3f})"

    @property
    def people(self) -> NDArray[np.int64]:
        """The number of every person, ascending: the trials."""
        return np.arange(int(self.person.max()) + 1)

    def rate(self, t: float = DLIB) -> float:
        """Share of faces at most ``t`` from their surrogate."""
        return float((self.distance <= t).mean())

    def rate_of_people(self, t: float = DLIB) -> float:
        """The same with people weighing equally: the mean over people of their faces' share."""
        return float(share_by(self.distance <= t, self.person).mean())

    def interval(self, t: float = DLIB, confidence: float = 0.95) -> Interval:
        """Wilson's interval of ``rate_of_people``, people being the independent trials."""
        return wilson(self.rate_of_people(t), int(self.person.max()) + 1, confidence)

    def of_groups(self, t: float = DLIB) -> pd.DataFrame:
        """One row a group: people, rate (people weighing equally), and whether above 1 / people.

        A mean over all groups may lie below 1/k while single groups give their people away.
        """
        import pandas as pd

        _, first = np.unique(self.person, return_index=True)
        group = self.labels[first]
        rate = share_by(share_by(self.distance <= t, self.person), group)
        table = pd.DataFrame({"people": np.bincount(group), "rate": rate})
        table["above"] = table["rate"] > 1 / table["people"] + 1e-9
        return table.rename_axis("group").reset_index()

    def above_chance(self, t: float = DLIB) -> float:
        """Share of groups whose rate is above 1 / their number of people."""
        return float(self.of_groups(t)["above"].mean())

    def to_pandas(self, thresholds: NDArray[Any] = THRESHOLDS) -> pd.DataFrame:
        """The curve: threshold, rate, rate_of_people, low, high (95 %), and the context's."""
        import pandas as pd

        rows = [
            (t, self.rate(t), self.rate_of_people(t), *self.interval(t))
            for t in thresholds.tolist()
        ]
        table = pd.DataFrame(rows, columns=["threshold", "rate", "rate_of_people", "low", "high"])
        if self.context is not None:
            table["true_match"] = self.context.true_match(thresholds)
            table["false_match"] = self.context.false_match(thresholds)
        return table

    def plot(self, thresholds: NDArray[Any] = THRESHOLDS) -> Figure:
        """The curve with its interval, beside how the originals match themselves and others."""
        from matplotlib.figure import Figure

        table = self.to_pandas(thresholds)
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axes, t = figure.add_subplot(), table["threshold"]
        axes.fill_between(t, table["low"], table["high"], alpha=0.2, linewidth=0)
        axes.plot(t, table["rate_of_people"], label="RI(t): a face and its surrogate")
        if self.context is not None:
            axes.plot(t, table["true_match"], "--", label="two photographs of one person")
            axes.plot(t, table["false_match"], ":", label="photographs of two people")
        axes.set(xlabel="threshold t", ylabel="share taken for the same", ylim=(0, 1))
        axes.set_xlim(float(thresholds[0]), float(thresholds[-1]))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        return figure


def reidentification(
    distance: NDArray[Any],
    labels: NDArray[Any] | None = None,
    identity: NDArray[Any] | None = None,
    context: Verification | None = None,
) -> Reidentification:
    """RI(t) from the ``distance`` (n,) of every face to its own surrogate.

    A distance is NaN where the surrogate shows no face: that face counts as re-identified at
    every threshold, so that failures never look like protection. ``labels`` int (n,) are the
    groups (one where None); ``identity`` (n,) whose faces they are (all different where None);
    ``context`` comes from ``verification``. ``InputError`` for arrays that do not fit.
    """
    far = np.asarray(distance, np.float64)
    if far.ndim != 1 or not len(far) or (far < 0).any():
        raise InputError("distances are a row of numbers of at least 0, one a face")
    groups = np.zeros(len(far), np.int64) if labels is None else np.asarray(labels)
    if groups.shape != far.shape:
        raise InputError(f"labels are {len(far)}, one a distance, not {groups.shape}")
    _, group = np.unique(groups, return_inverse=True)
    unfavourable = np.where(np.isnan(far), -np.inf, far)
    return Reidentification(unfavourable, group, people_of(identity, group), context)
