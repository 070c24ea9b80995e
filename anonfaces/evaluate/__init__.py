"""How well surrogates protect, and what they keep: one function a measure.

Arrays in, a small result object out, with ``to_pandas()`` and ``plot()`` where there is a curve.
A surrogate in which no face was found has a vector of NaN. That never improves a score: it counts
as re-identified, as recognised, as not detected, and as far away as the farthest one.

>>> import numpy as np
>>> faces = np.array([[0.0, 0], [1, 0], [4, 0], [5, 0]])
>>> labels, who = np.array([0, 0, 1, 1]), np.array(["a", "b", "c", "d"])
>>> from anonfaces.evaluate import rank_1, reidentification, surrogate_distance
>>> distance = surrogate_distance(faces, np.array([[0.5, 0], [4.9, 0]]), labels)
>>> float(round(distance.mean, 3)), reidentification(distance.distance).rate(0.5)
(0.5, 0.75)
>>> rank_1(faces, np.array([[0.4, 0], [4.9, 0]]), labels, who).rate
0.5
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Detection": "detection",
    "Evaluation": "evaluation",
    "EvaluationOptions": "job",
    "FaceGeometry": "geometry",
    "GeometryKept": "geometry",
    "Identification": "identification",
    "Interval": "intervals",
    "Rank1": "rank",
    "Reidentification": "links",
    "SurrogateDistance": "distance",
    "Verification": "pairs",
    "agreement_of_landmarks": "hifd",
    "bootstrap": "intervals",
    "detection_rate": "detection",
    "evaluate": "job",
    "face_geometry": "geometry",
    "frechet_distance": "distributions",
    "geometry_kept": "geometry",
    "grouping_table": "grouping",
    "hifd_json": "hifd",
    "identify": "identification",
    "kernel_distance": "distributions",
    "load_judge": "judges.judge",
    "measure_hifd": "hifd",
    "member_distances": "grouping",
    "plot_bars": "grouping",
    "plot_curves": "grouping",
    "plot_dendrogram": "grouping",
    "plot_members": "grouping",
    "perceptual_distance": "pixels",
    "precision_recall": "distributions",
    "psnr": "pixels",
    "rank_1": "rank",
    "read_condensed": "subject",
    "read_evaluation": "evaluation",
    "recognize": "recognition",
    "reidentification": "links",
    "roc": "roc",
    "ssim": "pixels",
    "surrogate_distance": "distance",
    "verification": "pairs",
    "wilson": "intervals",
    "within_distances": "grouping",
}

__all__ = [
    "Detection",
    "Evaluation",
    "EvaluationOptions",
    "FaceGeometry",
    "GeometryKept",
    "Identification",
    "Interval",
    "Rank1",
    "Reidentification",
    "SurrogateDistance",
    "Verification",
    "agreement_of_landmarks",
    "bootstrap",
    "detection_rate",
    "evaluate",
    "face_geometry",
    "frechet_distance",
    "geometry_kept",
    "grouping_table",
    "hifd_json",
    "identify",
    "kernel_distance",
    "load_judge",
    "measure_hifd",
    "member_distances",
    "perceptual_distance",
    "plot_bars",
    "plot_curves",
    "plot_dendrogram",
    "plot_members",
    "precision_recall",
    "psnr",
    "rank_1",
    "read_condensed",
    "read_evaluation",
    "recognize",
    "reidentification",
    "roc",
    "ssim",
    "surrogate_distance",
    "verification",
    "wilson",
    "within_distances",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.evaluate' has no attribute {name!r}")
    return getattr(import_module(f"anonfaces.evaluate.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
