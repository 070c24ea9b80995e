"""HiFD's scores, in the layout of the ``scores.json`` that its authors' program writes.

HiFD is a weighted harmonic mean of privacy (P), quality (Q) and three levels of utility (U1 to U3):
"How private is private? A comparative study for face de-identification", github.com/TILab-Hi/HiFD,
under review in 2025. What was not measured is null there and left out of the mean, as theirs does
it. So a number is comparable with theirs only where the same parts were measured by the same
networks, which are not ours: theirs are ArcFace, CosFace and AdaFace for P, MiVOLO for age and
gender, MediaPipe for landmarks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonfaces.evaluate.geometry import FaceGeometry
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Subject
    from anonfaces.evaluate.utility import Perception

__all__ = ["agreement_of_landmarks", "hifd", "hifd_json", "measure_hifd"]

Values = NDArray[np.float64]

#: Weights of the parts in the authors' three profiles.
PROFILES: dict[str, dict[str, float]] = {
    "PrivacyFirst": {"P": 0.5, "Q": 0.125, "U1": 0.125, "U2": 0.125, "U3": 0.125},
    "Balanced": {"P": 0.2, "Q": 0.2, "U1": 0.2, "U2": 0.2, "U3": 0.2},
    "Clinical": {"P": 0.15, "Q": 0.15, "U1": 0.15, "U2": 0.15, "U3": 0.4},
}
#: What their file holds beside the composites; null where it was not measured.
FIELDS = (
    *("privacy", "privacy_n", "quality", "quality_n", "lpips_mean", "niqe_mean"),
    *("age", "gender", "ethnicity", "macro_exp", "landmark", "U1"),
    *("gaze", "micro_exp", "U2", "bvp", "hr", "U3"),
)
#: Years at which two ages agree in nothing.
_AGES = 100.0
#: Mean error of landmarks, as a share of the distance of the eyes, at which nothing agrees.
_LANDMARK_ERROR = 0.10
#: The landmarks of either eye, of dlib's 68.
_EYES = slice(36, 42), slice(42, 48)
#: Keeps a harmonic mean finite where a part is 0.
_EPSILON = 1e-6


def measure_hifd(
    subject: Subject, judges: Sequence[Judge], perception: Perception | None = None
) -> dict[str, Any]:
    """The fields of HiFD that this package measures, of one set of surrogates.

    P is asked of the judges that took no part (of all where none is such), age and gender of our
    network of looks. An original whose surrogate shows no face has P = 0, and agrees in nothing.

    Returns
    -------
    dict
        ``FIELDS`` and a composite a profile.
    """
    from anonfaces.evaluate.utility import Perception

    own = perception or Perception()
    extractor = str(subject.faces.meta.get("extractor_sha256"))
    outside = [one for one in judges if not one.took_part(extractor, subject.surrogate)]
    privacy = np.mean([_privacy(subject, one) for one in outside or judges], axis=0)
    before, after = own.of_faces(subject.faces), own.of_pictures(subject.pictures())[subject.labels]
    age = np.maximum(0, 1 - np.abs(before[:, 0] - after[:, 0]) / _AGES)
    gender = 1 - np.abs(before[:, 1] - after[:, 1])
    measured = {"privacy": float(privacy.mean()), "privacy_n": len(privacy)}
    measured |= {"age": _mean(age), "gender": _mean(gender)}
    return _composed(measured)


def _privacy(subject: Subject, judge: Judge) -> Values:
    """(1 - cosine) / 2 of each original and its surrogate, float64 (n,); 0 without a face."""
    a = _unit(judge.of_faces(subject.faces))
    b = _unit(subject.vectors(judge))[subject.labels]
    return np.nan_to_num(0.5 * (1 - np.clip((a * b).sum(axis=1), -1, 1)))


def _unit(vectors: NDArray[np.floating]) -> Values:
    values = np.asarray(vectors, np.float64)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def _mean(agreement: NDArray[np.floating]) -> float:
    return float(np.nan_to_num(agreement).mean())


def agreement_of_landmarks(originals: FaceGeometry, results: FaceGeometry) -> float:
    """HiFD's agreement of dlib's 68 landmarks, for results that keep the pose of their originals.

    Of each pair the mean error over the distance of the original's eyes, where 0.1 agrees in
    nothing; a result without a face agrees in nothing; an original without one does not count.
    """
    eyes = [originals.landmark[:, eye].mean(axis=1) for eye in _EYES]
    apart = np.linalg.norm(eyes[0] - eyes[1], axis=1)
    error = np.linalg.norm(originals.landmark - results.landmark, axis=2).mean(axis=1) / apart
    return _mean(np.maximum(0, 1 - error / _LANDMARK_ERROR)[originals.found])


def hifd(parts: Mapping[str, float | None], weights: Mapping[str, float]) -> float:
    """The weighted harmonic mean of the ``parts`` that are known, 0 where none is.

    Examples
    --------
    >>> round(hifd({"P": 0.5, "Q": None, "U1": 1.0}, {"P": 0.2, "Q": 0.2, "U1": 0.2}), 4)
    0.6667
    """
    known = {name: value for name, value in parts.items() if value is not None}
    total = sum(weights[name] for name in known)
    if total <= 0:
        return 0.0
    return total / sum(weights[name] / (value + _EPSILON) for name, value in known.items())


def hifd_json(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """JSON text of the scores by method, as the authors' ``scores.json`` has it."""
    return json.dumps(scores, indent=2) + "\n"


def _composed(measured: Mapping[str, Any]) -> dict[str, Any]:
    scores: dict[str, Any] = {name: measured.get(name) for name in FIELDS}
    level = [scores[name] for name in ("age", "gender", "ethnicity", "macro_exp", "landmark")]
    known = [value for value in level if value is not None]
    scores["U1"] = float(np.mean(known)) if known else None
    names = {"P": "privacy", "Q": "quality", "U1": "U1", "U2": "U2", "U3": "U3"}
    parts = {part: scores[name] for part, name in names.items()}
    return scores | {f"HiFD_{name}": hifd(parts, one) for name, one in PROFILES.items()}
