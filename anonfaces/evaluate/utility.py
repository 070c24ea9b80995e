"""What surrogates keep: looks, variety, a face at all, and what a network can learn from them.

Ages, genders, smiles and turns of the head are perceived: a network of ours guesses them
(``encoders.attributes``), of originals and surrogates alike, so its bias is in both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import UtilityWarning
from anonbase.notices import warn_user
from anonfaces.evaluate.distributions import frechet_distance, kernel_distance, precision_recall
from anonfaces.evaluate.intervals import Interval, bootstrap, wilson

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Subject
    from encoders.faceset import FaceSet

__all__ = ["Perception", "learned_from", "looks_of", "measure_utility"]

Vectors = NDArray[np.float64]

#: Fewer pictures make a Frechet distance mostly a measure of their number.
ENOUGH = 2000
#: Vectors of which all pairs are looked at: their distances take 128 MB.
_MOST = 4000
#: With as few vectors a neighborhood has no size.
_NEIGHBORS = 3
_LOOKS = ("age", "female", "smile", "yaw")
_PART = 256


class _LooksReader:
    """The attribute network as an embedder: FFHQ-aligned chips to age, female, smile, yaw."""

    name, sha256, alignment, chip_size, dim = "looks", "", "ffhq-68-256", 256, len(_LOOKS)

    def __init__(self) -> None:
        from encoders.attributes import load_attributes

        self._network = load_attributes()

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen = self._network(chips)
        return np.stack([seen[name] for name in _LOOKS], axis=1).astype(np.float32)


@lru_cache(maxsize=1)
def _reader() -> _LooksReader:
    return _LooksReader()


class Perception:
    """What a network of ours perceives: age in years, probability of "female", smile and yaw."""

    #: Numbers of a face.
    numbers = len(_LOOKS)

    def of_faces(self, faces: FaceSet) -> NDArray[np.float32]:
        """Looks (n, 4) of the faces of a FaceSet, from its chips."""
        parts = [np.empty((0, self.numbers), np.float32)]
        for start in range(0, len(faces), _PART):
            chips = faces.chips(np.arange(start, min(start + _PART, len(faces))))
            parts.append(_reader()(chips))
        return np.concatenate(parts)

    def of_pictures(self, pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Looks (g, 4) of pictures, each found, aligned and looked at as a photograph would be.

        NaN where no face is found.
        """
        from anonfaces.evaluate.recognition import recognize

        return recognize(pictures, _reader())


def looks_of(faces: FaceSet) -> NDArray[np.float32]:
    """Look at the faces of a FaceSet, from its chips: (n, 4), as ``Perception`` does."""
    return Perception().of_faces(faces)


