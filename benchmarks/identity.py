"""How well people are told apart by their embeddings: ``python -m benchmarks.identity FACES.H5``.

For each distance below which two faces may be one person's: how many people with several faces
end as two or more (the danger: such a person counts twice), what share of all faces hangs
together as the largest "person" (chaining), and how many people there are then. The last column
counts pairs of different names that are that close: in LFW, nearly all of those below 0.3 are
faults of its labels or two people in one photograph.

The file comes from ``python -m encoders ../shared/data/lfw -o lfw.h5 --identity folder``.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

from anonbase.errors import PrivacyWarning
from anonfaces.cluster import estimate_identity
from anonfaces.cluster.lookalikes import find_lookalikes
from benchmarks.machine import describe
from benchmarks.tables import print_table
from encoders.faceset import FaceSet

DISTANCES = (0.25, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6)
HEAD = ("distance", "split %", "largest %", "people", "pairs of names")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faces", type=Path, help="a faces.h5 whose identities are known")
    parser.add_argument("--distances", type=float, nargs="+", default=DISTANCES)
    options = parser.parse_args()
    faces = FaceSet.read(options.faces)
    several = np.sum(np.unique(faces.identity, return_counts=True)[1] > 1)
    print(f"{len(faces)} faces of {len(set(faces.identity))} people, {several} with several")
    print(f"{describe(('numpy', 'scipy'))}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        print_table(HEAD, [_row(faces, distance) for distance in options.distances])


def _row(faces: FaceSet, distance: float) -> list[object]:
    estimated = estimate_identity(faces.embedding, threshold=distance)
    _, name = np.unique(faces.identity, return_inverse=True)
    _, person = np.unique(estimated, return_inverse=True)
    pairs = np.unique(np.stack([name, person], axis=1), axis=0)
    parts, sizes = np.bincount(pairs[:, 0]), np.bincount(name)
    split = 100 * np.mean(parts[sizes > 1] > 1)
    largest = 100 * np.bincount(person).max() / len(person)
    alike = find_lookalikes(faces.embedding, faces.identity, distance)
    return [distance, split, largest, int(person.max()) + 1, len(alike)]


if __name__ == "__main__":
    main()
