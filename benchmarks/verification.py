"""Verification as on Labeled Faces in the Wild: ``python -m benchmarks.verification``.

Two photographs, one person or two? The threshold on the distance is the best on nine tenths of
the pairs and is tested on the last tenth, ten times over (G. B. Huang, M. Ramesh, T. Berg, E.
Learned-Miller, "Labeled Faces in the Wild", 2007). The official folds cannot be used, since only
2,200 of the 6,000 pairs have all their people here: pairs are dealt to ten folds by a seed, each
with as many equal pairs. Of several faces the one nearest the middle counts, as LFW has it. A
photograph without a face makes every pair that it is in a wrong answer.

Two rows: the vector of the photograph, as it is stored in a FaceSet, and its mean with that of
the mirrored photograph. dlib's author gives 99.13 % for one chip of a photograph and 99.38 % for
the mean of 100 shifted and mirrored ones, on all 6,000 pairs (python_examples/face_recognition.py
in dlib); the bar is on the mean.

Beside it, the threshold t that is fixed beforehand, and the share of false matches that it lets
through: of all photographs in the pairs, each with each of another person.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.tables import SHARED, print_table

FOLDS, BARS = 10, {"dlib": 99.0, "dlib-reference": 99.0}
SIDE = 250  # of a photograph of LFW, in pixels
Vectors = dict[str, NDArray[np.float32]]
PACKAGES = ("numpy", "keras", "tensorflow-cpu", "dlib-bin")
HEAD = ("embedder", "vectors of a photograph", "accuracy %", "standard error", "threshold")
HEAD += ("at t %", "false matches at t %", "photographs without a face", "pairs lost to them")


@dataclass(frozen=True)
class Pairs:
    """Photographs by their paths, str (p,), and whether they show one person, bool (p,)."""

    first: NDArray[np.str_]
    second: NDArray[np.str_]
    same: NDArray[np.bool_]


def main() -> None:
    """Print the table; fails where dlib's accuracy of the mean is below 99 %."""
    options = _options()
    pairs = _read_pairs(options.pairs)
    print(f"{len(pairs.same)} pairs of {options.pairs}\n{describe(PACKAGES)}\n")
    start = time.perf_counter()
    plain, mirrored = _embed(options, pairs)
    both = {name: (plain[name] + mirrored[name]) / 2 for name in plain.keys() & mirrored.keys()}
    rows = [
        [options.extractor, what, *_measure(pairs, vectors, options.t, options.seed)]
        for what, vectors in {"one": plain, "mean with its mirror image": both}.items()
    ]
    print_table(HEAD, rows)
    accuracy = float(str(rows[-1][2]))
    bar = BARS.get(options.extractor, 0.0)
    print(f"\n{time.perf_counter() - start:.0f} s; bar: {bar} %; t = {options.t}")
    print("\n".join(f"no face: {name}" for name in sorted(_all_names(pairs) - both.keys())))
    sys.exit(int(accuracy < bar))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verification", description=__doc__)
    parser.add_argument("--pairs", type=Path, default=SHARED / "lfw_pairs.csv")
    parser.add_argument("--photos", type=Path, default=SHARED / "lfw")
    parser.add_argument("--extractor", default="dlib")
    parser.add_argument("--weights", type=Path, help="a file for the extractor")
    parser.add_argument("--t", type=float, default=0.6, help="a threshold; 0.6 is dlib's own")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.pairs.is_file():
        parser.error(f"{options.pairs} is missing: research data, which does not ship")
    return options


def _read_pairs(path: Path) -> Pairs:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    first, second = (np.array([row[name] for row in rows]) for name in ("a", "b"))
    return Pairs(first, second, np.array([row["same"] == "1" for row in rows]))


def _all_names(pairs: Pairs) -> set[str]:
    return {*map(str, pairs.first), *map(str, pairs.second)}