def measure_utility(
    subject: Subject,
    *,
    judge: Judge | None = None,
    real: FaceSet | None = None,
    looks: NDArray[np.float32] | None = None,
    perception: Perception | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Every measure of what is kept, by name: ``about``, ``value`` and ``shown``.

    Parameters
    ----------
    subject : Subject
        The surrogates with their people.
    judge : Judge, optional
        Whose vectors say how far faces lie apart; dlib's by default.
    real : FaceSet, optional
        Other photographs, on which what was learned from the surrogates is tried.
    looks : float32 (n, 4), optional
        What ``looks_of`` says of the originals, where that is known already.
    perception : Perception, optional
        Who perceives looks.
    """
    from anonfaces.evaluate.judges.judge import load_judge

    seer, own = judge or load_judge("dlib"), perception or Perception()
    before = own.of_faces(subject.faces) if looks is None else looks
    after = own.of_pictures(subject.pictures())
    vectors, seen = seer.of_faces(subject.faces), subject.vectors(seer)
    measures = _looks_kept(subject, before, after)
    measures |= _variety(vectors, seen, seer.name)
    if real is not None:
        measures |= _learned(subject, before, seen, seer, real, own)
    return measures


def _looks_kept(
    subject: Subject, before: NDArray[np.float32], after: NDArray[np.float32]
) -> dict[str, Any]:
    """Against the mean of a group's people; a surrogate without a face keeps nothing."""
    mean = _of_groups(before.astype(np.float64), subject.unit, subject.labels)
    seen = ~np.isnan(after[:, 0])
    gender = np.where(seen, (after[:, 1] >= 0.5) == (mean[:, 1] >= 0.5), False)
    off = np.abs(after[seen, 0] - mean[seen, 0])
    measures = {
        "face_found": _share("surrogates in which a face is found", seen),
        "gender_kept": _share("surrogates of the perceived gender of most of the group", gender),
        "age_error": _measure(
            "years between the perceived age of a surrogate and its group's mean",
            float(off.mean()) if len(off) else None,
            "years",
            bootstrap(off) if len(off) else None,
        ),
    }
    for column, name in ((2, "smile"), (3, "turn of the head")):
        measures[f"{name.split()[0]}_kept"] = _measure(
            f"correlation of {name} between surrogates and the means of their groups",
            _correlation(after[seen, column], mean[seen, column]),
            "number",
        )
    return measures


def _of_groups(
    values: Vectors, unit: NDArray[np.int64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean (g, d) over the people of each group of the means over their faces."""
    rows = np.unique(unit, return_index=True)[1]
    person = _means(values, unit)
    return _means(person, labels[rows])


def _means(values: Vectors, by: NDArray[np.int64]) -> Vectors:
    return (
        np.stack([np.bincount(by, column) for column in values.T], axis=1)
        / np.bincount(by)[:, None]
    )


def _correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float | None:
    if len(a) < 3 or np.std(a) == 0 or np.std(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _variety(vectors: NDArray[np.float32], seen: NDArray[np.float32], name: str) -> dict[str, Any]:
    """How far surrogates lie apart against originals, and how their distributions differ."""
    known = seen[~np.isnan(seen[:, 0])].astype(np.float64)
    originals = vectors.astype(np.float64)
    if len(known) < 2:
        return {}
    ratio = _apart(known) / _apart(originals)
    if min(len(known), len(originals)) < ENOUGH:
        message = (
            f"Frechet distance of {name}'s vectors: {len(known):,} surrogates, {ENOUGH:,} asked"
        )
        warn_user(f"{message}; it says more of their number than of their looks", UtilityWarning)
    measures = {
        "diversity": _measure(
            f"mean distance of two surrogates over that of two originals ({name})", ratio, "number"
        ),
        "frechet_distance": _measure(
            f"Frechet distance of {name}'s vectors between surrogates and originals (not FID;"
            f" {len(known):,} and {len(originals):,} pictures)",
            frechet_distance(known, originals),
            "number",
        ),
        "kernel_distance": _measure(
            f"kernel distance of {name}'s vectors between surrogates and originals, without the"
            " bias of few pictures (not KID)",
            kernel_distance(known[:_MOST], originals[:_MOST]),
            "number",
        ),
    }
    if min(len(known), len(originals)) > _NEIGHBORS:
        precision, recall = precision_recall(originals[:_MOST], known[:_MOST])
        measures["precision"] = _measure(
            f"surrogates that lie among the originals ({name})", precision, "share"
        )
        measures["recall"] = _measure(
            f"originals that lie among the surrogates ({name})", recall, "share"
        )
    return measures


def _apart(vectors: Vectors) -> float:
    from scipy.spatial.distance import pdist

    return float(pdist(vectors[: 2 * ENOUGH]).mean())


def _learned(
    subject: Subject,
    before: NDArray[np.float32],
    seen: NDArray[np.float32],
    judge: Judge,
    real: FaceSet,
    perception: Perception,
) -> dict[str, Any]:
    mean = _of_groups(before.astype(np.float64), subject.unit, subject.labels)
    readable = ~np.isnan(seen[:, 0])
    tried = judge.of_faces(real), perception.of_faces(real)[:, 1] >= 0.5
    of_release = learned_from(seen[readable], mean[readable, 1] >= 0.5, *tried)
    of_originals = learned_from(judge.of_faces(subject.faces), before[:, 1] >= 0.5, *tried)
    about = "accuracy on other photographs of a classifier of perceived gender trained on"
    return {
        "learned_from_release": _measure(f"{about} the surrogates", of_release, "share"),
        "learned_from_originals": _measure(f"{about} the originals", of_originals, "share"),
    }


def learned_from(
    vectors: NDArray[Any], label: NDArray[np.bool_], tried: NDArray[Any], truth: NDArray[np.bool_]
) -> float | None:
    """Balanced accuracy on ``tried`` of a logistic regression of ``label``; None of one class."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    if len(np.unique(label)) < 2 or len(np.unique(truth)) < 2:
        return None
    fitted = LogisticRegression(class_weight="balanced", max_iter=1000).fit(vectors, label)
    return float(balanced_accuracy_score(truth, fitted.predict(tried)))


def _share(about: str, each: NDArray[np.bool_]) -> dict[str, Any]:
    """A share of groups with Wilson's interval."""
    share = float(each.mean())
    return _measure(about, share, "share", wilson(share, len(each)))


def _measure(
    about: str, value: float | None, unit: str, interval: Interval | None = None
) -> dict[str, Any]:
    """One measure; ``interval`` is its 95 % interval, groups being the trials."""
    shown = {"share": "{:.1%}", "years": "{:.1f} years", "number": "{:.3f}"}[unit]
    measure: dict[str, Any] = {
        "about": about,
        "value": None if value is None else round(value, 6),
        "shown": "—" if value is None else shown.format(value).replace("%", " %"),
        "unit": unit,
    }
    if interval is not None:
        measure["low"], measure["high"] = (round(end, 6) for end in interval)
        low, high = (shown.format(end).replace("%", "") for end in interval)
        measure["shown"] += f" ({low.removesuffix(' years')} to {high.removesuffix(' years')})"
    return measure