def _embed(options: argparse.Namespace, pairs: Pairs) -> tuple[Vectors, Vectors]:
    """A vector for each photograph with a face, and for each mirrored photograph with one."""
    from PIL import Image, ImageOps

    with tempfile.TemporaryDirectory() as name:
        plain, mirrored = Path(name) / "plain", Path(name) / "mirrored"
        for photo in _all_names(pairs):
            (plain / photo).parent.mkdir(parents=True, exist_ok=True)
            (mirrored / photo).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(options.photos / photo, plain / photo)
            with Image.open(options.photos / photo) as picture:
                ImageOps.mirror(picture).save(mirrored / f"{photo}.png")
        found = {path.removesuffix(".png"): v for path, v in _encode(mirrored, options).items()}
        return _encode(plain, options), found


def _encode(photos: Path, options: argparse.Namespace) -> Vectors:
    from encoders import encode

    faces = encode(
        photos,
        photos.with_suffix(".h5"),
        extractor=options.extractor,
        weights=options.weights,
        identity="none",
        faces="all",
    )
    middle = (faces.box[:, :2] + faces.box[:, 2:]) / 2 - SIDE / 2
    order = np.argsort(-np.linalg.norm(middle, axis=1))  # the most central face comes last
    return {str(faces.image[row]): faces.embedding[row] for row in order}


def _measure(pairs: Pairs, vectors: Vectors, t: float, seed: int) -> list[object]:
    """Accuracy, its standard error, threshold, both shares at t, faces and pairs lost."""
    distance = _distances(pairs, vectors)
    found, thresholds = _ten_folds(distance, pairs.same, seed)
    spread = found.std(ddof=1) / np.sqrt(FOLDS)
    fixed = _right(distance, pairs.same, t).mean()
    numbers = (100 * found.mean(), 100 * spread, thresholds.mean(), 100 * fixed)
    numbers += (100 * _false_matches(vectors, t),)
    missing = _all_names(pairs) - vectors.keys()
    return [*map(float, numbers), len(missing), int(np.isnan(distance).sum())]


def _false_matches(vectors: Vectors, t: float) -> float:
    """Share of photographs of two people (by their folders) that lie at most t apart."""
    from anonfaces.evaluate import verification

    people = np.array([name.split("/")[0] for name in vectors])
    return float(verification(np.stack(list(vectors.values())), people).false_match(t))


def _distances(pairs: Pairs, vectors: Vectors) -> NDArray[np.float64]:
    """Distance of each pair (p,); NaN where a face was not found."""
    nothing = np.full_like(next(iter(vectors.values())), np.nan)
    first, second = (
        np.stack([vectors.get(str(name), nothing) for name in names])
        for names in (pairs.first, pairs.second)
    )
    return np.linalg.norm(first.astype(np.float64) - second, axis=1)


def _ten_folds(
    distance: NDArray[np.float64], same: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy on each fold, and the threshold that the other nine chose."""
    fold = _deal(same, seed)
    results = []
    for tested in range(FOLDS):
        rest = fold != tested
        threshold = _best_threshold(distance[rest], same[rest])
        right = _right(distance[~rest], same[~rest], threshold)
        results.append((right.mean(), threshold))
    accuracy, thresholds = np.array(results).T
    return accuracy, thresholds


def _deal(same: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """The fold of each pair, as many pairs of each kind in every fold."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(same), np.int64)
    for kind in (True, False):
        places = rng.permutation(np.flatnonzero(same == kind))
        fold[places] = np.arange(len(places)) % FOLDS
    return fold


def _best_threshold(distance: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The threshold with most right answers; the middle of the first gap that has them."""
    known = ~np.isnan(distance)
    order = np.argsort(distance[known])
    sorted_distance, sorted_same = distance[known][order], same[known][order]
    # with the threshold after the i-th pair: equal pairs before it and unequal ones behind it
    right = np.cumsum(sorted_same) + np.sum(~sorted_same) - np.cumsum(~sorted_same)
    best = int(np.argmax(right[:-1]))
    return float(sorted_distance[best : best + 2].mean())


def _right(
    distance: NDArray[np.float64], same: NDArray[np.bool_], threshold: float
) -> NDArray[np.bool_]:
    return ((distance <= threshold) == same) & ~np.isnan(distance)


if __name__ == "__main__":
    main()
